"""Evidence that was changed, and what its judge must make of it: each piece matters.

By probe: the ruling on the evidence in evidence.json, and changes of it with theirs. A change that
leaves the ruling as it is would show a piece of evidence that nobody looks at.
"""

from lab.probes import NOTHING, Ruling

HOLDS, FAILS, UNSURE = (Ruling(holds, control=True) for holds in (True, False, None))
HOLDS_UNCONTROLLED, FAILS_UNCONTROLLED = (Ruling(holds, control=False) for holds in (True, False))

FORGED = {
    "aio-linux-emulated": (
        FAILS,
        [
            (
                {
                    "io uring waits in": "epoll_wait",
                    "io uring receive calls": "40",
                    "threads added by posix aio": "0",
                },
                HOLDS,
            ),
            ({"requests": "41"}, FAILS_UNCONTROLLED),
            ({"asyncio waits in": "none"}, FAILS_UNCONTROLLED),
            ({"asyncio receive calls": "39"}, FAILS_UNCONTROLLED),
            ({"io uring waits in": "none"}, UNSURE),
            ({"io uring receive calls": "1"}, UNSURE),
        ],
    ),
    "aio-never-waits": (
        HOLDS,
        [
            ({"submitting took s": "0.3"}, FAILS),
            ({"in the buffer then": "1"}, FAILS),
            ({"completed": "none"}, FAILS),
            ({"in the buffer at last": "none"}, FAILS),
            ({"blocking recv took s": "0"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "asyncio-lazy": (
        HOLDS,
        [
            ({"returned": "none"}, FAILS),
            ({"ran when called": "yes"}, FAILS),
            ({"ran in the loop": "no"}, NOTHING),
            ({"plain function ran when called": "no"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "asyncio-max": (
        HOLDS,
        [
            ({"together s": "0.51"}, FAILS),
            ({"together s": "0"}, UNSURE),
            ({"ended": "none"}, FAILS),
            ({"threads": "none"}, FAILS),
            ({"in turn s": "0"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "asyncio-script-today": (
        FAILS,
        [
            ({"old script": "ends well", "new script": "ends well"}, HOLDS),
            ({"python": "none"}, NOTHING),
            ({"written for today": "none"}, FAILS_UNCONTROLLED),
        ],
    ),
    "bio-one-client": (
        HOLDS,
        [
            ({"answered beside a silent client": "yes"}, FAILS),
            ({"answered after it left": "no"}, NOTHING),
            ({"answered by threads": "no"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "bio-waits": (
        HOLDS,
        [
            ({"receiver state": "none"}, FAILS),
            ({"receiver asleep in": "none"}, FAILS),
            ({"receiver cpu s": "0.3"}, FAILS),
            ({"received": "none"}, FAILS),
            ({"accepter state": "none"}, FAILS),
            ({"accepter asleep in": "none"}, FAILS),
            ({"accepter cpu s": "0.3"}, FAILS),
            ({"accepted": "2"}, FAILS),
            ({"spinner cpu s": "0"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "concurrency-parallelism": (
        HOLDS,
        [
            ({"processors": "1"}, HOLDS_UNCONTROLLED),
            ({"less busy on one s": "0"}, UNSURE),
            ({"at the same moment on one s": "0.3"}, FAILS),
            ({"at the same moment on two s": "0"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "coroutine-blocks-thread": (
        HOLDS,
        [
            ({"blocked for s": "0"}, FAILS_UNCONTROLLED),
            ({"asyncio gap s": "0"}, FAILS),
            ({"gevent gap s": "0"}, FAILS),
            ({"asyncio gap with another thread s": "0.222141"}, HOLDS_UNCONTROLLED),
            ({"gevent gap when patched s": "0.346609"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "coroutine-invisible": (
        HOLDS,
        [
            ({"switches": "0"}, FAILS),
            ({"calls of generators": "1"}, FAILS),
            ({"calls of greenlets": "1"}, FAILS),
            ({"switches in asyncio": "0"}, FAILS),
            ({"calls of asyncio": "1047"}, FAILS),
            ({"switches of threads": "5000000"}, HOLDS_UNCONTROLLED),
            ({"calls of threads": "0"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "coroutine-no-lock": (
        FAILS,
        [
            ({"asyncio lost with a switch": "0", "gevent lost with a switch": "0"}, HOLDS),
            ({"coroutines": "999"}, NOTHING),
            ({"asyncio lost in one go": "5000000"}, NOTHING),
            ({"asyncio lost with a switch": "1000"}, NOTHING),
            ({"asyncio lost with a lock": "1"}, FAILS_UNCONTROLLED),
            ({"gevent lost in one go": "5000000"}, NOTHING),
            ({"gevent lost with a switch": "1000"}, NOTHING),
            ({"gevent lost with a lock": "1"}, FAILS_UNCONTROLLED),
        ],
    ),
    "deadlock-forever": (
        HOLDS,
        [
            ({"crossed threads alive": "3"}, FAILS),
            ({"repeated thread alive": "2"}, FAILS),
            ({"cpu s": "0.3"}, FAILS),
            ({"ordered threads alive": "1"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "epoll-copy-once": (
        HOLDS,
        [
            ({"kept connections": "3"}, FAILS),
            ({"requests of each": "0"}, HOLDS_UNCONTROLLED),
            ({"level ctl for kept": "0"}, FAILS),
            ({"edge ctl for kept": "0"}, FAILS),
            ({"short connections": "39"}, FAILS),
            ({"level ctl for short": "0"}, FAILS),
            ({"edge ctl for short": "0"}, FAILS),
            ({"select descriptors handed for kept": "0"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "epoll-dup": (
        FAILS,
        [
            ({"reported open": "2"}, NOTHING),
            ({"reported closed beside a duplicate": "0"}, HOLDS),
            ({"reported when both are closed": "1"}, NOTHING),
            ({"reported closed without a duplicate": "1"}, FAILS_UNCONTROLLED),
        ],
    ),
    "epoll-fd-limit": (
        HOLDS,
        [
            ({"opened": "1025", "watched": "1024"}, FAILS),
            ({"limit of open files": "0"}, FAILS),
            ({"opened": "1496"}, FAILS),
            ({"watched": "1496"}, FAILS),
            ({"first error": "none"}, FAILS),
            ({"selected": "0"}, HOLDS_UNCONTROLLED),
            ({"file max": "0"}, FAILS),
            ({"user watches": "0"}, FAILS),
            ({"memory mib": "0"}, FAILS),
        ],
    ),
    "epoll-mmap": (
        FAILS,
        [
            ({"mmap of epoll": "mapped", "mappings of epoll": "1"}, HOLDS),
            ({"mmap of epoll": "none"}, UNSURE),
            ({"mappings of epoll": "1"}, UNSURE),
            ({"waits": "1001"}, UNSURE),
            ({"waits that wrote into our buffer": "1001"}, UNSURE),
            ({"mmap of memory file": "none"}, FAILS_UNCONTROLLED),
            ({"mappings of memory file": "2"}, FAILS_UNCONTROLLED),
        ],
    ),
    "epoll-returns-count": (
        HOLDS,
        [
            ({"ready": "4"}, FAILS_UNCONTROLLED),
            ({"epoll returned": "4"}, FAILS),
            ({"ready among its first entries": "4"}, FAILS),
            ({"bytes behind them": "1"}, FAILS),
            ({"select returned": "4"}, HOLDS_UNCONTROLLED),
            ({"looked at to find those": "0"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "et-once": (
        HOLDS,
        [
            ({"edge told of the first bytes": "2"}, NOTHING),
            ({"edge told of the rest": "1"}, FAILS),
            ({"edge told of more": "2"}, NOTHING),
            ({"level told of the first bytes": "2"}, HOLDS_UNCONTROLLED),
            ({"level told of the rest": "2"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "event-gate": (
        HOLDS,
        [
            ({"waiters": "11"}, FAILS),
            ({"asleep before": "11"}, FAILS),
            ({"passed before": "1"}, FAILS),
            ({"passed after": "11"}, FAILS),
            ({"set already passes": "no"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "frameworks-async": (
        HOLDS,
        [
            ({"fastapi awaiting s": "0.61"}, FAILS),
            ({"each waits s": "0"}, NOTHING),
            ({"fastapi awaiting s": "0"}, UNSURE),
            ({"django awaiting s": "0"}, UNSURE),
            ({"sanic awaiting s": "0"}, UNSURE),
            ({"tornado awaiting s": "0"}, UNSURE),
            ({"fastapi blocking s": "0"}, HOLDS_UNCONTROLLED),
            ({"django blocking s": "0"}, HOLDS_UNCONTROLLED),
            ({"sanic blocking s": "0"}, HOLDS_UNCONTROLLED),
            ({"tornado blocking s": "0"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "frameworks-use-mux": (
        HOLDS,
        [
            ({"asyncio sleeps in": "none"}, FAILS),
            ({"gevent sleeps in": "none"}, FAILS),
            ({"tornado sleeps in": "none"}, FAILS),
            ({"twisted sleeps in": "none"}, FAILS),
            ({"io uring sleeps in": "none"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "gevent-500": (
        HOLDS,
        [
            ({"questions": "5001"}, FAILS_UNCONTROLLED),
            ({"gevent right answers": "5001"}, NOTHING),
            ({"threads added in gevent": "1"}, FAILS),
            ({"threads right answers": "5001"}, NOTHING),
            ({"threads added in threads": "501"}, HOLDS_UNCONTROLLED),
            ({"blocking served at once": "1"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "gevent-basics": (
        HOLDS,
        [
            ({"is a greenlet": "no"}, FAILS),
            ({"greenlet comes from": "none"}, FAILS),
            ({"processes": "2"}, FAILS),
            ({"threads": "2"}, FAILS),
            ({"shared object has": "11"}, FAILS),
            ({"value": "91"}, FAILS),
            ({"threads counted in the same way": "11"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "gevent-dummy-thread": (
        FAILS,
        [
            ({"first name": "DummyThread-1", "second name": "DummyThread-2"}, HOLDS),
            ({"kind": "none"}, NOTHING),
            ({"kernel threads": "2"}, NOTHING),
            ({"main name": "none"}, FAILS_UNCONTROLLED),
        ],
    ),
    "gevent-mechanism": (
        FAILS,
        [
            ({"backend": "select", "asleep in": "select", "server asleep in": "select"}, HOLDS),
            ({"backend": "none"}, UNSURE),
            ({"asleep in": "none"}, UNSURE),
            ({"server asleep in": "none"}, UNSURE),
            ({"backend when told": "none"}, FAILS_UNCONTROLLED),
            ({"asleep in when told": "none"}, FAILS_UNCONTROLLED),
        ],
    ),
    "gevent-needs-patch": (
        HOLDS,
        [
            (
                {"lines": "lqz eat 1, lqz play 1, lqz play 2, lqz eat 2, main", "took s": "0.41"},
                FAILS,
            ),
            ({"lines": "none"}, NOTHING),
            ({"took s": "0"}, NOTHING),
            ({"lines when patched": "none"}, HOLDS_UNCONTROLLED),
            ({"took when patched s": "0"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "gevent-patch-first": (
        FAILS,
        [
            ({"module imported first s": "0.61"}, HOLDS),
            ({"module imported first s": "0"}, NOTHING),
            ({"name imported first s": "0"}, NOTHING),
            ({"patched first s": "0"}, FAILS_UNCONTROLLED),
        ],
    ),
    "gevent-patched-2s": (
        HOLDS,
        [
            ({"patched s": "3.01"}, FAILS),
            ({"patched s": "0"}, UNSURE),
            ({"unpatched s": "0"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "gevent-sleep-max": (
        HOLDS,
        [
            (
                {"lines": "lqz eat 1, lqz eat 2, lqz play 1, lqz play 2, main", "took s": "0.61"},
                FAILS,
            ),
            ({"lines": "none"}, UNSURE),
            ({"took s": "0"}, UNSURE),
            ({"lines without gevent": "none"}, HOLDS_UNCONTROLLED),
            ({"took without gevent s": "0"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "gil-not-a-lock": (
        HOLDS,
        [
            ({"updates": "0"}, NOTHING),
            ({"lost": "0"}, FAILS),
            ({"lost with our lock": "1"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "gil-one-runs": (
        HOLDS,
        [
            ({"processors": "1"}, HOLDS_UNCONTROLLED),
            ({"less busy thread s": "0"}, UNSURE),
            ({"threads at the same moment s": "0.3"}, FAILS),
            ({"processes at the same moment s": "0"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "gil-why-gc": (
        FAILS,
        [
            (
                {
                    "main collects in main": "no",
                    "worker collects in worker": "no",
                    "threads during": "2",
                },
                HOLDS,
            ),
            ({"threads before": "2"}, NOTHING),
            ({"threads during": "2"}, NOTHING),
            ({"threads after": "2"}, NOTHING),
            ({"main collects in main": "no"}, NOTHING),
            ({"worker collects in worker": "no"}, NOTHING),
            ({"threads with a worker": "3"}, FAILS_UNCONTROLLED),
        ],
    ),
    "kernel-threads": (
        HOLDS,
        [
            ({"threads": "6"}, FAILS),
            ({"numbers in the kernel": "6"}, FAILS),
            ({"opened by a thread is open": "no"}, FAILS),
            ({"opened by a process is open": "yes"}, FAILS),
            ({"numbers of coroutines": "2"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "listen-five": (
        FAILS,
        [
            ({"connected soon": "13"}, UNSURE),
            ({"clients": "13"}, NOTHING),
            ({"connected soon": "67"}, UNSURE),
            ({"refused": "1"}, HOLDS),
            ({"connected when accepted": "13"}, UNSURE),
            ({"overflows counted": "no"}, UNSURE),
            ({"connected soon with 128": "13"}, FAILS_UNCONTROLLED),
        ],
    ),
    "must-copy": (
        FAILS,
        [
            ({"read with splice": "1048576"}, HOLDS),
            ({"bytes forwarded": "0"}, HOLDS_UNCONTROLLED),
            ({"right after splice": "no"}, NOTHING),
            ({"read with splice": "5000000"}, HOLDS),
            ({"right after copying": "no"}, NOTHING),
            ({"read with copying": "0"}, FAILS_UNCONTROLLED),
        ],
    ),
    "mux-blocked-in-select": (
        HOLDS,
        [
            ({"select server": "none"}, FAILS),
            ({"poll server": "none"}, FAILS),
            ({"epoll server": "none"}, FAILS),
            ({"blocking server": "none"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "slow-clients": (
        HOLDS,
        [
            ({"answered by the pool": "yes"}, FAILS),
            ({"answered by epoll": "no"}, FAILS),
            ({"answered by the pool with a thread left": "no"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "mux-needs-nonblocking": (
        HOLDS,
        [
            ({"answered with nonblocking sockets": "no"}, FAILS),
            ({"answered with blocking sockets": "yes"}, FAILS),
            ({"answered with blocking sockets and short answers": "no"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "mux-one-process": (
        HOLDS,
        [
            ({"clients": "201"}, FAILS),
            ({"served by select": "201"}, NOTHING),
            ({"served by poll": "201"}, NOTHING),
            ({"served by epoll": "201"}, NOTHING),
            ({"threads added by clients": "1"}, NOTHING),
            ({"served by blocking": "1"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "nio-listener-flag": (
        FAILS,
        [
            ({"accepted socket blocks": "no", "answered beside a silent client": "yes"}, HOLDS),
            ({"accepted socket blocks": "no"}, NOTHING),
            ({"answered beside a silent client": "yes"}, NOTHING),
            ({"answered by the mended program": "no"}, FAILS_UNCONTROLLED),
        ],
    ),
    "nio-one-socket": (
        FAILS,
        [
            ({"served at once": "0"}, HOLDS),
            ({"clients": "49"}, NOTHING),
            ({"served at once": "51"}, NOTHING),
            ({"threads added by clients": "1"}, NOTHING),
            ({"served by blocking": "1"}, FAILS_UNCONTROLLED),
        ],
    ),
    "nio-other-work": (
        HOLDS,
        [
            ({"work while nonblocking": "0"}, FAILS),
            ({"work while blocking": "1"}, HOLDS_UNCONTROLLED),
            ({"received nonblocking": "none"}, FAILS),
            ({"received blocking": "none"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "nio-returns": (
        HOLDS,
        [
            ({"calls": "1001"}, FAILS),
            ({"that said eagain": "1001"}, FAILS),
            ({"p99 s": "0.3"}, FAILS),
            ({"blocking s": "0"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "os-two-switches": (
        HOLDS,
        [
            ({"naps": "101"}, FAILS),
            ({"sleeper gave up": "99"}, FAILS),
            ({"sleeper was pushed": "5000000"}, HOLDS_UNCONTROLLED),
            ({"hogs gave up": "5000000"}, HOLDS_UNCONTROLLED),
            ({"hogs were pushed": "0"}, FAILS_UNCONTROLLED),
        ],
    ),
    "platform-support": (
        HOLDS,
        [
            ({"select reports": "2"}, FAILS),
            ({"poll reports": "2"}, FAILS),
            ({"epoll reports": "2"}, FAILS),
            ({"has kqueue": "yes"}, HOLDS_UNCONTROLLED),
            ({"has devpoll": "yes"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "poll-init-once": (
        HOLDS,
        [
            ({"poll reported": "none"}, FAILS),
            ({"array kept": "no"}, FAILS),
            ({"select reported": "none"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "poll-no-limit": (
        HOLDS,
        [
            ({"watched": "4001"}, FAILS),
            ({"ready": "2"}, FAILS),
            ({"ready one is the last": "no"}, FAILS),
            ({"array beyond the open files": "none"}, UNSURE),
            ({"select refused": "no"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "pool-bounds": (
        HOLDS,
        [
            ({"tasks": "11"}, HOLDS_UNCONTROLLED),
            ({"size": "4"}, FAILS),
            ({"most at a time": "4"}, FAILS),
            ({"threads": "4"}, FAILS),
            ({"took s": "0"}, UNSURE),
            ({"most in a large pool": "11"}, HOLDS_UNCONTROLLED),
            ({"large pool took s": "1.01127"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "pool-callback": (
        HOLDS,
        [
            ({"called with": "none"}, FAILS),
            ({"result": "43"}, FAILS),
            ({"error": "none"}, FAILS),
            ({"ran in the worker": "no"}, UNSURE),
            ({"process pool called with": "none"}, UNSURE),
            ({"added late ran in the adder": "no"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "pool-shutdown": (
        HOLDS,
        [
            ({"tasks": "21"}, FAILS),
            ({"ended when it came back": "21"}, FAILS),
            ({"took s": "0"}, UNSURE),
            ({"submit afterwards": "none"}, FAILS),
            ({"last line reached": "yes"}, FAILS),
            ({"ended without waiting": "5000000"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "pool-twenty-threads": (
        FAILS,
        [
            ({"threads": "20"}, HOLDS),
            ({"tasks": "21"}, FAILS_UNCONTROLLED),
            ({"threads": "0"}, NOTHING),
            ({"threads in a large pool": "21"}, FAILS_UNCONTROLLED),
        ],
    ),
    "proactor-os": (
        HOLDS,
        [
            ({"system": "none"}, UNSURE),
            ({"default loop waits with": "none"}, FAILS),
            ({"proactor can be chosen": "yes"}, UNSURE),
            ({"chosen by hand waits with": "none"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "process-limit": (
        HOLDS,
        [
            ({"tried": "0"}, FAILS),
            ({"forked": "0"}, UNSURE),
            ({"error": "none"}, FAILS),
            ({"forks again": "no"}, FAILS),
            ({"held with epoll": "501"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "process-pool-same": (
        FAILS,
        [
            (
                {"made on the spot in processes": "42", "our variable changed by processes": "yes"},
                HOLDS,
            ),
            ({"function in processes": "no"}, NOTHING),
            ({"callback in our process": "no"}, NOTHING),
            ({"function in threads": "no"}, FAILS_UNCONTROLLED),
            ({"made on the spot in threads": "none"}, FAILS_UNCONTROLLED),
            ({"our variable changed by threads": "no"}, FAILS_UNCONTROLLED),
        ],
    ),
    "queue-kinds": (
        HOLDS,
        [
            ({"fifo": "none"}, FAILS),
            ({"lifo": "none"}, FAILS),
            ({"priority": "none"}, FAILS),
            ({"crossed in a thread queue": "yes"}, FAILS),
            ({"crossed in a process queue": "no"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "queue-safe": (
        HOLDS,
        [
            ({"sent": "100001"}, FAILS),
            ({"arrived once": "100001"}, NOTHING),
            ({"out of order": "1"}, FAILS),
            ({"sent through the list": "0"}, HOLDS_UNCONTROLLED),
            ({"left in the list": "0"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "rlock-counts": (
        HOLDS,
        [
            ({"acquired": "4"}, FAILS),
            ({"others enter after": "none"}, FAILS),
            ({"plain lock twice": "yes"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "select-1024": (
        HOLDS,
        [
            ({"select on 1023": "none"}, FAILS),
            ({"select on 1024": "none"}, FAILS),
            ({"select on 1500": "none"}, FAILS),
            ({"poll on 1500": "none"}, HOLDS_UNCONTROLLED),
            ({"epoll on 1500": "none"}, HOLDS_UNCONTROLLED),
            ({"larger set on 1500": "none"}, UNSURE),
            ({"offered": "1101"}, FAILS_UNCONTROLLED),
            ({"select server served": "1019"}, FAILS),
            ({"select server hung up on": "83"}, FAILS),
            ({"select server refused": "83"}, FAILS),
            ({"select server serves on": "no"}, FAILS),
            ({"epoll server served": "1101"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "select-inout": (
        HOLDS,
        [
            ({"ready": "4"}, FAILS),
            ({"read set": "none"}, FAILS),
            ({"write set": "none"}, FAILS),
            ({"urgent set": "none"}, FAILS),
            ({"rest after select s": "0"}, FAILS),
            ({"rest after pselect s": "0"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "select-null-timeout": (
        FAILS,
        [
            ({"null returned within a second": "yes"}, HOLDS),
            ({"null returned with data": "2"}, NOTHING),
            ({"zero took s": "5"}, FAILS_UNCONTROLLED),
            ({"zero returned": "1"}, FAILS_UNCONTROLLED),
        ],
    ),
    "selectors-best": (
        HOLDS,
        [
            ({"system": "none"}, NOTHING),
            ({"default": "none"}, FAILS),
            ({"others": "none"}, FAILS),
            ({"server asleep in": "none"}, FAILS),
            ({"chosen by hand asleep in": "none"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "semaphore-n": (
        HOLDS,
        [
            ({"allowed": "4"}, FAILS),
            ({"most inside": "4"}, FAILS),
            ({"lost": "0"}, FAILS),
            ({"most inside one": "2"}, HOLDS_UNCONTROLLED),
            ({"lost inside one": "1"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "send-passes": (
        HOLDS,
        [
            ({"received": "none"}, FAILS),
            ({"sums": "none"}, FAILS),
            ({"locals kept": "none"}, FAILS),
            ({"plain function": "none"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "shutdown-exit": (
        FAILS,
        [
            ({"tasks s": "0"}, UNSURE),
            ({"without waiting s": "0"}, HOLDS),
            ({"with futures cancelled s": "0"}, UNSURE),
            ({"daemon thread s": "0.3"}, FAILS_UNCONTROLLED),
        ],
    ),
    "sigio-practical": (
        FAILS,
        [
            ({"clients": "51"}, HOLDS),
            ({"served at once": "51"}, HOLDS),
            ({"long answer right": "no"}, HOLDS),
            ({"threads added by clients": "1"}, NOTHING),
            ({"asleep in": "none"}, NOTHING),
            ({"served by blocking": "1"}, FAILS_UNCONTROLLED),
        ],
    ),
    "sigio-queue": (
        HOLDS,
        [
            ({"sockets": "21"}, HOLDS_UNCONTROLLED),
            ({"sigio taken": "0"}, NOTHING),
            ({"real time taken": "21"}, HOLDS_UNCONTROLLED),
            ({"real time taken from a small queue": "20"}, FAILS),
            ({"sigio taken in their place": "0"}, NOTHING),
        ],
    ),
    "timer-delay": (
        FAILS,
        [
            ({"notes timer after s": "1.01"}, HOLDS),
            ({"notes timer after s": "0"}, UNSURE),
            ({"timer of one after s": "0"}, FAILS_UNCONTROLLED),
        ],
    ),
    "timer-threads": (
        HOLDS,
        [
            ({"before": "2"}, FAILS),
            ({"with one": "3"}, FAILS),
            ({"with five": "7"}, FAILS),
            ({"after cancel": "2"}, FAILS),
            ({"made by call later": "1"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "two-buffers": (
        HOLDS,
        [
            ({"sent": "5001"}, FAILS),
            ({"held by the kernel before": "5001"}, FAILS),
            ({"in our buffer before": "1"}, FAILS),
            ({"held by the kernel after": "1"}, FAILS),
            ({"in our buffer after": "5001"}, FAILS),
            ({"held where nothing was sent": "1"}, HOLDS_UNCONTROLLED),
        ],
    ),
    "uring-fewer-syscalls": (
        HOLDS,
        [
            ({"requests of one": "40"}, HOLDS_UNCONTROLLED),
            ({"epoll calls for one": "0"}, FAILS_UNCONTROLLED),
            ({"io uring calls for one": "0"}, UNSURE),
            ({"blocking calls for one": "0"}, HOLDS_UNCONTROLLED),
            ({"requests of many": "6407"}, UNSURE),
            ({"epoll calls for many": "0"}, UNSURE),
            ({"io uring calls for many": "1827"}, FAILS),
        ],
    ),
    "yield-greenlet-no-io": (
        HOLDS,
        [
            ({"generators s": "0.2"}, FAILS),
            ({"longer s": "0"}, HOLDS_UNCONTROLLED),
            ({"both s": "0"}, NOTHING),
            ({"generators s": "0"}, NOTHING),
            ({"greenlets s": "0"}, NOTHING),
            ({"lines of the notes": "none"}, FAILS),
            ({"gevent s": "0"}, HOLDS_UNCONTROLLED),
        ],
    ),
}
