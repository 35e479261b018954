"""What a search takes for granted: its experiment, arms, factor, range, and a load that fits."""

from collections.abc import Mapping

from lab.bearable import impossible
from lab.cells import Factors, levels
from lab.checks import known
from lab.document import Document, Where, quote
from lab.loads import Load
from lab.mistakes import guess, near, shaped
from lab.schema import Experiment, Profile
from lab.search.shapes import KINDS, CapacitySearch, CrossoverSearch, arms
from servers.catalog import Server

AnySearch = CapacitySearch | CrossoverSearch
RATE = "rate"


def read(document: Document, where: Where, item: dict[str, object]) -> AnySearch | None:
    """Give a search its shape; None, and a mistake noted, where it has none."""
    kind = str(item.get("kind"))
    if kind not in KINDS:
        text = f'"kind" is missing. {near("", KINDS)}'
        if "kind" in item:
            text = f"{quote(kind)} is not a kind of search. {near(kind, KINDS)}"
        document.complain((*where, "kind"), text, at_key="kind" not in item)
        meant = guess(kind, KINDS)
        if not meant:
            return None
        item, kind = {**item, "kind": meant}, meant
    if "id" in item:
        document.complain((*where, "id"), 'unknown key "id". The name is the id.', at_key=True)
    return shaped(document, where, KINDS[kind], {**item, "id": where[-1]})


def check_search(
    document: Document,
    search: AnySearch,
    experiments: Mapping[str, Experiment],
    profiles: Mapping[str, Profile],
    servers: Mapping[str, Server],
) -> None:
    """Check a search against the experiments and profiles that have their shape."""
    where: Where = ("searches", search.id)
    for section in ("experiments", "claims"):
        if search.id in _named(document, section):
            text = f"one of the {section} has this name too, so nobody could select one. Rename it."
            document.complain(where, text, at_key=True)
    for index, name in enumerate(search.profiles):
        place = (*where, "profiles", index)
        known(document, place, name, _named(document, "profiles"), "a profile")
    place = (*where, "experiment")
    there = _named(document, "experiments")
    if not known(document, place, search.experiment, there, "an experiment"):
        return
    experiment = experiments.get(search.experiment)
    if experiment is None:
        return
    if _arms(document, where, search, experiment) and _factors(document, where, search, experiment):
        _load(document, where, search, experiment)
        _range(document, where, search, experiment, profiles, servers)


def _named(document: Document, section: str) -> list[str]:
    found = document.data.get(section)
    return list(found) if isinstance(found, dict) else []


def _arms(document: Document, where: Where, search: AnySearch, experiment: Experiment) -> bool:
    named = arms(search, list(experiment.arms))
    key = "ratio" if isinstance(search, CrossoverSearch) else "arms"
    noun = f"an arm of {experiment.id}"
    fit = [known(document, (*where, key), arm, experiment.arms, noun) for arm in named]
    if len(named) > len(set(named)):
        document.complain((*where, key), "an arm stands here twice. Name another one.")
        return False
    return all(fit)


def _factors(document: Document, where: Where, search: AnySearch, experiment: Experiment) -> bool:
    """Every factor has one level, or is the one that moves."""
    noun = f"a factor of {experiment.id}"
    if not known(document, (*where, "over"), search.over, experiment.factors, noun):
        return False
    wanted = experiment.factors.keys() - {search.over}
    for name in sorted(search.at.keys() - wanted):
        document.complain((*where, "at", name), "is no factor to fix here. Leave it out.")
    for name in sorted(wanted - search.at.keys()):
        level = max(max(ladder) for ladder in experiment.factors[name].values())
        document.complain((*where, "at"), f"no level of {name}. Write at: {{{name}: {level}}}.")
    return search.at.keys() == wanted


def _load(document: Document, where: Where, search: AnySearch, experiment: Experiment) -> None:
    """A capacity is a rate's; a response time is one class's, of an open load."""
    latency = isinstance(search, CapacitySearch) or search.metric != "cpu"
    for arm in arms(search, list(experiment.arms)):
        asking = experiment.load_of(arm).asking()
        if search.connection_class:
            noun = f"a class that asks in {experiment.id}"
            if not known(document, (*where, "class"), search.connection_class, asking, noun):
                return
        elif latency and len(asking) > 1:
            text = f"the response time of which class? Write class: {' or class: '.join(asking)}."
            document.complain((*where, "class"), text, at_key=True)
            return
        judged = [x for name, x in asking.items() if search.connection_class in (None, name)]
        if latency and not all(isinstance(one, Load) and one.is_open for one in judged):
            text = "a response time counts from the scheduled start: it needs an open load (rate)."
            document.complain((*where, "experiment"), f"{text} Mend the load of {experiment.id}.")
            return
        rates = {one.rate for one in judged if isinstance(one, Load)}
        if isinstance(search, CapacitySearch) and rates != {f"${search.over}"}:
            text = f"a capacity is a rate, and {search.over} is none. Write rate: ${search.over}"
            document.complain((*where, "over"), f"{text} in the load of {experiment.id}.")
            return


def _range(
    document: Document,
    where: Where,
    search: AnySearch,
    experiment: Experiment,
    profiles: Mapping[str, Profile],
    servers: Mapping[str, Server],
) -> None:
    """The two ends are apart, and everybody can be given the load at each of them."""
    for name in profiles:
        low, high = ends(experiment, name, search)
        if low >= high:
            if name in search.profiles:
                text = (
                    f"{experiment.id} has no range of {search.over} in {name}. Write from and to."
                )
                document.complain((*where, "over"), text)
            continue
        for level in (low, high):
            factors: Factors = {search.over: level, **search.at}
            for arm in arms(search, list(experiment.arms)):
                server = servers.get(experiment.arms[arm].server)
                if server and (why := impossible(experiment, arm, factors, server)):
                    key = "from" if level == low else "to"
                    document.complain((*where, key), f"at {level}: {why}")
                    return


def ends(experiment: Experiment, profile: str, search: AnySearch) -> tuple[int, int]:
    """Return the lowest and the highest level that may be asked. Equal: there is no range."""
    ladders = [
        levels(experiment, profile, arm, search.over) for arm in arms(search, list(experiment.arms))
    ]
    shared = set.intersection(*map(set, ladders))
    low = search.low if search.low is not None else min(shared, default=0)
    high = search.high if search.high is not None else max(shared, default=0)
    return low, max(low, high)
