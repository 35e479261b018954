"""The mechanism ledger: what a server asked of the kernel for one request, read from a trace.

Pure: lines of strace in, counts out, and whether they fit the family that the catalog declares.
What it is not: a measurement of time, nor a part of any verdict. A traced server is slower, so more
clients are ready at each of its waits; the load under which it was traced stands in the ledger.

Rules. A call counts when it came back inside the window, as a request counts when it is done; one
that a signal broke off counts when it is made again. A wait is a call that waits for several
clients at once: each wait of a blocking server is for one client, and is an ordinary call here.
futex is no such wait: threads wait for each other there, and for the interpreter's lock.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from pydantic import Field

from lab.model import ClassLoad, ClassName, Frozen
from servers.catalog import EPOLL, POLL, RING, SELECT, SIGNALS, Server

SCHEMA = 1
WAITS = frozenset((*EPOLL, *SELECT, *POLL, *SIGNALS, *RING))
ACCEPTS = frozenset(("accept", "accept4"))
TRANSFERS = frozenset(
    f"{verb}{noun}" for verb in ("recv", "send") for noun in ("", "from", "to", "msg", "mmsg")
) | {"read", "readv", "write", "writev"}
NOT_NOW = ("EAGAIN", "EWOULDBLOCK")
BROKEN_OFF = ("EINTR", "ERESTART")  # and ERESTARTSYS, ERESTARTNOHAND, ...: signal(7)
VAIN_WAITS = 20  # per request: whole frameworks come to 7, a loop that spins to 200
AGREE = 0.02  # three runs within 2 % (docs/method.md)

LINE = re.compile(r"(?:(\d+) +)?(\d+)\.(\d{6}) (.+)")  # pid, seconds, microseconds, what happened
CALL = re.compile(r"(\w+)\(")
RESUMED = re.compile(r"<\.\.\. (\w+) resumed>")
RESULT = re.compile(r".*\)\s+= (0x[0-9a-f]+|-?\d+|\?)(?: (E[A-Z0-9]+))?")
TOOK = re.compile(r".*<(\d+)\.(\d{6})>$")
HANDED = re.compile(r"(?:p?select6?\((?=\w)|p?poll\([^ ]+, )(0x[0-9a-f]+|\d+)")  # descriptors
RESTARTED = re.compile(r"restart_syscall\(<\.\.\. resuming interrupted (\w+) ")


class Counts(Frozen):
    """What a trace says of a window. Counts are exact.

    calls: by name, as strace prints it. refused: calls that failed, by name and error.
    waits: calls that wait for several clients at once; events: what they returned, together (for
    io_uring_enter: operations handed in, as completions are seen in shared memory alone); empty:
    waits that returned none; handed: descriptors handed to them, which the kernel walks each time
    (epoll has got them before, by epoll_ctl). accepting: wakes that accepted at least one client;
    accepted: clients accepted by those. tasks: threads and processes that called at all.
    """

    calls: dict[str, int] = Field(default_factory=dict)
    refused: dict[str, dict[str, int]] = Field(default_factory=dict)
    waits: int = 0
    events: int = 0
    empty: int = 0
    handed: int = 0
    accepting: int = 0
    accepted: int = 0
    tasks: int = 0

    def not_now(self) -> int:
        """Count the calls on sockets that came back with EAGAIN."""
        names = ACCEPTS | TRANSFERS
        return sum(
            n
            for name, errors in self.refused.items()
            if name in names
            for error, n in errors.items()
            if error in NOT_NOW
        )

    def waits_in(self) -> list[str]:
        """Return the names of the calls in which it waits for several clients."""
        return sorted(WAITS & set(self.calls))


class Ledger(Frozen):
    """One traced trial, as it stands in `mechanism.jsonl`. error: why there are no counts.

    load: what was really asked, which is less than the cell's own. requests: completed in the
    window by the load engine's record.
    """

    schema_version: Literal[1] = 1
    trial: str
    cell: str
    server: str
    load: dict[ClassName, ClassLoad] = Field(default_factory=dict)
    window_s: float = 0.0
    requests: float = 0.0
    counts: Counts | None = None
    error: str = ""


class _Begun(NamedTuple):
    """A call that has been made. handed: descriptors, of a select or poll."""

    at_us: int
    name: str
    handed: int


@dataclass
class _Tally:
    """Counts in the making. pending: the call that a task is in; clients: accepted since a wait."""

    calls: Counter[str] = field(default_factory=Counter)
    refused: dict[str, Counter[str]] = field(default_factory=dict)
    waits: int = 0
    events: int = 0
    empty: int = 0
    handed: int = 0
    accepting: int = 0
    accepted: int = 0
    tasks: set[str] = field(default_factory=set)
    pending: dict[str, _Begun] = field(default_factory=dict)
    clients: Counter[str] = field(default_factory=Counter)

    def add(self, task: str, call: _Begun, result: int, error: str) -> None:
        """Take one call that came back."""
        name = call.name
        self.tasks.add(task)
        self.calls[name] += 1
        if error:
            self.refused.setdefault(name, Counter())[error] += 1
        if name in WAITS:
            self.handed += call.handed
            self._wait(task, name, result)
        elif name in ACCEPTS and not error:
            self.clients[task] += 1

    def _wait(self, task: str, name: str, result: int) -> None:
        self.waits += 1
        self.wake(task)
        found = min(result, 1) if name in SIGNALS else result  # it returns the signal's number
        if found > 0:
            self.events += found
        elif name not in RING:  # there 0 is "nothing handed in", and it may wait all the same
            self.empty += 1

    def wake(self, task: str) -> None:
        """Close the account of the clients that a task has accepted since its last wait."""
        clients = self.clients.pop(task, 0)
        self.accepted += clients
        self.accepting += clients > 0


def read(lines: Iterable[str], start_us: int, end_us: int) -> Counts:
    """Count the calls of a window. lines: of `strace -f -ttt -T`; edges: us of Unix time.

    Lines that hold no call (signals, exits, strace's own words) are left out.
    """
    tally = _Tally()
    for line in lines:
        parts = LINE.match(line)
        if parts is None:
            continue
        task, seconds, micro, what = parts.groups()
        call = _call(tally, task or "", _us(seconds, micro), what)
        if call is None:
            continue
        result, took = RESULT.match(what), TOOK.match(what)
        back_us = call.at_us + (_us(took[1], took[2]) if took else 0)
        if not start_us <= back_us < end_us:
            continue
        if result is None or result[1] == "?" or (result[2] or "").startswith(BROKEN_OFF):
            continue
        tally.add(task or "", call, int(result[1], 0), result[2] or "")
    for task in list(tally.clients):
        tally.wake(task)
    return Counts(
        calls=dict(tally.calls.most_common()),
        refused={name: dict(errors) for name, errors in tally.refused.items()},
        waits=tally.waits,
        events=tally.events,
        empty=tally.empty,
        handed=tally.handed,
        accepting=tally.accepting,
        accepted=tally.accepted,
        tasks=len(tally.tasks),
    )


def _us(seconds: str, micro: str) -> int:
    return int(seconds) * 1_000_000 + int(micro)


def _call(tally: _Tally, task: str, at_us: int, what: str) -> _Begun | None:
    """Return the call that came back on this line; None where none did."""
    if RESUMED.match(what):
        return tally.pending.pop(task, None)
    named = CALL.match(what)
    if named is None:
        return None
    again = RESTARTED.match(what)
    name = again[1] if again and again[1] in WAITS else named[1]
    handed = HANDED.match(what) if name in WAITS else None
    call = _Begun(at_us, name, int(handed[1], 0) if handed else 0)
    if what.endswith("<unfinished ...>"):
        tally.pending[task] = call
        return None
    return call


PER_REQUEST = ("calls", "waits", "empty waits", "epoll_ctl", "EAGAIN")
PER_WAIT = ("events per wait", "descriptors per wait")
FIGURES = (*PER_REQUEST[:2], *PER_WAIT, *PER_REQUEST[2:], "accepts per wake")


def figures(ledger: Ledger) -> dict[str, float]:
    """Return the numbers that explain, by their names in FIGURES; those that exist here.

    All are per request but the two that are per wait or wake. Raises nothing: without counts or
    requests there is none.
    """
    counts = ledger.counts
    if counts is None or ledger.requests <= 0:
        return {}
    numbers = (
        sum(counts.calls.values()),
        counts.waits,
        counts.empty,
        counts.calls.get("epoll_ctl", 0),
        counts.not_now(),
    )
    found = {name: n / ledger.requests for name, n in zip(PER_REQUEST, numbers, strict=True)}
    if counts.waits:
        found["events per wait"] = counts.events / counts.waits
        found["descriptors per wait"] = counts.handed / counts.waits
        if counts.accepting:
            found["accepts per wake"] = counts.accepted / counts.accepting
    return {name: found[name] for name in FIGURES if name in found}


def contradiction(server: Server, ledger: Ledger) -> str:
    """Say what in a ledger contradicts the family that the catalog declares; "" where nothing does.

    Start-up is outside of the window, so imports may wait as they like.
    """
    counts = ledger.counts
    if counts is None or ledger.requests <= 0:
        return ""
    return _strange_wait(server, counts) or _out_of_family(server, counts, ledger.requests)


def _strange_wait(server: Server, counts: Counts) -> str:
    seen = counts.waits_in()
    strange = [name for name in seen if name not in server.waits]
    if strange:
        declared = f"in {server.waits[0]}" if server.waits else "for one client at a time"
        return f"waits in {', '.join(strange)}, but is declared to wait {declared}"
    if server.waits and not seen:
        return f"never waits in {server.waits[0]}, in which it is declared to wait"
    return ""


def _out_of_family(server: Server, counts: Counts, requests: float) -> str:
    not_now = counts.not_now()
    if server.family == "blocking" and not_now:
        return f"was told EAGAIN by {not_now} calls, but a blocking server has to wait"
    if server.family == "polling" and not not_now:
        return "was never told EAGAIN, so it waits instead of asking again"
    if counts.empty / requests > VAIN_WAITS and not server.spins:
        often = f"{counts.empty / requests:.0f} times per request"
        return f"waits in vain {often}: it polls instead of waiting"
    return ""
