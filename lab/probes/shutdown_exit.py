"""After shutdown(wait=False) a program ends at once: no, the interpreter waits for the tasks.

Looked at: scripts that submit a task of 0.5 s, and another behind it, to a pool of one thread, shut
it down and end: how long after their last line their process is gone.
Control: a daemon thread that sleeps as long holds nobody up.
Source: docs.python.org, Executor.shutdown(): "the entire Python program will not exit until all
pending futures are done executing".
"""

import subprocess
import sys
import time
from typing import NamedTuple

from lab.probes import Ruling

TASK_S = 0.5
POOL = f"""
import time
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(1)
tasks = [pool.submit(time.sleep, {TASK_S}) for _ in range(2)]
while not tasks[0].running(): time.sleep(0.001)
"""
DAEMON = f"""
import time
from threading import Thread
Thread(target=time.sleep, args=[{2 * TASK_S}], daemon=True).start()
"""
LAST_LINE = "\nprint(time.monotonic(), flush=True)"


class Seen(NamedTuple):
    tasks_s: float
    without_waiting_s: float
    with_futures_cancelled_s: float
    daemon_thread_s: float


def observe() -> Seen:
    not_waiting = _outlives_its_last_line(POOL + "pool.shutdown(wait=False)")
    cancelled = _outlives_its_last_line(POOL + "pool.shutdown(wait=False, cancel_futures=True)")
    return Seen(2 * TASK_S, not_waiting, cancelled, _outlives_its_last_line(DAEMON))


def judge(seen: Seen) -> Ruling:
    control = seen.daemon_thread_s < TASK_S / 2
    if seen.without_waiting_s < TASK_S / 2:
        return Ruling(holds=True, control=control)
    both_waited_for = seen.without_waiting_s > 0.9 * seen.tasks_s > TASK_S
    one_waited_for = TASK_S / 2 < seen.with_futures_cancelled_s < 1.5 * TASK_S
    return Ruling(False if both_waited_for and one_waited_for else None, control)


def _outlives_its_last_line(script: str) -> float:
    """Run a script. Returns the seconds from its last line to its end; all share one clock."""
    command = [sys.executable, "-c", script + LAST_LINE]
    done = subprocess.run(command, capture_output=True, check=True, timeout=10)
    return max(0.0, time.monotonic() - float(done.stdout))
