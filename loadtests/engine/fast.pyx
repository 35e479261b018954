# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, embedsignature=False
"""The engine's hot path in C: waiting, the replies that come whole and right, the requests after them.

A Lane is what C knows of a kept connection. From Lane.begin() on, the request under way is the
lane's; the reply is compared, noted and followed by the next request without a Python object being
made. Whatever is unusual (another reply, a short one, an error, a full buffer) is written back to
the link, which goes on from there in Python as if it had never been in a lane.

Rules
* Nothing here decides anything that the Python classes do not: `loop`, `lives`, `eager` and
  `pacing` are the reference, and the same tests run on both.
* Times are ns. A stamp is read where the reference reads it: `sent` before send(), `done` after
  recv().
* The GIL is held but while sleeping: one thread runs an engine; tests have their servers in others.
"""

cimport cython
from cpython cimport array
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals, PyErr_SetFromErrno
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcmp, memset
from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, timespec

cdef extern from "<sys/types.h>" nogil:
    ctypedef long ssize_t

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        int fd
    cdef struct epoll_event:
        uint32_t events
        epoll_data_t data

    int epoll_wait(int, epoll_event *, int, int)

cdef extern from "<sys/timerfd.h>" nogil:
    cdef struct itimerspec:
        timespec it_interval
        timespec it_value
    int timerfd_settime(int, int, const itimerspec *, itimerspec *)
    int TFD_TIMER_ABSTIME

cdef extern from "<sys/uio.h>" nogil:
    cdef struct iovec:
        void *iov_base
        size_t iov_len

cdef extern from "<sys/socket.h>" nogil:
    cdef struct msghdr:
        void *msg_name
        uint32_t msg_namelen
        iovec *msg_iov
        size_t msg_iovlen
        void *msg_control
        size_t msg_controllen
        int msg_flags
    cdef struct cmsghdr:
        size_t cmsg_len
        int cmsg_level
        int cmsg_type
    cmsghdr *CMSG_FIRSTHDR(msghdr *)
    unsigned char *CMSG_DATA(cmsghdr *)
    ssize_t recv(int, void *, size_t, int)
    ssize_t recvmsg(int, msghdr *, int)
    ssize_t send(int, const void *, size_t, int)
    int SOL_SOCKET, MSG_DONTWAIT, MSG_NOSIGNAL, SO_TIMESTAMPNS

cdef enum:
    BATCH = 512  # events per wait
    MOST_READ = 262144  # bytes, as in `dial`
    FEW = 4096  # units that are counted in an array; more of them, and the array costs more

cdef int64_t NEVER = (<int64_t>1 << 62) - 1  # as in `timer`
cdef int64_t SECOND = 1_000_000_000
cdef int64_t GRAIN = 30_000  # ns, the shortest sleep: in a virtual machine a timer costs 3 us to set
cdef char room[MOST_READ]  # what has been received last; a loop serves one connection at a time


cdef inline int64_t clock_ns() noexcept nogil:
    cdef timespec at
    clock_gettime(CLOCK_MONOTONIC, &at)
    return <int64_t>at.tv_sec * SECOND + at.tv_nsec


cdef inline int note(array.array into, int64_t value) except -1:
    return array.extend_buffer(into, <char *>&value, 1)


cdef class Alarm:
    """As in `loop`."""

    cdef public object action
    cdef public int64_t due

    def __init__(self, action):
        self.action = action
        self.due = NEVER


@cython.final
cdef class Handlers:
    """A handler per descriptor, as a dict would have them."""

    cdef PyObject **table
    cdef int size

    def __dealloc__(self):
        self.clear()
        PyMem_Free(self.table)

    def __setitem__(self, int fd, handler):
        cdef int size = self.size
        cdef PyObject **table
        if fd < 0:
            raise KeyError(fd)
        if fd >= size:
            size = max(2 * fd, 1024)
            table = <PyObject **>PyMem_Realloc(self.table, size * sizeof(PyObject *))
            if table is NULL:
                raise MemoryError
            self.table = table
            memset(self.table + self.size, 0, (size - self.size) * sizeof(PyObject *))
            self.size = size
        old = self.at(fd)
        if old is not None:
            Py_DECREF(old)
        Py_INCREF(handler)
        self.table[fd] = <PyObject *>handler

    def __getitem__(self, int fd):
        found = self.at(fd)
        if found is None:
            raise KeyError(fd)
        return found

    def __contains__(self, int fd):
        return self.at(fd) is not None

    def get(self, int fd, default=None):
        found = self.at(fd)
        return default if found is None else found

    def pop(self, int fd, default=None):
        found = self.at(fd)
        if found is None:
            return default
        self.table[fd] = NULL
        Py_DECREF(found)
        return found

    def clear(self):
        cdef int fd
        for fd in range(self.size):
            self.pop(fd)

    cdef inline object at(self, int fd):
        if 0 <= fd < self.size and self.table[fd] is not NULL:
            return <object>self.table[fd]
        return None


@cython.final
cdef class Poll:
    """The loop itself.

    armed: when the next alarm is due. rings: when the timer does, which is set only just before a
    sleep that it must end, and left alone when it rings too early: setting it is dear.
    """

    cdef readonly int64_t waits, events
    cdef int64_t armed, rings, now
    cdef int fd, timer
    cdef bint running
    cdef Handlers handlers
    cdef list alarms
    cdef epoll_event ready[BATCH]

    def __init__(self, int fd, int timer, Handlers handlers, list alarms):
        self.fd, self.timer, self.handlers, self.alarms = fd, timer, handlers, alarms
        self.armed = self.rings = NEVER

    def set(self, Alarm alarm, int64_t due):
        alarm.due = due
        if due < self.armed:
            self.armed = due

    def stop(self):
        self.running = False

    def run(self):
        """Alarms come before events, and between them: one late is a request sent late."""
        cdef int number, found
        self.running = True
        while self.running:
            found = self.sleep()
            PyErr_CheckSignals()
            self.waits += 1
            self.events += found
            self.now = clock_ns()
            if self.now >= self.armed:
                self.ring()
            for number in range(found):
                self.serve(self.ready[number].data.fd)
                if self.now >= self.armed:
                    self.ring()

    cdef int sleep(self) except -1:
        cdef int found, patience = -1
        cdef int64_t now
        if self.armed < self.rings:
            now = clock_ns()
            if self.armed <= now:
                patience = 0
            else:
                self.ring_at(max(self.armed, now + GRAIN))
        with nogil:
            found = epoll_wait(self.fd, self.ready, BATCH, patience)
        if found >= 0:
            return found
        if errno != EINTR:
            PyErr_SetFromErrno(OSError)
        return 0

    cdef int ring_at(self, int64_t due) except -1:
        cdef itimerspec to
        memset(&to, 0, sizeof(to))
        to.it_value.tv_sec, to.it_value.tv_nsec = due // SECOND, due % SECOND
        if timerfd_settime(self.timer, TFD_TIMER_ABSTIME, &to, NULL):
            PyErr_SetFromErrno(OSError)
        self.rings = due
        return 0

    cdef int serve(self, int fd) except -1:
        if fd == self.timer:
            self.rings = NEVER
            return 0
        handler = self.handlers.at(fd)
        if type(handler) is Lane:
            (<Lane>handler).fire()
        elif handler is not None:
            handler()
        return 0

    cdef int ring(self) except -1:
        cdef Alarm alarm
        cdef int64_t now = clock_ns(), least = NEVER
        self.armed = 0  # no set() in between arms it: it is done once, below
        for alarm in self.alarms:
            if alarm.due <= now:
                alarm.due = NEVER
                alarm.action(now)
        for alarm in self.alarms:
            least = min(least, alarm.due)
        self.armed = least
        return 0


@cython.final
cdef class Queue:
    """Due times that wait for a free connection: a ring of ns, as a deque would hold them."""

    cdef int64_t *ring
    cdef Py_ssize_t room, first, count

    def __dealloc__(self):
        PyMem_Free(self.ring)

    def __len__(self):
        return self.count

    def __iter__(self):
        cdef Py_ssize_t number
        for number in range(self.count):
            yield self.ring[(self.first + number) % self.room]

    def append(self, int64_t due):
        self.push(due)

    def popleft(self):
        return self.pop()

    def clear(self):
        self.count = 0

    cdef int push(self, int64_t due) except -1:
        cdef Py_ssize_t number
        cdef int64_t *larger
        if self.count == self.room:
            larger = <int64_t *>PyMem_Malloc((2 * self.room + 64) * sizeof(int64_t))
            if larger is NULL:
                raise MemoryError
            for number in range(self.count):
                larger[number] = self.ring[(self.first + number) % self.room]
            PyMem_Free(self.ring)
            self.ring, self.first, self.room = larger, 0, 2 * self.room + 64
        self.ring[(self.first + self.count) % self.room] = due
        self.count += 1
        return 0

    cdef int64_t pop(self) except? -1:
        if not self.count:
            raise IndexError("no request waits")
        self.count -= 1
        due = self.ring[self.first]
        self.first = (self.first + 1) % self.room
        return due


@cython.final
cdef class Idle:
    """Lanes that have nothing to do, in the order they became free; outside, the links of them."""

    cdef Lane first, last
    cdef readonly Py_ssize_t count

    def __len__(self):
        return self.count

    def __contains__(self, link):
        return (<Lane?>link.lane).free

    def append(self, link):
        self.push(link.lane)

    def popleft(self):
        return self.pop().link

    def remove(self, link):
        self.take(link.lane)

    cdef int push(self, Lane lane) except -1:
        lane.free = True
        lane.before, lane.behind = self.last, None
        if self.last is None:
            self.first = lane
        else:
            self.last.behind = lane
        self.last = lane
        self.count += 1
        return 0

    cdef Lane pop(self):
        if self.first is None:
            raise IndexError("no link is free")
        lane = self.first
        self.take(lane)
        return lane

    cdef int take(self, Lane lane) except -1:
        if lane.before is None:
            self.first = lane.behind
        else:
            lane.before.behind = lane.behind
        if lane.behind is None:
            self.last = lane.before
        else:
            lane.behind.before = lane.before
        lane.before = lane.behind = None
        lane.free = False
        self.count -= 1
        return 0


@cython.final
cdef class Turns:
    """Exchanges in turn, for ever; of one lane, or of all lanes of a group."""

    cdef tuple exchanges
    cdef Py_ssize_t at

    def __init__(self, exchanges, Py_ssize_t first):
        self.exchanges = tuple(exchanges)
        self.at = first % len(self.exchanges)

    cdef inline tuple take(self):
        exchange = <tuple>self.exchanges[self.at]
        self.at = self.at + 1 if self.at + 1 < len(self.exchanges) else 0
        return exchange


@cython.final
cdef class Fleet:
    """What the lanes of a group share. flying: requests under way in lanes, beside the group's own.

    turns: if all take of the same.
    eager: closed, no think time: the next request goes out at once. idle, queue: of an open
    workload. Neither: the pacer is told each time that a link is free.
    """

    cdef public int64_t flying
    cdef readonly Idle idle
    cdef readonly Queue queue
    cdef readonly Turns turns
    cdef Poll poll
    cdef bint eager, opened
    cdef object told
    cdef array.array done, service, response, behind, behind_at

    def __init__(self, Poll poll, ledger, told, Turns turns, bint eager, bint opened):
        self.poll, self.told, self.turns = poll, told, turns
        self.eager, self.opened = eager, opened
        self.idle, self.queue = Idle(), Queue()
        self.done, self.service = ledger.done, ledger.service
        self.response = ledger.response if ledger.paced else None
        self.behind, self.behind_at = ledger.behind, ledger.behind_at

    def release(self, array.array arrivals, Py_ssize_t number, int64_t at, int64_t now):
        """Begin or queue all arrivals from `number` on that are due; returns the next one."""
        cdef Py_ssize_t total = len(arrivals)
        cdef int64_t due
        while number < total:
            due = at + arrivals.data.as_longlongs[number]
            if due > now:
                break
            number += 1
            if self.idle.count:
                now = self.idle.pop().start(due)
            else:
                self.queue.push(due)
        return number


@cython.final
cdef class Ringer:
    """What the alarm of an open workload calls: Open.ring(), without a detour for each arrival."""

    cdef object pacer
    cdef Fleet fleet
    cdef Alarm alarm

    def __init__(self, pacer, Fleet fleet):
        self.pacer, self.fleet, self.alarm = pacer, fleet, pacer.alarm

    def __call__(self, int64_t now):
        cdef array.array arrivals
        cdef Py_ssize_t number
        cdef int64_t at, due
        pacer = self.pacer
        if not pacer.started or pacer._parked:
            pacer.ring(now)
            return
        arrivals, at = pacer.arrivals, pacer.begun_at
        number = self.fleet.release(arrivals, pacer._next, at, now)
        pacer._next = number
        if number < len(arrivals):
            due = at + arrivals.data.as_longlongs[number]
            if due < self.alarm.due:
                self.fleet.poll.set(self.alarm, due)


def count(counts, array.array values, Py_ssize_t first, int64_t unit):
    """Count values[first:] by whole units: counts[value // unit] += 1."""
    cdef Py_ssize_t number
    cdef int64_t value, least = FEW, most = -1
    cdef int64_t found[FEW]
    memset(found, 0, sizeof(found))
    for number in range(first, len(values)):
        value = values.data.as_longlongs[number] // unit
        if 0 <= value < FEW:
            found[value] += 1
            least, most = min(least, value), max(most, value)
        else:
            counts[value] += 1
    for value in range(least, most + 1):
        if found[value]:
            counts[value] += found[value]


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
