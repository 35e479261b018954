"""In a patched program a greenlet's current_thread() is a dummy, called DummyThread-n.

Looked at: the class and the name that two greenlets find, by getName() as the notes have it, and in
how many threads of the kernel they run.
Control: a main program that is no greenlet finds MainThread.
Source: docs.python.org, threading.current_thread(): "a dummy thread object".
"""

import re
import subprocess
import sys
from typing import NamedTuple

from lab.probes import Absent, Ruling
from servers.needs import missing

PROGRAM = """
from gevent import monkey; monkey.patch_all()
import gevent, os, threading
def look():
    current = threading.current_thread()
    gevent.sleep(0.01)
    return f"{current.name} {type(current).__name__} {len(os.listdir('/proc/self/task'))}"
tasks = [gevent.spawn(look), gevent.spawn(look)]
gevent.joinall(tasks)
print(*(task.value for task in tasks), threading.current_thread().name)
"""


class Seen(NamedTuple):
    first_name: str
    second_name: str
    kind: str
    kernel_threads: int
    main_name: str


def observe() -> Seen:
    if lack := missing("gevent"):
        raise Absent(lack)
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    first, kind, threads, second, _, _, main = done.stdout.split()
    return Seen(first, second, kind, int(threads), main)


def judge(seen: Seen) -> Ruling:
    if "Dummy" not in seen.kind or seen.first_name == seen.second_name or seen.kernel_threads != 1:
        return Ruling(None, control=False)
    names = (seen.first_name, seen.second_name)
    called_so = all(re.fullmatch(r"DummyThread-\d+", name) for name in names)
    return Ruling(called_so, control=seen.main_name == "MainThread")
