"""From a search and a level to a cell, and from a round of a search to its trials. Pure.

A cell of a search is the experiment's own, with the level in the place of the factor and the
search's name in front; so its trials are planned, run, gated and stored like any other.
"""

from lab.cells import cell_of
from lab.errors import UsageError
from lab.forecast import trial_seconds
from lab.model import Cell, SearchPlan, Timing, Trial
from lab.plan import drawn
from lab.schema import EVERY, Experiment, Lab
from lab.search import axis
from lab.search.checks import ends
from lab.search.shapes import CapacitySearch, CrossoverSearch, arms

AnySearch = CapacitySearch | CrossoverSearch
SUPPORTED = 1100  # requests in a window: p99 needs 1000 (docs/method.md), and the last may be late
LONGEST_S = 30.0  # of a window that a low rate asks for
LEAST_ROUNDS = 8  # 7 answers of one mind decide a side (lab.search.evidence)
MOST_TRIALS = 300  # of a search, void ones included: minutes in the shortest profile


def planned(lab: Lab, profile: str, name: str) -> SearchPlan:
    """Return what is known of a search beforehand: its range, its bounds, its cells at both ends.

    Raises UsageError where the profile gives it no range.
    """
    search = lab.searches[name]
    low, high = ends(lab.experiments[search.experiment], profile, search)
    if low >= high:
        why = f"{search.experiment} has no range of {search.over} there"
        mend = f"Write --profile {' or '.join(search.profiles)}."
        raise UsageError(f"{name} cannot be searched in {profile}: {why}. {mend}")
    edges = [
        cell(lab, profile, search, arm, level)
        for arm in _arms(lab, search)
        for level in (low, high)
    ]
    least = LEAST_ROUNDS * sum(map(trial_seconds, edges[1::2]))
    if search.budget < least:
        why = f"{LEAST_ROUNDS} rounds take {least:.0f} s, and fewer can decide nothing"
        raise UsageError(f"{name}: a budget of {search.budget:g} s is too small: {why}.")
    return SearchPlan(
        id=name,
        kind=search.kind,
        over=search.over,
        arms=_arms(lab, search),
        low=low,
        high=high,
        tolerance=search.tolerance,
        budget_s=search.budget,
        trials=MOST_TRIALS,
        edges=edges,
    )


def asked_levels(plan: SearchPlan) -> list[int]:
    """Return the levels that a search may ask."""
    return axis.levels(plan.low, plan.high, plan.tolerance)


def cell(lab: Lab, profile: str, search: AnySearch, arm: str, level: int) -> Cell:
    """Return the cell of an arm at a level."""
    made = cell_of(lab, profile, _experiment(lab, search), arm, {search.over: level, **search.at})
    if isinstance(search, CapacitySearch) or search.metric == "p99":
        made = made.model_copy(update={"timing": _stretched(made)})
    return made.model_copy(update={"cpu": getattr(search, "metric", "") == "cpu"})


def level_of(search: AnySearch, cell_id: str) -> int | None:
    """Read the level back from the name of a cell; None: it is no cell of this search."""
    if not cell_id.startswith(f"{search.id}/"):
        return None
    pairs = (part.split("=", 1) for part in cell_id.rsplit("/", 1)[-1].split(",") if "=" in part)
    found = dict(pairs).get(search.over, "")
    return int(found) if found.isdecimal() else None


def trials(cells: list[Cell], number: int, seed: int, last_port: int) -> list[Trial]:
    """Draw the trials of one round, in their order: common arrivals, ports that do not repeat."""
    made: list[Trial] = []
    for one in sorted(cells, key=lambda c: drawn(c, number, seed, 0).hash_seed):
        made.append(drawn(one, number, seed, made[-1].port if made else last_port))
    return made


def _arms(lab: Lab, search: AnySearch) -> list[str]:
    return arms(search, list(lab.experiments[search.experiment].arms))


def _experiment(lab: Lab, search: AnySearch) -> Experiment:
    """Return the experiment under the search's name."""
    found = lab.experiments[search.experiment]
    factors = {name: {EVERY: [0]} for name in (search.over, *search.at)}
    return found.model_copy(
        update={"id": search.id, "factors": factors, "factors_for": {}, "mechanism": False}
    )


def _stretched(made: Cell) -> Timing:
    """Lengthen the window until it holds enough requests for a p99 of the slowest class."""
    rates = [load.rate for load in made.load.values() if load.rate]
    window = max([made.timing.window, *(SUPPORTED / rate for rate in rates)])
    return made.timing.model_copy(update={"window": min(window, LONGEST_S)})
