"""python -m bench.serve echo|http: the lab's own epoll server, with its wake-ups counted.

Prints its port; on SIGTERM its counts. Counting costs 0.1 us a wake, whoever generates the load.
"""

import json
import resource
import select
import signal
import sys

from bench.fixed_http import FixedHttp
from servers.core.listener import open_listener
from servers.epoll_loop import serve
from servers.protocols.echo import Echo

PROTOCOLS = {"echo": Echo, "http": FixedHttp}
BACKLOG = 1024


class CountingEpoll:
    """select.epoll, but for `poll`."""

    waits = events = 0

    def __init__(self):
        self._epoll = select_epoll()
        self.register = self._epoll.register
        self.modify = self._epoll.modify
        self.unregister = self._epoll.unregister

    def poll(self):
        ready = self._epoll.poll()
        CountingEpoll.waits += 1
        CountingEpoll.events += len(ready)
        return ready


select_epoll = select.epoll


def stop(_signum, _frame):
    raise SystemExit


def main():
    signal.signal(signal.SIGTERM, stop)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    select.epoll = CountingEpoll
    listener = open_listener("127.0.0.1", 0, BACKLOG)
    print(listener.getsockname()[1], flush=True)
    try:
        serve(listener, PROTOCOLS[sys.argv[1]], 1)
    finally:
        print(json.dumps({"waits": CountingEpoll.waits, "events": CountingEpoll.events}))


if __name__ == "__main__":
    main()
