"""Who wins where: the maps of a run. Pure.

In each cell the arm with the lowest cost, and all arms that are surely not dearer than it by the
margin: among those there is no meaningful difference. Along x, for each level of y and each pair of
arms, the level from which one overtakes the other, with its interval (lab.stats.crossover).

A map is a picture and no verdict: the cheapest is chosen from the data that it is shown by, and the
intervals are those of single comparisons, none corrected for the number of cells.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from statistics import median

from lab.context import cell_words, on_log_scale
from lab.data import Data
from lab.decision import LOOK_ALPHA
from lab.mapped import MapOf
from lab.metrics import METRICS
from lab.model import Cell, Plan
from lab.report.model import Boundary, Estimate, MapCell, WinnerMap
from lab.schema import Lab
from lab.stats import crossover
from lab.stats.values import log_ratios

Place = tuple[int, int]  # levels of x and y
Cells = Mapping[str, Mapping[Place, str]]  # of each arm, by place, their ids


def maps(lab: Lab, plan: Plan, data: Data) -> list[WinnerMap]:
    """Return the maps of the experiments of a run that ask for one, and have anything to show."""
    asked = [(one.id, one.map) for one in lab.experiments.values() if one.map]
    found = [_map(lab, plan, data, name, of) for name, of in asked]
    return [one for one in found if one and one.cells]


def _map(lab: Lab, plan: Plan, data: Data, name: str, of: MapOf) -> WinnerMap | None:
    mine = [cell for cell in plan.cells if cell.experiment == name]
    if not mine:
        return None
    ids: dict[str, dict[Place, str]] = {arm: {} for arm in lab.experiments[name].arms}
    for cell in mine:
        ids[cell.arm][_place(cell, of)] = cell.id
    places = sorted({_place(cell, of) for cell in mine}, key=lambda place: place[::-1])
    shown = [one for place in places if (one := _cell(data, ids, place, of))]
    return WinnerMap(
        experiment=name,
        question=lab.experiments[name].question,
        x=of.x,
        y=of.y,
        metric=of.metric,
        unit=METRICS[of.metric].unit,
        margin=of.margin,
        arms=list(ids),
        load=cell_words(mine[-1]),
        cells=shown,
        boundaries=_boundaries(data, ids, places, of, shown),
    )


def _place(cell: Cell, of: MapOf) -> Place:
    return cell.factors[of.x], cell.factors[of.y]


def _cell(data: Data, ids: Cells, place: Place, of: MapOf) -> MapCell | None:
    """Return one cell of the map; None: nothing usable was measured there."""
    values = {
        arm: found
        for arm, cells in ids.items()
        if place in cells and (found := data.values(cells[place], of.metric))
    }
    costs = {arm: on_log_scale(list(found.values())) for arm, found in values.items()}
    if not costs:
        return None
    cheapest = min(costs, key=lambda arm: (costs[arm].value, arm))
    ratios = {}
    for arm, found in values.items():
        blocks = sorted(found.keys() & values[cheapest].keys())
        if arm != cheapest and blocks:
            ratios[arm] = on_log_scale([found[b] / values[cheapest][b] for b in blocks])
    return MapCell(
        x=place[0],
        y=place[1],
        cheapest=cheapest,
        like=[arm for arm, ratio in ratios.items() if _is_like(ratio, of.margin)],
        unsure=[arm for arm, ratio in ratios.items() if _is_unsure(ratio, of.margin)],
        costs=costs,
        ratios=ratios,
        blocks=len(values[cheapest]),
    )


def _is_like(ratio: Estimate, margin: float) -> bool:
    return ratio.high is not None and ratio.high < margin


def _is_unsure(ratio: Estimate, margin: float) -> bool:
    return not _is_like(ratio, margin) and (ratio.low is None or ratio.low <= margin)


def _boundaries(
    data: Data, ids: Cells, places: Sequence[Place], of: MapOf, shown: Sequence[MapCell]
) -> list[Boundary]:
    """Return where each two arms change places, row by row."""
    found = []
    for y in dict.fromkeys(place[1] for place in places):
        row = [place for place in places if place[1] == y]
        winners = [cell.cheapest for cell in shown if cell.y == y]
        neighbours = {frozenset(pair) for pair in pairwise(winners) if len(set(pair)) == 2}
        for a, b in combinations(ids, 2):
            one = _boundary(data, (a, b), [place for place in row if place in ids[a]], ids, of)
            if one:
                update = {"shown": frozenset((a, b)) in neighbours and one.at is not None}
                found.append(one.model_copy(update=update))
    return found


def _boundary(
    data: Data, pair: tuple[str, str], row: Sequence[Place], ids: Cells, of: MapOf
) -> Boundary | None:
    """Return where two arms change places in a row; None: they share too few levels or no block."""
    shared = [place for place in row if all(place in ids[arm] for arm in pair)]
    _, rows = data.common([ids[arm][place] for arm in pair for place in shared], of.metric)
    n = len(shared)
    if n < 2 or not rows:
        return None
    logs = [log_ratios(values[:n], values[n:]) for values in rows]
    first, then = pair
    if median(log[-1] - log[0] for log in logs) < 0:  # the other one is overtaken
        first, then = then, first
        logs = [[-value for value in log] for log in logs]
    found = crossover.find([float(x) for x, _ in shared], logs, LOOK_ALPHA)
    at = None
    if found.estimate is not None and math.isfinite(found.estimate):
        at = Estimate(value=found.estimate, low=found.low, high=found.high)
    return Boundary(
        y=shared[0][1], first=first, then=then, at=at, state=str(found.state), why=found.why
    )
