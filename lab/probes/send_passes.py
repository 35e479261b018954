"""yield keeps a function's state, and send() passes one function's result to another.

Looked at: a generator that sums what it is sent, fed by a function's results, and switched to and
from three times; its locals afterwards.
Control: a plain function, called three times, starts afresh each time.
Source: docs.python.org, "Yield expressions", generator.send().
"""

from collections.abc import Generator
from inspect import getgeneratorlocals
from typing import NamedTuple

from lab.probes import Ruling


class Seen(NamedTuple):
    received: str
    sums: str
    locals_kept: str
    plain_function: str


def observe() -> Seen:
    received: list[int] = []

    def summing() -> Generator[int, int, None]:
        total = 0
        while True:
            got = yield total
            received.append(got)
            total += got

    generator = summing()
    next(generator)
    sums = [generator.send(square(number)) for number in (1, 2, 3)]
    kept = str(getgeneratorlocals(generator)["total"])
    plain = [add(square(number)) for number in (1, 2, 3)]
    return Seen(_join(received), _join(sums), kept, _join(plain))


def judge(seen: Seen) -> Ruling:
    passed = (seen.received, seen.sums, seen.locals_kept) == ("1 4 9", "1 5 14", "14")
    return Ruling(passed, control=seen.plain_function == "1 4 9")


def square(number: int) -> int:
    return number * number


def add(number: int) -> int:
    total = 0
    total += number
    return total


def _join(numbers: list[int]) -> str:
    return " ".join(map(str, numbers))
