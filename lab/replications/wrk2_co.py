"""A server that stands still for 1.4 s: who sees it, by counting from the schedule or from sending.

wrk2 asked for 2000 requests a second and stopped the server for 1.4 s. Here a lower rate in a
shorter window, over few connections, so that one in five hundred is asked just before the stall:
the others wait to be asked, and who counts from the asking does not see that they do.
Predicted (docs/method.md, stall): response p99 = S - 0.01 T. Columns: without the stall,
with it. Control: without it both must be alike.
Source: github.com/giltene/wrk2, README: 1270 ms corrected, 6.04 ms uncorrected.
"""

import threading
import time

from lab.replications import Table
from lab.replications._kit import Load, cpus, loaded, served

UNIT = "ms"
STALL_S, QUIET_S, WINDOW_S = 1.4, 1.0, 4.0
BEFORE_S = 0.5  # of the window pass before the stall
RATE, CONNECTIONS = 500.0, 4


def measure() -> Table:
    here, there = cpus(2)
    with served("epoll", "echo", [here]) as target:
        quiet = loaded(target, Load(CONNECTIONS, QUIET_S, rate=RATE), [there])
        stopped: list[float] = []

        def stall() -> None:
            time.sleep(BEFORE_S)
            target.pause()
            start = time.monotonic()
            time.sleep(STALL_S)
            target.resume()
            stopped.append(time.monotonic() - start)

        thread = threading.Thread(target=stall)
        thread.start()
        try:
            stalled = loaded(target, Load(CONNECTIONS, WINDOW_S, rate=RATE), [there])
        finally:
            thread.join()
    return {
        "corrected": {"quiet": quiet.p99_us / 1000, "stalled": stalled.p99_us / 1000},
        "uncorrected": {
            "quiet": quiet.service_p99_us / 1000,
            "stalled": stalled.service_p99_us / 1000,
        },
        "predicted": {"stalled": 1000 * (stopped[0] - 0.01 * WINDOW_S)},
    }
