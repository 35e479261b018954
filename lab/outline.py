"""The shape of a table as data: what must be true of its numbers, whatever they are.

A table has named rows and named columns. Each outline becomes one or more contrasts: products of
powers of cells (a ratio, a ratio of ratios, a single cell), and the band in which each must lie.
Only these are judged (`lab.replicating`), so every outline has the same rule.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field, model_validator

from lab.document import quote
from lab.shape import Shape, Text

Cell = tuple[str, str]  # row, column


class Contrast(NamedTuple):
    """The sum of weight x ln(cell), and the band it must lie in; words say it to people.

    directed: the band says more or less than 1, so that the opposite can be told from a miss.
    """

    words: str
    terms: tuple[tuple[Cell, int], ...]
    low: float
    high: float
    directed: bool


def _column(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _columns(value: Any) -> Any:
    return [_column(one) for one in value] if isinstance(value, list) else [_column(value)]


Name = Annotated[str, BeforeValidator(_column), Field(min_length=1)]
Names = Annotated[list[Name], BeforeValidator(_columns), Field(min_length=1)]
Band = tuple[float | None, float | None]


class Published(Shape):
    """A table as it was printed, and where. rows: numbers by row, one for each column."""

    source: Text
    unit: Text
    columns: Names
    rows: Annotated[dict[str, list[float | None]], Field(min_length=1)]

    @model_validator(mode="after")
    def _check(self) -> "Published":
        for name, row in self.rows.items():
            if len(row) != len(self.columns):
                text = f"row {quote(name)} has {len(row)} numbers for {len(self.columns)} columns."
                raise ValueError(f"{text} Write null where none was printed.")
        return self


class Outline(Shape):
    """One statement on the table; exactly one of its first keys is given.

    order: rows, the smallest first. ratio: `a / b` in a band. alike: rows within a factor of each
    other. grows: a row from the first to the last of its columns, by a factor in a band. flat: by
    less than a factor, either way. value: a cell that has no unit, in a band. crosses: `a / b` is
    below 1 in the first of the columns and above it in the last. narrows: `a / b` is nearer to 1
    in the last column than in the first.
    at: columns; all of the table where nothing is said. at_least, at_most, within: the band.
    """

    order: list[Text] | None = None
    ratio: str | None = None
    alike: list[Text] | None = None
    grows: str | None = None
    flat: str | None = None
    value: str | None = None
    crosses: str | None = None
    narrows: str | None = None
    at: Names | None = None
    at_least: Annotated[float, Field(gt=0)] | None = None
    at_most: Annotated[float, Field(gt=0)] | None = None
    within: Annotated[float, Field(gt=1)] | None = None

    @property
    def kind(self) -> str:
        return next(name for name in KINDS if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _check(self) -> "Outline":
        given = [name for name in KINDS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of {', '.join(KINDS)}.")
        kind = given[0]
        wanted = BANDS[kind]
        band = {n for n in ("at_least", "at_most", "within") if getattr(self, n) is not None}
        if not band <= wanted or (wanted and not band):
            words = " or ".join(sorted(name.replace("_", "-") for name in wanted)) or "no band"
            raise ValueError(f"{kind} takes {words}.")
        if self.at_least and self.at_most and self.at_least >= self.at_most:
            raise ValueError("at-least must be below at-most.")
        rows = self.order or self.alike
        if rows is not None and (len(rows) < 2 or len(set(rows)) < len(rows)):
            raise ValueError(f"{kind} takes two rows or more, each once.")
        if kind in ("ratio", "crosses", "narrows"):
            parts(getattr(self, kind))
        return self


Kind = Literal["order", "ratio", "alike", "grows", "flat", "value", "crosses", "narrows"]
_ENDS = {"at_least", "at_most"}
BANDS: dict[str, set[str]] = {
    "order": set(),
    "ratio": _ENDS,
    "alike": {"within"},
    "grows": _ENDS,
    "flat": {"within"},
    "value": _ENDS,
    "crosses": set(),
    "narrows": set(),
}
KINDS = tuple(BANDS)


def parts(ratio: str) -> tuple[str, str]:
    """Split `a / b`. Raises ValueError."""
    a, slash, b = (part.strip() for part in ratio.partition("/"))
    if not (a and slash and b):
        raise ValueError(f"{quote(ratio)} is not a ratio of two rows. Write select / epoll.")
    return a, b


def rows_of(outline: Outline) -> list[str]:
    """Return the rows that an outline speaks of."""
    if outline.order or outline.alike:
        return list(outline.order or outline.alike or ())
    named = getattr(outline, outline.kind)
    return list(parts(named)) if outline.kind in ("ratio", "crosses", "narrows") else [named]


def contrasts(outline: Outline, columns: Sequence[str]) -> list[Contrast]:
    """Return what an outline asks of a table with those columns. Raises ValueError."""
    at = list(outline.at or columns)
    if strange := [name for name in at if name not in columns]:
        raise ValueError(f"no column {quote(strange[0])}. There are {', '.join(columns)}.")
    if outline.kind in ("grows", "flat", "crosses", "narrows") and len(at) < 2:
        raise ValueError(f"{outline.kind} needs two columns.")
    return _MAKERS[outline.kind](outline, at)


def _over(a: Cell, b: Cell) -> tuple[tuple[Cell, int], ...]:
    return ((a, 1), (b, -1))


def _band(outline: Outline) -> tuple[float, float]:
    if outline.within is not None:
        return -math.log(outline.within), math.log(outline.within)
    low = -math.inf if outline.at_least is None else math.log(outline.at_least)
    high = math.inf if outline.at_most is None else math.log(outline.at_most)
    return low, high


def _span(outline: Outline) -> str:
    if outline.within is not None:
        return f"within x{outline.within:g}"
    least = "" if outline.at_least is None else f"at least {outline.at_least:g}"
    most = "" if outline.at_most is None else f"at most {outline.at_most:g}"
    return " and ".join(part for part in (least, most) if part)


def _is_directed(low: float, high: float) -> bool:
    return low >= 0 or high <= 0


def _order(outline: Outline, at: list[str]) -> list[Contrast]:
    assert outline.order is not None
    return [
        Contrast(
            f"{smaller} < {larger} at {column}",
            _over((larger, column), (smaller, column)),
            0.0,
            math.inf,
            directed=True,
        )
        for column in at
        for smaller, larger in pairwise(outline.order)
    ]


def _ratio(outline: Outline, at: list[str]) -> list[Contrast]:
    assert outline.ratio is not None
    (a, b), band = parts(outline.ratio), _band(outline)
    return [
        Contrast(
            f"{a} / {b} {_span(outline)} at {column}",
            _over((a, column), (b, column)),
            *band,
            _is_directed(*band),
        )
        for column in at
    ]


def _alike(outline: Outline, at: list[str]) -> list[Contrast]:
    rows = rows_of(outline)
    return [
        Contrast(
            f"{a} and {b} {_span(outline)} at {column}",
            _over((a, column), (b, column)),
            *_band(outline),
            directed=False,
        )
        for column in at
        for i, a in enumerate(rows)
        for b in rows[i + 1 :]
    ]


def _grows(outline: Outline, at: list[str]) -> list[Contrast]:
    (row,), band = rows_of(outline), _band(outline)
    words = f"{row} from {at[0]} to {at[-1]}: {_span(outline)}"
    return [Contrast(words, _over((row, at[-1]), (row, at[0])), *band, _is_directed(*band))]


def _value(outline: Outline, at: list[str]) -> list[Contrast]:
    (row,), band = rows_of(outline), _band(outline)
    return [
        Contrast(
            f"{row} {_span(outline)} at {column}", (((row, column), 1),), *band, directed=False
        )
        for column in at
    ]


def _crosses(outline: Outline, at: list[str]) -> list[Contrast]:
    a, b = rows_of(outline)
    first, last = at[0], at[-1]
    return [
        Contrast(
            f"{a} < {b} at {first}", _over((b, first), (a, first)), 0.0, math.inf, directed=True
        ),
        Contrast(f"{a} > {b} at {last}", _over((a, last), (b, last)), 0.0, math.inf, directed=True),
    ]


def _narrows(outline: Outline, at: list[str]) -> list[Contrast]:
    """`a / b`, above 1 in the first column, comes down towards 1 in the last."""
    a, b = rows_of(outline)
    first, last = at[0], at[-1]
    terms = (*_over((a, first), (b, first)), *_over((b, last), (a, last)))
    return [
        Contrast(
            f"{a} / {b} comes down from {first} to {last}", terms, 0.0, math.inf, directed=True
        )
    ]


_MAKERS = {
    "order": _order,
    "ratio": _ratio,
    "alike": _alike,
    "grows": _grows,
    "flat": _grows,
    "value": _value,
    "crosses": _crosses,
    "narrows": _narrows,
}
