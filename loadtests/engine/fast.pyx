# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The engine's hot path in C: waiting, replies that come whole and right, the requests after them.

A Lane is what C knows of a kept connection. From Lane.begin() on, the request under way is the
lane's; the reply is compared, noted and followed by the next request without a Python object being
made. Whatever is unusual (another reply, a short one, an error, a full buffer) is written back to
the link, which goes on from there in Python as if it had never been in a lane.

Rules
* Nothing here decides anything that the Python classes do not: `loop`, `lives`, `eager` and
  `pacing` are the reference, and the same tests run on both.
* Times are ns. A stamp is read where the reference reads it: `sent` before send(), `done` after
  recv().
* One module in four files: what lies at hand is called without a detour.
* The GIL is held but while sleeping: one thread runs an engine; tests have their servers in others.
"""

include "fast_kernel.pxi"
include "fast_poll.pxi"
include "fast_fleet.pxi"


@cython.final
cdef class Lane:
    """One connection on the fast path. asked: the request under way is the lane's, not the link's.

    stamped: replies are read with the kernel's time stamp.
    """

    cdef readonly object link
    cdef Fleet fleet
    cdef Turns turns
    cdef tuple exchange  # the one under way
    cdef Lane before, behind  # in `idle`
    cdef bint free
    cdef readonly bint asked
    cdef bint stamped
    cdef public int fd
    cdef size_t size
    cdef int64_t intended, sent

    def __init__(self, link, Fleet fleet, Turns turns, size_t size, bint stamped):
        self.link, self.fleet, self.turns, self.stamped = link, fleet, turns, stamped
        self.size = min(size, <size_t>MOST_READ)
        self.fd = -1

    def __call__(self):
        self.fire()

    def begin(self, int64_t intended):
        """As Kept.begin()."""
        return self.start(intended)

    cdef int64_t start(self, int64_t intended) except? -1:
        cdef int64_t now = clock_ns()
        self.fleet.flying += 1
        self.ask(intended, now)
        return now

    cdef int ask(self, int64_t intended, int64_t now) except -1:
        """Send the next request; what the kernel does not take is the link's affair."""
        cdef ssize_t taken
        cdef int error
        self.exchange = self.turns.take()
        request = <bytes>self.exchange[0]
        self.intended, self.sent, self.asked = intended, now, True
        self.fleet.poll.now = now
        taken = send(
            self.fd,
            PyBytes_AS_STRING(request),
            PyBytes_GET_SIZE(request),
            MSG_DONTWAIT | MSG_NOSIGNAL,
        )
        if taken == PyBytes_GET_SIZE(request):
            return 0
        error = errno
        self.leave()
        if taken >= 0 or error == EAGAIN:
            self.link.defer(request, max(taken, 0))
        else:
            self.link.fail("reset")
        return 0

    cdef int fire(self) except -1:
        """Something can be read."""
        cdef ssize_t got
        cdef int64_t now
        cdef Fleet fleet = self.fleet
        if not self.asked:
            self.link.on_reply()
            return 0
        got = self.read()
        if got < 0:
            if errno != EAGAIN:
                self.leave()
                self.link.fail("reset")
            return 0
        now = clock_ns()
        fleet.poll.now = now
        reply = <bytes>self.exchange[1]
        if got != PyBytes_GET_SIZE(reply) or memcmp(room, PyBytes_AS_STRING(reply), got):
            data = PyBytes_FromStringAndSize(room, got)
            self.leave()
            self.link.on_piece(data, now)
            return 0
        note(fleet.done, now)
        note(fleet.service, now - self.sent)
        if fleet.eager:
            return self.ask(now, now)
        if fleet.response is not None:
            note(fleet.response, now - self.intended)
        fleet.flying -= 1
        self.asked = False
        if not fleet.opened:
            fleet.told(self.link, now)
        elif fleet.queue.count:
            self.start(fleet.queue.pop())
        else:
            fleet.idle.push(self)
        return 0

    cdef ssize_t read(self) noexcept:
        cdef ssize_t got
        if self.stamped:
            return self.read_stamped()
        return recv(self.fd, room, self.size, MSG_DONTWAIT)

    cdef ssize_t read_stamped(self) noexcept:
        """Note how long the bytes have been lying there."""
        cdef msghdr message
        cdef iovec into
        cdef uint64_t space[8]
        cdef cmsghdr *head
        cdef timespec *came
        cdef timespec now
        cdef ssize_t got
        memset(&message, 0, sizeof(message))
        into.iov_base, into.iov_len = room, self.size
        message.msg_iov, message.msg_iovlen = &into, 1
        message.msg_control, message.msg_controllen = space, sizeof(space)
        got = recvmsg(self.fd, &message, MSG_DONTWAIT)
        if got > 0:
            head = CMSG_FIRSTHDR(&message)
            if head is not NULL and head.cmsg_level == SOL_SOCKET:
                if head.cmsg_type == SO_TIMESTAMPNS:
                    came = <timespec *>CMSG_DATA(head)
                    clock_gettime(CLOCK_REALTIME, &now)
                    self.lay(
                        (now.tv_sec - came.tv_sec) * SECOND + now.tv_nsec - came.tv_nsec
                    )
        return got

    cdef int lay(self, int64_t behind) except -1:
        note(self.fleet.behind_at, clock_ns())
        note(self.fleet.behind, max(behind, 0))
        return 0

    def leave(self):
        """Write back to the link what is under way; it goes on in Python."""
        if self.asked:
            link = self.link
            link.request, link.reply = self.exchange
            link.intended, link.sent = self.intended, self.sent
            self.asked = False
            self.fleet.flying -= 1
            link.group.flying += 1
