"""Traces of strace 6.1, real ones, shortened; and a ledger made of one."""

from pathlib import Path

from lab.mechanism import Counts, Ledger, read

AT = 1_795_425_377_000_000  # microseconds of Unix time: the second in which they all begin


def trace(name: str) -> str:
    return (Path(__file__).parent / "traces" / f"{name}.trace").read_text()


EPOLL, SELECT, POLL, THREADS, SIGNALS, NONBLOCKING, ACCEPTS, RING = map(
    trace, ("epoll", "select", "poll", "threads", "signals", "nonblocking", "accepts", "ring")
)


def whole(text: str) -> Counts:
    return read(text.splitlines(), AT, AT + 2_000_000)


def ledger(text: str = "", requests: float = 2.0, **changes) -> Ledger:
    base = {"trial": "t", "cell": "c", "server": "epoll", "requests": requests}
    return Ledger.model_validate({**base, "counts": whole(text), **changes})
