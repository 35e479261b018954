"""What no single load can see of its stages: factors, phases of a profile, claims on them."""

from collections.abc import Iterator, Mapping

from lab.asking import IdleLoad, Unpaced
from lab.cells import class_load, combinations, connections, timing
from lab.courses import Level, Paced, changes, impossible
from lab.document import Document, Where
from lab.loads import Load
from lab.schema import Experiment, Profile

LEVELS = ("connections", "rate", "payload", "requests", "piece")  # may name a factor


def references(load: Load | Unpaced | IdleLoad) -> Iterator[tuple[Where, str]]:
    """Yield each factor that a load names, with its place."""
    levels: list[tuple[Where, Level | None]] = [
        ((key,), getattr(load, key, None)) for key in LEVELS
    ]
    if isinstance(load, Paced):
        levels += load.levels()
    for place, level in levels:
        if isinstance(level, str):
            yield place, level[1:]


def check_courses(
    document: Document, where: Where, experiment: Experiment, profiles: Mapping[str, Profile]
) -> None:
    """Note stages that do not fit into the phases of a profile, or to the connections."""
    for name, profile in profiles.items():
        phases = timing(profile, experiment.timing.get(name))
        for arm, own in experiment.arms.items():
            place = ("arms", arm, "load") if own.load else ("load",)
            for factors in combinations(experiment, name, arm):
                counts = connections(experiment, arm, factors)
                for class_name, load in experiment.load_of(arm).paced().items():
                    problem = impossible(load, counts[class_name], factors, phases, name)
                    if problem and counts[class_name]:
                        at = (*where, *place, class_name, "stages")
                        document.complain(at, problem, at_key=True)


def unjudged(experiment: Experiment, arm: str, metric: str, name: str, profile: Profile) -> str:
    """Say why a metric means nothing under stages; "" where it means something.

    A rate that changes is the same for all arms, request by request. A number of connections that
    changes is not: the faster server is asked more often, and more so where it is faster.
    """
    phases = timing(profile, experiment.timing.get(name))
    for class_name, load in experiment.load_of(arm).paced().items():
        if load.stages is None or load.think is None or metric == "pss":
            continue
        for factors in combinations(experiment, name, arm):
            counts = connections(experiment, arm, factors)
            if counts[class_name] and changes(class_load(load, factors, phases), phases):
                return (
                    f"the number of {class_name} connections changes in a window of {name}, so "
                    f"{metric} of two arms would be of two loads. Write stages: {{soak: 50}}, or "
                    "stages of a rate without think, or metric: pss."
                )
    return ""
