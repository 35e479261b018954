"""Which cells there are, and which of them a claim stands on. Pure: plan and analysis ask."""

from collections.abc import Iterator
from itertools import product
from typing import TypeVar

from lab import asking
from lab.asking import IdleLoad, Unpaced
from lab.claims import (
    Claim,
    DifferenceClaim,
    GrowthClaim,
    LadderClaim,
    LimitClaim,
    OrderClaim,
    PlacedClaim,
    RatioClaim,
    ReplicationClaim,
    SlopeClaim,
    SlopeOrderClaim,
    experiment_of,
)
from lab.courses import laid
from lab.loads import Load
from lab.model import ECHO, Cell, ClassLoad, ClassName, Timing
from lab.outline import rows_of
from lab.schema import EVERY, Experiment, Lab, Profile
from lab.schema import Timing as Override
from servers.catalog import SERVERS

FEWEST_RUNGS = 3  # a straight line needs a point between its ends
Factors = dict[str, int]
N = TypeVar("N", int, float)


def cell_id(experiment: str, arm: str, factors: Factors) -> str:
    """Name a cell: `experiment/arm/factor=level,...`."""
    levels = ",".join(f"{name}={level}" for name, level in factors.items())
    return "/".join(part for part in (experiment, arm, levels) if part)


def levels(experiment: Experiment, profile: str, arm: str, factor: str) -> list[int]:
    """Return the levels of a factor for an arm, ascending. None: not part of the profile."""
    own, shared = experiment.factors_for.get(arm, {}).get(factor, {}), experiment.factors[factor]
    found = (by_profile.get(key) for by_profile in (own, shared) for key in (profile, EVERY))
    return next((ladder for ladder in found if ladder), [])


def combinations(experiment: Experiment, profile: str, arm: str) -> list[Factors]:
    """Return every combination of levels that an arm is measured at in a profile."""
    names = list(experiment.factors)
    ladders = (levels(experiment, profile, arm, name) for name in names)
    return [dict(zip(names, chosen, strict=True)) for chosen in product(*ladders)]


def cells(lab: Lab, profile: str, experiment: str) -> list[Cell]:
    """Return all cells of an experiment in a profile, arm by arm."""
    found = lab.experiments[experiment]
    arms = ((arm, combinations(found, profile, arm)) for arm in found.arms)
    return [cell_of(lab, profile, found, arm, f) for arm, all_of in arms for f in all_of]


def connections(experiment: Experiment, arm: str, factors: Factors) -> dict[ClassName, int]:
    """Return how many connections of each class a cell has; 0: the class is absent."""
    classes = experiment.load_of(arm).classes()
    return {name: _number(load.connections, factors, int) for name, load in classes.items()}


def timing(usual: Profile, own: Override | None) -> Timing:
    """Return the phases of a trial: the profile's, unless the experiment says otherwise."""
    if own is None:
        return Timing(warm_up=usual.warm_up, window=usual.window, cool_down=usual.cool_down)
    return Timing(
        warm_up=usual.warm_up if own.warm_up is None else own.warm_up,
        window=usual.window if own.window is None else own.window,
        cool_down=usual.cool_down if own.cool_down is None else own.cool_down,
    )


def cell_of(lab: Lab, profile: str, experiment: Experiment, arm: str, factors: Factors) -> Cell:
    """Return one cell of an experiment, whether its levels are among the declared ones or not."""
    counts = connections(experiment, arm, factors)
    classes = experiment.load_of(arm).classes()
    phases = timing(lab.profiles[profile], experiment.timing.get(profile))
    return Cell(
        id=cell_id(experiment.id, arm, factors),
        experiment=experiment.id,
        arm=arm,
        factors=factors,
        server=experiment.arms[arm].server,
        workers=experiment.arms[arm].workers,
        network=experiment.arms[arm].network or "",
        io_uring=any(needs_ring(one.server) for one in experiment.arms.values()),
        protocol=experiment.protocol,
        load={name: class_load(classes[name], factors, phases) for name, n in counts.items() if n},
        timing=phases,
        cpu=judged_by_cpu(lab, experiment.id),
        driver=experiment.driver_of(arm),
    )


def judged_by_cpu(lab: Lab, experiment: str) -> bool:
    """Whether a claim asks an experiment for CPU per request, or there is no claim about it."""
    about = [c for c in lab.claims.values() if getattr(c, "experiment", "") == experiment]
    return not about or any(getattr(claim, "metric", "cpu") == "cpu" for claim in about)


def needs_ring(server: str) -> bool:
    """Whether a server runs only where io_uring is allowed; a server that is not ours: no."""
    return server in SERVERS and SERVERS[server].needs == "io_uring"


def class_load(load: Load | Unpaced | IdleLoad, factors: Factors, phases: Timing) -> ClassLoad:
    """Put the levels in where the load names factors, and lay stages out for the phases."""
    if not isinstance(load, Load):
        return asking.class_load(load, lambda value, kind: _number(value, factors, kind))
    made = ClassLoad(
        connections=_number(load.connections, factors, int),
        rate=_number(load.rate or 0.0, factors, float),
        spacing=load.spacing,
        think_s=load.think or 0.0,
        payload=_number(load.payload or 0, factors, int),
        path=load.path or ECHO,
        spread=load.spread,
        requests=_number(getattr(load, "requests", None) or 0, factors, int),
        ends=getattr(load, "ends", None) or "close",
    )
    return laid(made, load, factors, phases)


def _number(value: float | str, factors: Factors, kind: type[N]) -> N:
    return kind(factors[value[1:]] if isinstance(value, str) else value)


def places(claim: Claim, rungs: list[int]) -> Iterator[Factors]:
    """Yield the factor levels that a claim looks at, in the order in which it counts."""
    if isinstance(claim, PlacedClaim):
        yield from claim.at
    elif not isinstance(claim, LimitClaim) and claim.over:
        for rung in rungs:
            yield {**claim.at, claim.over: rung}
    elif isinstance(claim, ReplicationClaim):
        yield claim.at


def rungs(experiment: Experiment, profile: str, claim: Claim) -> list[int]:
    """Return the levels that a ladder claim uses: those all its arms share, from its start on."""
    if isinstance(claim, ReplicationClaim) and claim.over:
        least = 0
    elif isinstance(claim, LadderClaim):
        least = claim.start
    else:
        return []
    shared = [set(levels(experiment, profile, arm, claim.over)) for arm in arms(claim)]
    return sorted(level for level in set.intersection(*shared) if level >= least)


def arms(claim: Claim) -> list[str]:
    """Return the arms that a claim names: a before b, or in the order named."""
    match claim:
        case LimitClaim():
            return []
        case ReplicationClaim():
            named = [row for outline in claim.shape for row in rows_of(outline)]
            return list(dict.fromkeys(named)) if claim.experiment else []
        case GrowthClaim():
            return [claim.arm]
        case OrderClaim() | SlopeOrderClaim():
            return claim.order
        case SlopeClaim():
            ratio = claim.slope
        case DifferenceClaim():
            ratio = claim.difference
        case _:
            ratio = claim.ratio
    return [ratio.a, ratio.b]


def needs(experiment: Experiment, profile: str, claim: Claim) -> list[tuple[str, Factors]]:
    """Return (arm, levels) of every cell that a claim stands on, whether it exists or not."""
    wanted = list(places(claim, rungs(experiment, profile, claim)))
    found = [(arm, place) for arm in arms(claim) for place in wanted]
    if not isinstance(claim, RatioClaim) or not claim.against:
        return found
    half = len(found) // 2
    return found[:half] + [(arm, {**place, **claim.against}) for arm, place in found[half:]]


def _named(experiment: Experiment, arm: str, place: Factors) -> str:
    """Name a cell whatever order a claim gives its factors in."""
    return cell_id(experiment.id, arm, {name: place[name] for name in experiment.factors})


def needed_by(lab: Lab, profile: str, claim: str) -> list[str]:
    """Return the ids of all cells that a claim stands on, arm by arm. Probes, programs: none."""
    found = lab.claims[claim]
    if not experiment_of(found):
        return []
    experiment = lab.experiments[experiment_of(found)]
    return [_named(experiment, arm, at) for arm, at in needs(experiment, profile, found)]


def pairs(lab: Lab, profile: str, claim: str) -> list[tuple[str, str]]:
    """Return (cell of arm a, cell of arm b): one pair per declared cell, or per rung ascending.

    Of claims with two arms only: ratios, difference, slope, crossover.
    """
    ids = needed_by(lab, profile, claim)
    half = len(ids) // 2
    return list(zip(ids[:half], ids[half:], strict=True))


def ladder(lab: Lab, profile: str, claim: str, arm: str) -> list[tuple[int, str]]:
    """Return (level, cell) of an arm, ascending. Of claims with a ladder only."""
    found = lab.claims[claim]
    assert isinstance(found, LadderClaim), f"{claim} has no ladder"
    experiment = lab.experiments[found.experiment]
    steps = rungs(experiment, profile, found)
    return [(rung, _named(experiment, arm, {**found.at, found.over: rung})) for rung in steps]
