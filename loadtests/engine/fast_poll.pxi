"""Of `fast`: the loop, its handlers and its alarms."""


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
