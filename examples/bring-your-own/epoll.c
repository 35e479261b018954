/* A server in another language: the lab's echo, with epoll, on one thread.
 *
 * What comes goes back with a to z in upper case. Readiness is level-triggered, one read for each
 * event. A client that does not read its answers is not read either, and costs one answer at most.
 * At the limit of descriptors newcomers wait in the backlog until somebody leaves.
 *
 *     gcc -O2 -o epoll epoll.c && ./epoll 127.0.0.1 7001
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE = 65536, BACKLOG = 1024, EVENTS = 64 };

struct client { /* rest: what the socket did not take, and how much of it */
    int fd;
    char *rest;
    size_t from, left;
};

static int epoll, listener;
static bool full; /* no descriptor is left: the listener is not watched */
static char buffer[RECEIVE];

static void watch(int operation, int fd, uint32_t events, struct client *client) {
    struct epoll_event event = {.events = events, .data.ptr = client};
    epoll_ctl(epoll, operation, fd, &event);
}

static void hang_up(struct client *client) {
    close(client->fd); /* epoll forgets it */
    free(client->rest);
    free(client);
    if (full) watch(EPOLL_CTL_MOD, listener, EPOLLIN, NULL);
    full = false;
}

static void welcome(void) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
            watch(EPOLL_CTL_MOD, listener, 0, NULL);
            full = true;
        }
        if (fd < 0 && errno != ECONNABORTED) return; /* EAGAIN: that was the last one */
        if (fd < 0) continue;
        struct client *client = calloc(1, sizeof *client);
        if (!client) abort();
        client->fd = fd;
        watch(EPOLL_CTL_ADD, fd, EPOLLIN, client);
    }
}

/* Returns how many bytes the socket took, -1: the client has gone. */
static ssize_t give(struct client *client, const char *bytes, size_t size) {
    ssize_t taken = send(client->fd, bytes, size, MSG_NOSIGNAL);
    return taken < 0 && errno == EAGAIN ? 0 : taken;
}

static void give_rest(struct client *client) {
    ssize_t taken = give(client, client->rest + client->from, client->left);
    if (taken < 0) {
        hang_up(client);
        return;
    }
    client->from += taken;
    client->left -= taken;
    if (client->left) return;
    free(client->rest);
    client->rest = NULL;
    watch(EPOLL_CTL_MOD, client->fd, EPOLLIN, client);
}

static void answer(struct client *client) {
    ssize_t size = recv(client->fd, buffer, RECEIVE, 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) { /* the end of its side, or a reset */
        hang_up(client);
        return;
    }
    for (ssize_t at = 0; at < size; at++)
        if (buffer[at] >= 'a' && buffer[at] <= 'z') buffer[at] -= 'a' - 'A';
    ssize_t taken = give(client, buffer, size);
    if (taken < 0) {
        hang_up(client);
    } else if (taken < size) { /* read no more before it has gone */
        client->from = 0;
        client->left = size - taken;
        client->rest = malloc(client->left);
        if (!client->rest) abort();
        memcpy(client->rest, buffer + taken, client->left);
        watch(EPOLL_CTL_MOD, client->fd, EPOLLOUT, client);
    }
}

int main(int count, char **words) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (count != 3 || !inet_pton(AF_INET, words[1], &address.sin_addr)) {
        fprintf(stderr, "usage: %s ADDRESS PORT\n", words[0]);
        return 2;
    }
    address.sin_port = htons(atoi(words[2]));
    int yes = 1;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); /* clients inherit it */
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, BACKLOG)) {
        perror("listen");
        return 1;
    }
    epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
    for (struct epoll_event events[EVENTS];;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int at = 0; at < ready; at++) {
            struct client *client = events[at].data.ptr;
            if (!client) welcome();
            else if (client->rest) give_rest(client);
            else answer(client);
        }
    }
}
