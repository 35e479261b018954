"""The whole book as an A/A test: every arm of an experiment becomes the same server. Pure.

Claims that one arm costs more than another must not come out supported then: each that does is the
lab's own error. Claims of equality, or of "less than", are true of twins and say nothing; growth is
of one arm, and probes have none. Those are left out.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from lab.claims import (
    Claim,
    CompareClaim,
    CrossoverClaim,
    DifferenceClaim,
    OrderClaim,
    SlopeClaim,
    SlopeOrderClaim,
    experiment_of,
)
from lab.errors import UsageError
from lab.schema import Experiment, Lab

ASSERTING = (
    CompareClaim,
    OrderClaim,
    DifferenceClaim,
    SlopeClaim,
    SlopeOrderClaim,
    CrossoverClaim,
)
NOTE = (
    "A/A: all arms of each experiment were the server of its first arm, under the same load. "
    "No claim may come out supported."
)


def twins(lab: Lab) -> Lab:
    """Return the book with twins for arms. Raises UsageError where no claim compares two arms."""
    claims = {
        name: claim.model_copy(update={"gate": "refuted", "expected": None})
        for name, claim in lab.claims.items()
        if is_of_two(claim)
    }
    if not claims:
        raise UsageError("no claim of the file compares two arms: there is nothing to run as A/A.")
    used = {experiment_of(claim) for claim in claims.values()}
    experiments = {name: _same(one) for name, one in lab.experiments.items() if name in used}
    fit = {name: one for name, one in claims.items() if _has_levels(experiments, one)}
    return lab.model_copy(update={"experiments": experiments, "claims": fit, "searches": {}})


def left(lab: Lab, select: Sequence[str], same: Lab) -> tuple[str, ...]:
    """Return a selection without the patterns that mean only claims which have no twins.

    Raises UsageError where nothing is left of it.
    """
    there, before = {*same.claims, *same.experiments}, {*lab.claims, *lab.experiments}
    kept = [one for one in select if _finds(one, there) or not _finds(one, before)]
    if select and not kept:
        raise UsageError(
            f"{', '.join(select)}: nothing of it asserts a difference between arms, "
            "and only that can be run as A/A."
        )
    return tuple(kept)


def _finds(pattern: str, names: set[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names)


def is_of_two(claim: Claim) -> bool:
    """Say whether a claim asserts a difference between arms, and only between arms."""
    return isinstance(claim, ASSERTING) and not getattr(claim, "against", None)


def _same(experiment: Experiment) -> Experiment:
    """Give every arm the server, the load and the levels of the first one."""
    first = next(iter(experiment.arms))
    own = experiment.factors_for.get(first, {})
    return experiment.model_copy(
        update={
            "arms": dict.fromkeys(experiment.arms, experiment.arms[first]),
            "factors": {
                name: {**experiment.factors[name], **own.get(name, {})}
                for name in experiment.factors
            },
            "factors_for": {},
        }
    )


def _has_levels(experiments: dict[str, Experiment], claim: Claim) -> bool:
    """Say whether the twins have the levels of all cells that a claim names."""
    experiment = experiments[experiment_of(claim)]
    given = getattr(claim, "at", {})
    places = given if isinstance(given, list) else [given]
    return all(
        all(
            level in experiment.factors[name].get(profile, experiment.factors[name].get("*", []))
            for name, level in place.items()
        )
        for place in places
        for profile in claim.profiles
    )
