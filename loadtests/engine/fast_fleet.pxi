"""Of `fast`: what the lanes of a group share, and the arrivals of an open workload."""


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
