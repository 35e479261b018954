"""The shapes of what makes a report a document to learn from: the book, the blocks, the map.

Values only, see `lab.report.model`, which holds them all together and names them all.
"""

from typing import Literal

from pydantic import Field

from lab.model import Frozen
from lab.report.shapes import Estimate


class Listed(Frozen):
    """A claim of the book, whether this run tested it or not."""

    id: str
    sentence: str
    kind: str
    profiles: list[str]


class Chapter(Frozen):
    """A section of the notes. key: as the notes number it; "": sentences that are not theirs."""

    key: str
    title: str
    claims: list[Listed]


class Series(Frozen):
    """What a claim compares, block by block. estimate: of all of them, as the last look sees it.

    values: ratios, or differences in unit.
    """

    name: str
    scale: Literal["ratio", "difference"]
    unit: str = ""
    blocks: list[int]
    values: list[float]
    estimate: Estimate


class MapCell(Frozen):
    """Who is cheapest at one place. costs: of each arm; ratios: each other arm over the cheapest.

    like: surely not dearer by the margin. unsure: may be like it, or dearer. All others are dearer.
    """

    x: int
    y: int
    cheapest: str
    like: list[str]
    unsure: list[str]
    costs: dict[str, Estimate]
    ratios: dict[str, Estimate]
    blocks: int


class Boundary(Frozen):
    """From where on, along x, `then` is cheaper than `first`, which is cheaper below it.

    at: None where the two do not change places, with the reason in why. shown: between two arms
    that are the cheapest next to it.
    """

    y: int
    first: str
    then: str
    at: Estimate | None
    state: str
    why: str
    shown: bool = False


class WinnerMap(Frozen):
    """Two factors, many arms: who wins where, by how much, and where they change places."""

    experiment: str
    question: str
    x: str
    y: str
    metric: str
    unit: str
    margin: float
    arms: list[str]
    load: str
    cells: list[MapCell] = Field(default_factory=list)
    boundaries: list[Boundary] = Field(default_factory=list)
