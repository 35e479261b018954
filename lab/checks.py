"""What no single shape of lab.yaml can see: names that must exist, loads that cannot be served.

Each function looks at one part that has its shape already and notes mistakes in the document.
Facts about servers come from `servers.catalog`; what this machine lacks is `lab.fitness`'s part.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import product
from math import prod

from lab import served
from lab.bearable import impossible
from lab.cells import combinations, connections, levels
from lab.class_checks import check_classes
from lab.course_checks import check_courses, references
from lab.document import Document, Where, quote
from lab.loads import LoadMix
from lab.mistakes import near
from lab.model import ECHO
from lab.schema import EVERY, Defaults, Experiment, Levels, Profile
from lab.served import WITH_PATHS
from servers.catalog import PROTOCOLS, SERVERS, Server

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")  # ids become file names
MOST_CELLS = 500  # of one arm in one profile: hours already in the quickest one
Servers = Mapping[str, Server]


def known(document: Document, where: Where, name: str, names: Iterable[str], noun: str) -> bool:
    """Note an unknown name. noun: what it should be, with its article."""
    names = list(names)
    if name in names:
        return True
    document.complain(where, f"{quote(name)} is not {noun}. {near(name, names)}")
    return False


def check_name(document: Document, where: Where) -> bool:
    """Note a name that could not be part of a file name or of a SELECT."""
    name = str(where[-1])
    group, slash, rest = name.partition("/")
    if slash and where[0] == "claims":  # `replicate/*` selects all of a group
        name = rest if NAME.fullmatch(group) else ""
    if NAME.fullmatch(name):
        return True
    name = str(where[-1])
    rule = "Write lower-case letters, digits and -, at most 40."
    document.complain(where, f"{quote(name)} cannot be a name. {rule}", at_key=True)
    return False


def check_defaults(document: Document, defaults: Defaults) -> None:
    known(document, ("defaults", "protocol"), defaults.protocol, PROTOCOLS, "a protocol")


def check_experiment(
    document: Document,
    experiment: Experiment,
    profiles: Mapping[str, Profile],
    servers: Servers = SERVERS,
) -> bool:
    """Check names, factors and loads.

    profiles: those that have their shape. servers: all that an arm may name.

    Returns whether its arms and factors are what they were meant to be: if not, what a claim says
    about them is not worth checking.
    """
    where: Where = ("experiments", experiment.id)
    if "protocol" in document.data["experiments"][experiment.id]:
        known(document, (*where, "protocol"), experiment.protocol, PROTOCOLS, "a protocol")
    for name in experiment.timing:
        known(document, (*where, "timing", name), name, _named(document), "a profile")
    _spoken(document, where, experiment, servers)
    names_fit = [
        _arms(document, where, experiment, servers),
        _factors(document, where, experiment),
        _references(document, where, experiment),
    ]
    if all(names_fit) and _few(document, where, experiment, profiles):
        _loads(document, where, experiment, profiles, servers)
        check_courses(document, where, experiment, profiles)
        check_classes(document, where, experiment, profiles, servers)
    return all(names_fit)


def _named(document: Document) -> list[str]:
    """Return all profiles the file names, those of a wrong shape too: one mistake, one line."""
    profiles = document.data.get("profiles")
    return list(profiles) if isinstance(profiles, dict) else []


def _arms(document: Document, where: Where, experiment: Experiment, servers: Servers) -> bool:
    written = document.data["experiments"][experiment.id]["arms"]
    fit = True
    for name, arm in experiment.arms.items():
        place = (*where, "arms", _step(document, where, name), "server")
        fit &= known(document, place, arm.server, servers, "a server")
        if arm.network and arm.server in servers and arm.server not in SERVERS:
            text = "a server of lab.yaml stands where it was declared. Leave network out."
            document.complain((*place[:-1], "network"), text, at_key=True)
        fit &= isinstance(written, list) or check_name(document, (*where, "arms", name))
    for name in experiment.factors_for:
        place = (*where, "factors-for", name)
        fit &= known(document, place, name, experiment.arms, f"an arm of {experiment.id}")
    return fit


def _spoken(document: Document, where: Where, experiment: Experiment, servers: Servers) -> None:
    """Note servers without the protocol or a path, and paths in a protocol that has none."""
    protocol = experiment.protocol
    if protocol not in PROTOCOLS:
        return
    for name, arm in experiment.arms.items():
        server = servers.get(arm.server)
        text = ""
        if server is not None and not server.speaks(protocol):
            mend = f"Write protocol: {' or '.join(server.protocols)}, or leave it out."
            text = f"{arm.server} does not speak {protocol}. {mend}"
        elif server is not None and protocol == WITH_PATHS:
            text = _lacking(arm.server, server, experiment.load_of(name))
        if text:
            document.complain((*where, "arms", _step(document, where, name), "server"), text)
    for place, mix in experiment.loads():
        for class_name, load in mix.asking().items():
            if load.path is not None and protocol != WITH_PATHS:
                text = f"{protocol} has no paths. Write protocol: {WITH_PATHS}, or leave path out."
                document.complain((*where, *place, class_name, "path"), text, at_key=True)


def _lacking(name: str, server: Server, mix: LoadMix) -> str:
    """Say which path of the load a server does not have; "": it has all."""
    for load in mix.asking().values():
        path = load.path or ECHO
        if not served.has(server.paths, path):
            has = " or ".join(f"path: {each}" for each in server.paths)
            return f"{name} has no {path}. Write {has} in the load, or leave it out."
    return ""


def _step(document: Document, where: Where, arm: str) -> str | int:
    """Find the key of an arm in the file: its name, or its place in a list."""
    written = document.data["experiments"][where[-1]]["arms"]
    return written.index(arm) if isinstance(written, list) else arm


def check_raw_servers(
    document: Document,
    where: Where,
    item: Mapping[str, object],
    servers: Servers = SERVERS,
) -> None:
    """Note unknown servers of an experiment that has no shape yet: one look tells all mistakes."""
    arms = item.get("arms")
    if isinstance(arms, list):
        for step, name in enumerate(arms):
            if isinstance(name, str):
                known(document, (*where, "arms", step), name, servers, "a server")
    elif isinstance(arms, dict):
        for name, arm in arms.items():
            server = arm.get("server") if isinstance(arm, dict) else arm
            if isinstance(server, str):
                known(document, (*where, "arms", name), server, servers, "a server")


def _factors(document: Document, where: Where, experiment: Experiment) -> bool:
    fit = True
    for name, ladders in experiment.factors.items():
        place = (*where, "factors", name)
        fit &= check_name(document, place) and _ladder(document, place, ladders)
    for arm, factors in experiment.factors_for.items():
        for name, ladders in factors.items():
            place = (*where, "factors-for", arm, name)
            fit &= known(document, place, name, experiment.factors, "a factor")
            fit &= _ladder(document, place, ladders)
    return fit


def _ladder(document: Document, where: Where, ladders: Levels) -> bool:
    fit = True
    for profile, ladder in ladders.items():
        if profile != EVERY:
            place = (*where, profile)
            fit &= known(document, place, profile, _named(document), "a profile")
        if ladder != sorted(set(ladder)):
            better = ", ".join(map(str, sorted(set(ladder))))
            document.complain((*where, profile), f"levels must grow. Write [{better}].")
            fit = False
    return fit


def _references(document: Document, where: Where, experiment: Experiment) -> bool:
    """Note `$names` without a factor, and factors that no load uses."""
    used, fit = set[str](), True
    for place, mix in experiment.loads():
        for class_name, load in mix.classes().items():
            for steps, name in references(load):
                at = (*where, *place, class_name, *steps)
                fit &= known(document, at, name, experiment.factors, "a factor")
                used.add(name)
    for name in experiment.factors.keys() - used:
        text = f"no load uses it. Write connections: ${name}, or leave the factor out."
        document.complain((*where, "factors", name), text, at_key=True)
        fit = False
    return fit


def _few(
    document: Document, where: Where, experiment: Experiment, profiles: Mapping[str, Profile]
) -> bool:
    for arm, profile in product(experiment.arms, profiles):
        steps = (len(levels(experiment, profile, arm, name)) for name in experiment.factors)
        if prod(steps) > MOST_CELLS:
            text = f"over {MOST_CELLS} combinations of levels for {arm} in {profile}. Write fewer."
            document.complain((*where, "factors"), text, at_key=True)
            return False
    return True


def _loads(
    document: Document,
    where: Where,
    experiment: Experiment,
    profiles: Mapping[str, Profile],
    servers: Servers,
) -> None:
    for profile in profiles:
        for arm in experiment.arms:
            for factors in combinations(experiment, profile, arm):
                server = servers[experiment.arms[arm].server]
                problem = impossible(experiment, arm, factors, server)
                if problem:
                    place = _culprit(experiment, profile, arm, factors)
                    document.complain((*where, *place), problem)


def _culprit(experiment: Experiment, profile: str, arm: str, factors: dict[str, int]) -> Where:
    """Find the place to point at: the highest or lowest level of all, or else the load."""
    own = experiment.factors_for.get(arm, {})
    for name in sorted(factors, key=lambda name: (factors[name] != 0, -factors[name])):
        for table, steps in ((own, ("factors-for", arm)), (experiment.factors, ("factors",))):
            by_profile = table.get(name, {})
            for key in (profile, EVERY):
                if factors[name] in by_profile.get(key, []):
                    return (*steps, name, key, by_profile[key].index(factors[name]))
    counts = connections(experiment, arm, factors)
    at = ("arms", arm, "load") if experiment.arms[arm].load else ("load",)
    return (*at, max(counts, key=lambda name: counts[name]))
