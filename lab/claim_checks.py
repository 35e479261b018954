"""What a claim takes for granted: its experiment, its arms, their levels, a fitting metric."""

import pkgutil
from collections.abc import Mapping, Sequence
from types import ModuleType

import lab.probes
import lab.replications
from lab.cells import FEWEST_RUNGS, Factors, arms, class_load, levels, needs, rungs, timing
from lab.checks import known
from lab.claims import (
    Claim,
    DifferenceClaim,
    GrowthClaim,
    LadderClaim,
    LimitClaim,
    MeasuredClaim,
    OrderClaim,
    PlacedClaim,
    RatioClaim,
    ReplicationClaim,
    SlopeClaim,
    SlopeOrderClaim,
    experiment_of,
    metric_of,
)
from lab.course_checks import unjudged
from lab.courses import due
from lab.document import Document, Where, quote
from lab.metrics import METRICS
from lab.mistakes import near
from lab.schema import Experiment, Profile
from lab.stats.growth import shows_bends

_LOADS = {
    "open": "counts from the scheduled start: it needs an open load (rate)",
    "closed": "is what the rate says under an open load: it needs a closed one (think)",
}


def check_claim(
    document: Document,
    claim: Claim,
    experiments: Mapping[str, Experiment],
    profiles: Mapping[str, Profile],
) -> None:
    """Check a claim against the experiments and profiles that have their shape."""
    where: Where = ("claims", claim.id)
    if claim.id in _named(document, "experiments"):
        text = "an experiment has this name too, so nobody could select one of them. Rename one."
        document.complain(where, text, at_key=True)
    for index, name in enumerate(claim.profiles):
        place = (*where, "profiles", index)
        known(document, place, name, _named(document, "profiles"), "a profile")
    if isinstance(claim, LimitClaim):
        known(document, (*where, "probe"), claim.probe, _modules(lab.probes), "a probe")
        return
    if isinstance(claim, ReplicationClaim) and claim.program:
        programs = _modules(lab.replications)
        known(document, (*where, "program"), claim.program, programs, "a program")
        return
    place, name = (*where, "experiment"), experiment_of(claim)
    if not known(document, place, name, _named(document, "experiments"), "an experiment"):
        return
    experiment = experiments.get(name)
    if experiment and _arms(document, where, experiment, claim):
        _metric(document, where, experiment, claim)
        if _factors(document, where, experiment, claim):
            fit = {name: profiles[name] for name in claim.profiles if name in profiles}
            _cells(document, where, experiment, claim, fit)


def _modules(package: ModuleType) -> list[str]:
    """List the probes, or the programs, without importing one."""
    modules = (module.name for module in pkgutil.iter_modules(package.__path__))
    return [name.replace("_", "-") for name in modules if not name.startswith("_")]


def _named(document: Document, section: str) -> list[str]:
    found = document.data.get(section)
    return list(found) if isinstance(found, dict) else []


Standing = MeasuredClaim | ReplicationClaim  # on the cells of an experiment
KEYS = {
    GrowthClaim: "arm",
    SlopeClaim: "slope",
    DifferenceClaim: "difference",
    OrderClaim: "order",
    SlopeOrderClaim: "order",
    ReplicationClaim: "shape",
}


def _arms(document: Document, where: Where, experiment: Experiment, claim: Standing) -> bool:
    key = KEYS.get(type(claim), "ratio")
    named = arms(claim)
    noun = f"an arm of {experiment.id}"
    fit = [known(document, (*where, key), arm, experiment.arms, noun) for arm in named]
    if len(named) > len(set(named)) and not (isinstance(claim, RatioClaim) and claim.against):
        twin = f"arms: {{{named[0]}: {named[0]}, twin: {named[0]}}}"
        text = f"{named[0]} is compared with itself. For A/A give the experiment {twin}."
        document.complain((*where, key), text)
        return False
    return all(fit)


def _metric(document: Document, where: Where, experiment: Experiment, claim: Standing) -> None:
    metric = METRICS[metric_of(claim)]
    load, of = metric.load, claim.connection_class
    mixes = {arm: experiment.load_of(arm).asking() for arm in arms(claim)}
    asking = {name: found for mix in mixes.values() for name, found in mix.items()}
    if metric.asks and not asking:
        text = f"{claim.metric} is of requests, and no class of {experiment.id} asks anything."
        document.complain((*where, "metric"), f"{text} Write metric: standing, pss or memory.")
    elif not metric.kind and of:
        text = f"{claim.metric} is of the whole server. Leave class out."
        document.complain((*where, "class"), text, at_key=True)
    elif of:
        known(document, (*where, "class"), of, asking, f"a class that asks in {experiment.id}")
    elif metric.kind and len(asking) > 1:
        text = f"{claim.metric} of which class? Write class: {' or class: '.join(asking)}."
        document.complain((*where, "metric"), text)
    judged = [
        found
        for arm, mix in mixes.items()
        for name, found in mix.items()
        if of in (None, name) and not (load == "open" and experiment.arms[arm].load)
    ]  # where the arms differ in their load, open against closed may be the question
    if load and any(found.is_open != (load == "open") for found in judged):
        text = f"{claim.metric} {_LOADS[load]}. Write metric: cpu, or mend the experiment's load."
        document.complain((*where, "metric"), text)


def _factors(document: Document, where: Where, experiment: Experiment, claim: Standing) -> bool:
    """Every factor has one level: none missing, none too many."""
    wanted, fit = set(experiment.factors), True
    if isinstance(claim, LadderClaim) or (isinstance(claim, ReplicationClaim) and claim.over):
        noun = f"a factor of {experiment.id}"
        if not known(document, (*where, "over"), claim.over, experiment.factors, noun):
            return False
        wanted.discard(claim.over)
    if isinstance(claim, RatioClaim):
        for name in claim.against:
            at = (*where, "against", name)
            fit &= known(document, at, name, experiment.factors, f"a factor of {experiment.id}")
    given: list[Factors] = claim.at if isinstance(claim, PlacedClaim) else [claim.at]
    for index, place in enumerate(given):
        at = (*where, "at", index)
        strange, missing = sorted(place.keys() - wanted), sorted(wanted - place.keys())
        for name in strange:
            text = f"{quote(name)} is not a factor to fix here."
            mend = near(name, wanted) if wanted else "Leave it out."
            document.complain((*at, name), f"{text} {mend}", at_key=True)
        for name in missing if not strange else []:
            text = f"no level of {name}. Write at: {{{name}: {_any_level(experiment, name)}}}."
            document.complain(at, text, at_key="at" not in document.known(at))
        fit &= not strange and not missing
        if place in given[:index]:
            document.complain(at, "this cell stands here twice. Remove one.")
    return fit


def _any_level(experiment: Experiment, name: str) -> int:
    return max(level for ladder in experiment.factors[name].values() for level in ladder)


def _cells(
    document: Document,
    where: Where,
    experiment: Experiment,
    claim: Standing,
    profiles: Mapping[str, Profile],
) -> None:
    """Note what is missing in a profile: the experiment, rungs of a ladder, or single cells."""
    for name, profile in profiles.items():
        otherwise = f"or take {name} out of profiles."
        ladders = [levels(experiment, name, a, f) for a in arms(claim) for f in experiment.factors]
        steps = rungs(experiment, name, claim)
        if not all(ladders):
            text = f"{experiment.id} has no levels in {name}. Add some, {otherwise}"
            document.complain((*where, "profiles", claim.profiles.index(name)), text)
        elif isinstance(claim, LadderClaim) and len(steps) < FEWEST_RUNGS:
            text = f"{' / '.join(arms(claim))}: {len(steps)} levels from {claim.start} on in {name}"
            mend = f"a {claim.kind} claim needs {FEWEST_RUNGS}. Add levels, {otherwise}"
            document.complain((*where, "over"), f"{text}, {mend}")
        elif isinstance(claim, GrowthClaim) and claim.growth == "linear" and not shows_bends(steps):
            text = f"the levels {', '.join(map(str, steps))} in {name} cannot show a bend: those"
            mend = f"between lie too near one end. Add levels in the middle, {otherwise}"
            document.complain((*where, "over"), f"{text} {mend}")
        else:
            _window(document, where, experiment, claim, name, profile)
            _course(document, where, experiment, claim, name, profile)
    places = claim.at if isinstance(claim, PlacedClaim) else [claim.at]
    named, against = arms(claim), claim.against if isinstance(claim, RatioClaim) else {}
    for index, place in enumerate(places):
        for factor, level in place.items():
            who = named[:1] if factor in against else named
            _level(document, (*where, "at", index, factor), experiment, claim, level, who)
    for factor, level in against.items():
        _level(document, (*where, "against", factor), experiment, claim, level, named[1:])


def _level(
    document: Document,
    where: Where,
    experiment: Experiment,
    claim: Standing,
    level: int,
    named: Sequence[str],
) -> None:
    """Note a level that an arm does not have in a profile; all of those in one line."""
    factor = str(where[-1])
    there = {
        (profile, arm): found
        for profile in claim.profiles
        for arm in named
        if (found := levels(experiment, profile, arm, factor))
    }
    lacking = [key for key, found in there.items() if level not in found]
    if lacking:
        who = " and ".join(dict.fromkeys(arm for _, arm in lacking))
        when = " and ".join(dict.fromkeys(profile for profile, _ in lacking))
        shared = sorted(set.intersection(*map(set, there.values())))
        text = f"no level {level} of {factor} for {who} in {when}."
        document.complain(where, f"{text} {near(str(level), map(str, shared))}")


def _window(
    document: Document,
    where: Where,
    experiment: Experiment,
    claim: Standing,
    name: str,
    profile: Profile,
) -> None:
    """Note a percentile that a window has too few requests for."""
    least = METRICS[metric_of(claim)].requests
    if not least or not claim.connection_class:
        return
    phases = timing(profile, experiment.timing.get(name))
    for arm, place in needs(experiment, name, claim):
        load = experiment.load_of(arm).asking().get(claim.connection_class)
        if load is None or not load.is_open:
            continue
        asked = due(class_load(load, place, phases), phases)
        if asked < least:
            text = f"a window of {name} has {asked:.0f} requests, {claim.metric} needs {least}."
            mend = "Raise rate or window, or write metric: p50."
            document.complain((*where, "metric"), f"{text} {mend}")
            return


def _course(
    document: Document,
    where: Where,
    experiment: Experiment,
    claim: Standing,
    name: str,
    profile: Profile,
) -> None:
    """Note a metric of a load that is not the same for all arms."""
    for arm in arms(claim):
        if problem := unjudged(experiment, arm, metric_of(claim), name, profile):
            document.complain((*where, "metric"), problem)
            return
