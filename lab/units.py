"""Quantities with their units, as people write them: 0.5 s, 400 us, 1000/s, 4 KiB.

A bare number is refused: whoever writes 500 for a time may mean seconds or milliseconds.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from lab.document import quote

_QUANTITY = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([^\s0-9.].{0,9})?")


@dataclass(frozen=True)
class Unit:
    """noun: for messages. scales: unit to factor, the first is the one to suggest."""

    noun: str
    scales: dict[str, Decimal]
    example: str


TIME = Unit(
    "a time",
    {
        " s": Decimal(1),
        " ms": Decimal("0.001"),
        " us": Decimal("0.000001"),
        " µs": Decimal("0.000001"),  # U+00B5, the sign on keyboards
        " μs": Decimal("0.000001"),  # U+03BC, the Greek letter
    },
    "0.5 s, 2 ms or 400 us",
)
SPAN = Unit(
    "a span of time",
    {" min": Decimal(60), " m": Decimal(60), " s": Decimal(1), " h": Decimal(3600)},
    "20m, 90s or 1h",
)
RATE = Unit("a rate", {"/s": Decimal(1)}, "500/s")
SIZE = Unit(
    "a size",
    {" B": Decimal(1), " KiB": Decimal(1024), " MiB": Decimal(1024**2)},
    "64 B, 4 KiB or 1 MiB",
)


def parse(value: object, unit: Unit) -> float:
    """Read a quantity. Raises ValueError with a sentence for the user."""
    if value is None:
        raise ValueError(f"has no value. Write {unit.noun}, such as {unit.example}.")
    wrong = ValueError(f"{quote(value)} is not {unit.noun}. Write {unit.example}.")
    if isinstance(value, bool | dict | list):
        raise wrong
    match = _QUANTITY.fullmatch(str(value).strip())
    if not match:
        raise wrong
    number, written = match.groups()
    if not written:
        first = next(iter(unit.scales))
        raise ValueError(f"{quote(value)} has no unit. Write {number}{first}.")
    for name, scale in unit.scales.items():
        if "".join(written.split()) == name.strip():
            return float(Decimal(number) * scale)
    raise wrong
