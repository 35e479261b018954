"""What a connection class needs of its protocol, its server and the phases of a trial.

Each mistake is noted at its place, with what to write instead. What contradicts itself within one
class is refused by its shape, see `lab.asking` and `lab.schema`.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from lab.asking import SlowLoad, StormLoad
from lab.cells import class_load, combinations, connections, timing
from lab.document import Document, Where
from lab.loads import LoadMix
from lab.model import ECHO, ClassLoad, ClassName, Timing
from lab.schema import Experiment, Profile
from lab.served import WITH_PATHS
from loadtests.engine.classes import LEAST_REPLY, SLOW
from loadtests.engine.clients import CLIENTS
from servers.catalog import PROTOCOLS, Server

HALF_CLOSE = "half-close"  # also the name of the conformance check that a server may be excused of
Problem = tuple[ClassName, str, str]  # class, key, what to say


def check_classes(
    document: Document,
    where: Where,
    experiment: Experiment,
    profiles: Mapping[str, Profile],
    servers: Mapping[str, Server],
) -> None:
    """Note classes that the protocol, an arm's server or a profile cannot have; each place once."""
    if experiment.protocol not in PROTOCOLS:
        return
    noted: set[Where] = set()
    for arm, own in experiment.arms.items():
        place: Where = ("arms", arm, "load") if own.load else ("load",)
        mix, server = experiment.load_of(arm), servers.get(own.server)
        for name, key, problem in [
            *_unable(experiment.protocol, mix, own.server, server),
            *_sized(experiment, arm, profiles),
        ]:
            at: Where = (*where, *place, name, *((key,) if key else ()))
            if at not in noted:
                noted.add(at)
                document.complain(at, problem, at_key=not key)


def _unable(protocol: str, mix: LoadMix, arm: str, server: Server | None) -> Iterator[Problem]:
    """What no profile could mend."""
    if mix.never_finishing and not CLIENTS[protocol]("", 1, "/echo").unfinished:
        text = f"{protocol} answers every byte: none of its requests is unfinished."
        yield "never-finishing", "", f"{text} Write protocol: http, or idle instead."
    for name, load in mix.paced().items():
        if getattr(load, "ends", None) == HALF_CLOSE and server and HALF_CLOSE in server.cannot:
            why = server.cannot[HALF_CLOSE]
            yield name, "ends", f"{arm} cannot take it: {why}. Write ends: close."


def _sized(experiment: Experiment, arm: str, profiles: Mapping[str, Profile]) -> Iterator[Problem]:
    """What depends on the levels, and on the phases."""
    loads = experiment.load_of(arm).asking()
    looked_at = {
        name: load
        for name, load in loads.items()
        if isinstance(load, SlowLoad | StormLoad) or getattr(load, "ends", None) == "abandon"
    }
    for profile, usual in profiles.items():
        phases = timing(usual, experiment.timing.get(profile))
        for factors in combinations(experiment, profile, arm) if looked_at else ():
            counts = connections(experiment, arm, factors)
            for name, load in looked_at.items():
                made = class_load(load, factors, phases) if counts[name] else None
                if made is not None and min(made.piece or 1, made.payload or 1) > 0:
                    yield from _one(experiment.protocol, name, made, phases, profile)


def _one(
    protocol: str, name: ClassName, load: ClassLoad, phases: Timing, profile: str
) -> Iterator[Problem]:
    if name == "storm" and load.at_s >= phases.window:
        window = f"a window of {profile} is {phases.window:g} s, and this comes behind it"
        yield name, "at", f"{window}. Write at: {phases.window * 0.3:g} s."
    sized = name in SLOW or load.ends == "abandon"
    if not sized or (load.path != ECHO and protocol != WITH_PATHS):  # that is said elsewhere
        return
    request, reply = sizes(protocol, load.payload, load.path)
    what, size = ("request", request) if name == "slow-sender" else ("reply", reply)
    if load.piece >= size:
        text = f"a {what} of {size} B is one piece of {load.piece} B: nothing is slow"
        yield name, "piece", f"{text}. Write piece: {max(1, size // 8)} B, or a longer {what}."
    if load.ends == "abandon" and reply < LEAST_REPLY:
        text = "a reply of one byte has no middle to hang up in"
        yield name, "ends", f"{text}. Write payload: 64 B, or ends: reset."


@lru_cache(maxsize=64)
def sizes(protocol: str, payload: int, path: str) -> tuple[int, int]:
    """Return the bytes of a request and of its reply, heads included."""
    request, reply = CLIENTS[protocol]("", payload, path).exchanges[0]
    return len(request), len(reply)
