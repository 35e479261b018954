"""Somebody's own locustfile: load it, find its users, say in one line why not.

It is their code, with their rights: it may do whatever they may. Here it is only given the server's
address as its host, kept from our pipes, and held to one line where it fails.
"""

import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from loadtests import handover
from loadtests.engine.ledger import Ledger, Tally
from loadtests.engine.order import Order
from loadtests.greenlets.crew import Crew

ALLOW = "LAB_LOCUSTFILES"  # files that may be run, separated as in PATH: an order names one of them
LONGEST = 200  # characters of somebody's message
SCHEMES = {"http": "http", "websocket": "ws", "echo": "tcp"}


class Unloadable(ValueError):
    """A locustfile that cannot be used, in one line."""


class Guests(Crew):
    """Somebody else's users: counted while they run, as nobody knows their connections."""

    foreign = True

    def __init__(self, order: Order, place: tuple[Any, Any]) -> None:
        super().__init__("long", order, place)
        self.ledger = Ledger(paced=False)  # intended when sent: nobody knows more
        self.tally = Tally(self.ledger, 0)
        self.request_bytes = self.reply_bytes = 0

    def spawned(self, running: int) -> None:
        """So many of them exist."""
        if running >= self.asked and self.pending:
            self.established, self.pending = self.asked, 0
            self.settled.set()


def permitted(file: str, environment: Mapping[str, str]) -> None:
    """Raises Unloadable unless whoever started Locust has named this file."""
    named = [os.path.realpath(one) for one in environment.get(ALLOW, "").split(os.pathsep) if one]
    if os.path.realpath(file) not in named:
        raise Unloadable(f"{file}: not among the files in {ALLOW} of the Locust workers")


def load(file: str, users: Sequence[str]) -> list[Any]:
    """Run a locustfile; return its user classes, or those of them that are named.

    Raises Unloadable.
    """
    shown = Path(file).name
    if not Path(file).is_file():
        raise Unloadable(f"{shown}: there is no such file")
    found = attempt(file, lambda: handover.load_users(file))
    if missing := [name for name in users if name not in found]:
        have = ", ".join(sorted(found)) or "none"
        raise Unloadable(f"{shown}: no user class {missing[0]}; it has {have}")
    chosen = [found[name] for name in users] if users else list(found.values())
    if not chosen:
        raise Unloadable(f"{shown}: no user class in it. Derive one from HttpUser or User.")
    for cls in chosen:
        if not cls.tasks:
            raise Unloadable(f"{shown}: {cls.__name__} has no task. Put @task before a method.")
    return chosen


def options(file: str, given: Mapping[str, str]) -> Any:
    """Return Locust's options, the file's own additions included. Raises Unloadable.

    given: values by name; "" for one that takes none.
    """
    words = [f"--{name}={value}" if value else f"--{name}" for name, value in given.items()]
    return attempt(file, lambda: handover.options(words))


def attempt(file: str, work: Callable[[], Any]) -> Any:
    """Do something that runs their code. Raises Unloadable, whatever it raises."""
    try:
        return work()
    except (Exception, SystemExit) as error:
        raise unmade(file, error) from error


def unmade(file: str, error: BaseException) -> Unloadable:
    """Say why their code does not do what it should."""
    return Unloadable(f"{Path(file).name}{_place(file, error)}: {_words(error)}")


def hold_back(cls: Any, gate: Any) -> None:
    """Let no user of a class begin before the gate opens."""
    begin = cls.on_start

    def on_start(user: Any) -> None:
        gate.get()
        begin(user)

    cls.on_start = on_start


def url(protocol: str, host: str, port: int) -> str:
    """What Locust calls a host: the target with its scheme."""
    name = f"[{host}]" if ":" in host else host
    return f"{SCHEMES[protocol]}://{name}:{port}"


def _place(file: str, error: BaseException) -> str:
    """The line of the file that was at work, as :12; "": none of it was."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return f":{error.lineno}"
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    return f":{lines[-1]}" if lines else ""


def _words(error: BaseException) -> str:
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return " ".join(f"{type(error).__name__}: {said}".split())[:LONGEST]
