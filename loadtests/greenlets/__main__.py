"""python -m loadtests.greenlets: plain Locust users for one trial, in the load engine's words.

    python -m loadtests.greenlets
    python -m loadtests.greenlets --check FILE [--user NAME]... [--option NAME VALUE]...

Commands and events are those of `loadtests.engine.__main__`, with three differences: an order has
`driver` besides ("greenlets", or {"locustfile", "users", "options"}), there is one trial in the
life of a process, so that nothing of somebody's code outlives it, and no load by hand.

--check runs a locustfile, and prints {"users": [...]} or {"error": "..."}: no user is made.

What users print goes to standard error, and they read nothing: standard output and input are our
pipes. The end of standard input ends the process at once. SIGINT is ignored: Ctrl-C reaches the
whole group, and the parent decides.

Environment: LAB_ALLOW_TARGETS (loadtests.targets), LAB_LOCUSTFILES (locustfile).
"""

import argparse
import ctypes
import gc
import json
import logging
import os
import resource
import signal
import sys
from typing import Any

import gevent  # locust, below, patches what it imports
import gevent.socket
import locust  # noqa: F401

from loadtests.engine import order
from loadtests.greenlets import locustfile
from loadtests.greenlets.drive import Drive
from loadtests.greenlets.orders import which

PR_SET_PDEATHSIG = 1  # prctl(2)
COMMAND_BYTES = 65536  # per read of stdin
MOST_SAID = 3  # messages of Locust in the log, each with a traceback: the first ones tell
PROXIES = ("http_proxy", "https_proxy", "all_proxy")  # a user's library would ask them, not us


class Pipes:
    """Standard input and output, kept from the users' code."""

    def __init__(self) -> None:
        self.commands = os.dup(0)
        self.events = os.dup(1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)

    def emit(self, event: dict[str, Any]) -> None:
        data = json.dumps(event, separators=(",", ":")).encode() + b"\n"
        while data:
            data = data[os.write(self.events, data) :]  # blocks all: the parent reads at once

    def lines(self) -> Any:
        """Yield whole lines until the end of file; others run meanwhile."""
        rest = b""
        while True:
            gevent.socket.wait_read(self.commands)
            data = os.read(self.commands, COMMAND_BYTES)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            yield from (line for line in lines if line.strip())


class Process:
    """One trial, and what is said about it."""

    def __init__(self, pipes: Pipes) -> None:
        self.emit = pipes.emit
        self.name: Any = None
        self.drive: Drive | None = None

    def obey(self, line: bytes) -> None:
        try:
            command = json.loads(line)
            self.carry_out(command)
        except (ValueError, OSError) as error:
            self.fail(error)

    def carry_out(self, command: Any) -> None:
        match command:
            case {"prepare": dict(raw)}:
                self.prepare(raw)
            case {"go": name}:
                self.known(name).go(command.get("start_ns"))
            case {"finish": name}:
                self.known(name).finish()
            case {"abort": name}:
                self.emit({"event": "aborted", "trial": name})
                if name == self.name:
                    os._exit(0)
            case _:
                raise ValueError("a command is one of prepare, go, finish, abort")

    def prepare(self, raw: dict[str, Any]) -> None:
        if self.name is not None:
            raise ValueError("one trial in the life of a process")
        self.name = raw.get("trial")
        file = which(raw.pop("driver", None))
        self.drive = Drive(order.parse(raw), file, self.emit, os.environ)
        gc.collect()
        gc.freeze()  # what Locust brought along is looked at no more
        self.drive.prepare(self.fail)

    def known(self, name: Any) -> Drive:
        if self.drive is None or self.name != name:
            raise ValueError(f"no trial {name} is under way")
        return self.drive

    def fail(self, error: Exception) -> None:
        """One line: who reads it has asked for no traceback."""
        said = str(error) if isinstance(error, locustfile.Unloadable) else ""
        text = said or " ".join(f"{type(error).__name__}: {error}".split())
        self.emit({"event": "failed", "trial": self.name, "error": text})


class First(logging.Filter):
    """Lets the first messages pass, and no flood."""

    left = MOST_SAID

    def filter(self, record: logging.LogRecord) -> bool:
        del record
        self.left -= 1
        return self.left >= 0


def die_with_parent() -> None:
    """Users that never yield hear no end of a pipe. The worker starts us from its only thread, so
    this cannot fire early (prctl(2)).
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def serve(pipes: Pipes) -> None:
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for name in PROXIES:
        for spelling in (name, name.upper()):
            os.environ.pop(spelling, None)
    logging.basicConfig(level=logging.ERROR)
    for handler in logging.getLogger().handlers:
        handler.addFilter(First())
    process = Process(pipes)
    for line in pipes.lines():
        process.obey(line)
    os._exit(0)  # without asking what somebody's code has left behind


def check(pipes: Pipes, words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m loadtests.greenlets")
    parser.add_argument("--check", metavar="FILE", required=True)
    parser.add_argument("--user", action="append", default=[])
    parser.add_argument("--option", nargs=2, action="append", default=[])
    wanted = parser.parse_args(words)
    try:
        found = locustfile.load(wanted.check, wanted.user)
        locustfile.options(wanted.check, dict(wanted.option))
    except locustfile.Unloadable as why:
        pipes.emit({"error": str(why)})
    else:
        pipes.emit({"users": [cls.__name__ for cls in found]})
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[1:]:
        check(Pipes(), sys.argv[1:])
    else:
        serve(Pipes())
