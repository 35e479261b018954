"""Which claims can be decided within a time: the plan of `--budget`. Pure.

Each claim costs the cells that it stands on, for all planned blocks, and its probe or program; a
cell that several claims stand on is paid once. Taken is, again and again, what costs least for each
claim that it settles: the cells of one claim, or of two that share some, and every claim that
stands on nothing else. There may be better sets: to find the best is a knapsack. A claim that is
decided at an early look costs less than was counted, never more.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lab import forecast
from lab.cells import needed_by
from lab.claims import LimitClaim, ReplicationClaim
from lab.errors import UsageError
from lab.listing import duration
from lab.model import Plan
from lab.schema import Lab
from lab.verdicts import REPEATS


@dataclass(frozen=True)
class Within:
    """claims: those to run. left: the others, each with the seconds that it alone would add."""

    claims: list[str]
    seconds: float
    left: dict[str, float] = field(default_factory=dict)

    def notes(self, budget_s: float) -> list[str]:
        """Say what was left out, in words."""
        if not self.left:
            return []
        told = ", ".join(f"{name} ({duration(s)} more)" for name, s in self.left.items())
        many = len(self.claims)
        words = f"{many} claim{'' if many == 1 else 's'} in about {duration(self.seconds)}"
        return [f"budget {duration(budget_s)}: {words}; left out: {told}"]


def choose(lab: Lab, plan: Plan, budget_s: float, lacking: Iterable[str] = ()) -> Within:
    """Choose the claims of a plan that fit. lacking: claims that cannot be decided here at all.

    Raises UsageError where not one fits.
    """
    gone = set(lacking)
    names = [name for name in plan.claims if name not in gone]
    cells = {name: frozenset(needed_by(lab, plan.profile, name)) for name in names}
    prices = _prices(plan)
    own = {name: _own(lab, name) for name in names}
    taken: set[str] = set()
    paid: set[str] = set()
    spent = 0.0
    while (rest := [name for name in names if name not in taken]) and (
        found := _cheapest(rest, cells, own, prices, paid, budget_s - spent)
    ):
        bundle, price = found
        taken |= bundle
        spent += price
        paid |= set().union(*(cells[name] for name in bundle))
    left = {
        name: _price(cells[name] - paid, prices, bool(paid)) + own[name]
        for name in names
        if name not in taken
    }
    if not taken:
        least = min(left.items(), key=lambda item: item[1], default=("nothing", 0.0))
        words = f"the cheapest, {least[0]}, takes {duration(least[1])}"
        raise UsageError(f"--budget {duration(budget_s)}: no claim fits; {words}.")
    return Within([name for name in names if name in taken], spent, left)


def _prices(plan: Plan) -> dict[str, float]:
    """Return the seconds of each cell over all planned blocks."""
    blocks = max(plan.looks)
    each = 1 + forecast.REPEAT_SHARE
    return {cell.id: forecast.trial_seconds(cell) * blocks * each for cell in plan.cells}


def _own(lab: Lab, name: str) -> float:
    """Return the seconds of a claim's probe or program."""
    claim = lab.claims[name]
    if isinstance(claim, LimitClaim):
        return REPEATS * forecast.PROBE_S
    if isinstance(claim, ReplicationClaim) and claim.program:
        return claim.repeats * forecast.PROGRAM_S
    return 0.0


def _price(cells: Iterable[str], prices: Mapping[str, float], started: bool) -> float:
    """Return the seconds of cells; Locust is started once, with the first of them."""
    found = [prices[cell] for cell in cells]
    return sum(found) + (0.0 if started or not found else forecast.START_S)


def _cheapest(
    rest: list[str],
    cells: Mapping[str, frozenset[str]],
    own: Mapping[str, float],
    prices: Mapping[str, float],
    paid: set[str],
    budget_s: float,
) -> tuple[set[str], float] | None:
    """Return the claims that cost least each, and what they cost together; None: none fits."""
    best: tuple[float, set[str], float] | None = None
    for bundle in _bundles(rest, cells, paid):
        wanted = set().union(*(cells[name] for name in bundle))
        price = _price(wanted - paid, prices, bool(paid)) + sum(own[name] for name in bundle)
        if price > budget_s or (best is not None and price / len(rest) >= best[0]):
            continue
        settled = {name for name in rest if cells[name] and cells[name] <= wanted | paid} | bundle
        price += sum(own[name] for name in settled - bundle)
        if price <= budget_s and (best is None or price / len(settled) < best[0]):
            best = (price / len(settled), settled, price)
    return None if best is None else (best[1], best[2])


def _bundles(
    rest: list[str], cells: Mapping[str, frozenset[str]], paid: set[str]
) -> Iterator[set[str]]:
    """Yield what may be bought at once: one claim, or two that share cells not yet paid."""
    for place, name in enumerate(rest):
        yield {name}
        wanted = cells[name] - paid
        for other in rest[place + 1 :]:
            if wanted & cells[other]:
                yield {name, other}
