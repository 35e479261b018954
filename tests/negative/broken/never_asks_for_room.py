"""epoll that keeps the rest, and waits for the client to speak before it sends it."""

from servers import epoll_loop

epoll_loop.EPOLLOUT = epoll_loop.EPOLLIN
serve = epoll_loop.serve
