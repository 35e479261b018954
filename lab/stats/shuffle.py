"""Labels exchanged by chance inside each block: what a rule finds where there is nothing to find.

Each block has one number, and the number it would have had with the labels of its two arms
exchanged (for ln(A/B) that is minus the first). Choosing one of the two for each block by the toss
of a coin makes data in which the arms are equal by construction, with the noise of the real ones.
A rule that still asserts a difference errs.
"""

import random
from collections.abc import Callable, Iterator, Sequence

Asserts = Callable[[Sequence[float]], bool]


def shuffled(
    values: Sequence[float], exchanged: Sequence[float], times: int, seed: int
) -> Iterator[list[float]]:
    """Yield that many series with the labels of each block kept or exchanged at random."""
    if len(values) != len(exchanged):
        raise ValueError(f"{len(values)} blocks, and {len(exchanged)} of them exchanged.")
    dice = random.Random(seed)
    pairs = list(zip(values, exchanged, strict=True))
    for _ in range(times):
        yield [pair[dice.random() < 0.5] for pair in pairs]


def permuted(rows: Sequence[Sequence[float]], times: int, seed: int) -> Iterator[list[list[float]]]:
    """Yield that many tables whose levels are exchanged at random inside each block."""
    dice = random.Random(seed)
    for _ in range(times):
        yield [dice.sample(list(row), len(row)) for row in rows]


def errors(
    values: Sequence[float], exchanged: Sequence[float], times: int, seed: int, asserts: Asserts
) -> int:
    """Count the shuffled series in which the rule asserts a difference."""
    return sum(map(asserts, shuffled(values, exchanged, times, seed)))
