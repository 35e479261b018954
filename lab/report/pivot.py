"""One metric of one experiment as a table for people's documents: arms down, levels across."""

from collections.abc import Sequence

from lab.errors import UsageError
from lab.report.model import CellSummary, Estimate, Results


def markdown(results: Results, experiment: str, metric: str) -> str:
    """Write `median (low-high)` per cell; a cell that was not planned is empty, a void one says so.

    Raises UsageError where the run has no such experiment, or it has more than one factor.
    """
    cells = [cell for cell in results.cells if cell.experiment == experiment]
    if not cells:
        names = ", ".join(dict.fromkeys(cell.experiment for cell in results.cells))
        raise UsageError(f'this run has no experiment "{experiment}". Write one of {names}.')
    factors = {tuple(cell.factors) for cell in cells}
    if any(len(names) > 1 for names in factors):
        raise UsageError(f"{experiment} has several factors; a table shows one.")
    levels = sorted({_level(cell) for cell in cells})
    by_place = {(cell.arm, _level(cell)): cell for cell in cells}
    name = next((names[0] for names in factors if names), metric)
    rows = [
        [arm, *(_text(by_place.get((arm, level)), metric) for level in levels)]
        for arm in dict.fromkeys(cell.arm for cell in cells)
    ]
    head = [name, *(f"{level:,}" for level in levels)]
    return "\n".join(map(_row, [head, ["---", *["--:"] * len(levels)], *rows]))


def _level(cell: CellSummary) -> int:
    return next(iter(cell.factors.values()), 0)


def _row(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _text(cell: CellSummary | None, metric: str) -> str:
    if cell is None:
        return ""
    for spread in cell.metrics:
        if spread.metric == metric:
            return _estimate(spread.estimate)
    return f"void ({', '.join(cell.voids)})" if cell.voids else "–"


def _estimate(value: Estimate) -> str:
    """Three digits, no more: the rest is noise."""
    low, high = ("…" if end is None else _digits(end) for end in (value.low, value.high))
    return f"{_digits(value.value)} ({low}–{high})"


def _digits(number: float) -> str:
    return f"{float(f'{number:.3g}'):,g}"  # 1,020 rather than 1.02e+03
