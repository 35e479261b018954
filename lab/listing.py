"""What `lab list` and `lab plan` print: rows of text, made from data."""

from collections import Counter
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from lab.config import load
from lab.context import cell_words, load_words
from lab.forecast import Earlier, Forecast, forecast
from lab.gates import GATES
from lab.ground import missing as lacking
from lab.model import Plan
from lab.own_servers import FOREIGN, OwnServer
from lab.schema import Lab
from lab.search.words import planned as search_words
from lab.traced import bounded
from servers.catalog import ELSEWHERE, PROTOCOLS, SERVERS
from servers.needs import missing

Row = dict[str, str]
USUAL = Path("lab.yaml")


def rows(what: str, lab_file: Path) -> list[Row]:
    """Return the rows of one list. Raises ConfigErrors where lab.yaml is asked and wrong."""
    if what == "servers":
        return servers(own_of(lab_file), lab_file.parent)
    if what == "protocols":
        return [{"protocol": name, "module": p.connection} for name, p in PROTOCOLS.items()]
    if what == "gates":
        return [{"gate": g.name, "meaning": g.meaning, "voids": g.threshold} for g in GATES]
    lab = load(lab_file)
    if what == "searches":
        return searches(lab)
    return experiments(lab) if what == "experiments" else claims(lab)


def own_of(lab_file: Path) -> Mapping[str, OwnServer]:
    """Return the servers of lab.yaml; where nobody named a file and there is none, none."""
    return {} if lab_file == USUAL and not USUAL.exists() else load(lab_file).servers


def servers(own: Mapping[str, OwnServer] | None = None, folder: Path = Path()) -> list[Row]:
    """Return the servers with what they declare: the catalog's, those of lab.yaml, and others."""
    return [*_catalog(), *_own(own or {}, folder), *_elsewhere()]


def _own(own: Mapping[str, OwnServer], folder: Path) -> list[Row]:
    return [
        {
            "server": name,
            "family": FOREIGN,
            "at once": str(one.at_once or "no limit"),
            "descriptors": "no limit of its own",
            "protocols": one.protocol,
            "needs": f"image {one.image}" if one.image else f"command {one.command[0]}",
            "here": lacking(one, folder) or "yes",
        }
        for name, one in own.items()
    ]


def _catalog() -> list[Row]:
    return [
        {
            "server": name,
            "family": server.family,
            "at once": "one per worker" if server.pool else str(server.at_once or "no limit"),
            "descriptors": f"below {server.descriptors_below}"
            if server.descriptors_below
            else "no limit of its own",
            "protocols": ", ".join(server.protocols or PROTOCOLS),
            "needs": server.needs or "nothing",
            "here": missing(server.needs) or "yes",
        }
        for name, server in SERVERS.items()
    ]


def _elsewhere() -> list[Row]:
    return [
        {
            "server": name,
            "family": "",
            "at once": "",
            "descriptors": "",
            "protocols": "",
            "needs": "another system",
            "here": f"no: {why}",
        }
        for name, why in ELSEWHERE.items()
    ]


def experiments(lab: Lab) -> list[Row]:
    """Return the experiments with their arms."""
    return [
        {"experiment": name, "arms": ", ".join(found.arms), "question": found.question}
        for name, found in lab.experiments.items()
    ]


def searches(lab: Lab) -> list[Row]:
    """Return the searches with their questions."""
    return [
        {
            "search": name,
            "kind": found.kind,
            "experiment": found.experiment,
            "over": found.over,
            "profiles": ", ".join(found.profiles),
            "question": found.question,
        }
        for name, found in lab.searches.items()
    ]


def claims(lab: Lab) -> list[Row]:
    """Return the claims with their sentences."""
    return [
        {
            "claim": name,
            "kind": claim.kind,
            "section": claim.section,
            "profiles": ", ".join(claim.profiles),
            "sentence": claim.sentence,
        }
        for name, claim in lab.claims.items()
    ]


def duration(seconds: float) -> str:
    """Say a time as people do."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s"


def plan_text(plan: Plan, earlier: Earlier | None = None) -> str:
    """Say what would run, in what order, and for how long. earlier: a run that it may be like."""
    found = forecast(plan, earlier=earlier)
    blocks = max(plan.looks)
    trials = [trial for trial in plan.trials if trial.block < blocks]
    looks = ", ".join(map(str, plan.looks))
    lines = [
        f"profile {plan.profile}, seed {plan.seed}, order {plan.order}; looks after {looks} blocks",
        f"{len(plan.claims)} claims, {len(plan.cells)} cells, {found.trials} trials",
        "",
    ]
    cells = {cell.id: cell for cell in plan.cells}
    numbers = Counter(trial.experiment for trial in trials)
    for experiment, group in groupby(plan.cells, key=lambda cell: cell.experiment):
        members = list(group)
        seconds = found.experiments[experiment]
        lines.append(f"{experiment}: {numbers[experiment]} trials, {duration(seconds)}")
        lines += [f"    {cell.id:44} {cell_words(cell)}" for cell in members]
        first = [t.cell for t in trials if t.experiment == experiment and t.block == 0]
        order = ", ".join(cells[cell].id.split("/", 1)[1] for cell in first)
        lines += [f"    order of block 1: {order}", ""]
    lines += _traced(plan, found.traced_s)
    lines += [f"    probe {p.probe}, {p.repeats} times" for p in plan.probes]
    for search in plan.searches:
        lines.append(search_words(search))
        lines += [f"    {cell.id:44} {load_words(cell.load)}" for cell in search.edges]
    lines += [f"    program {p.program}, {p.repeats} times" for p in plan.programs]
    lines.append(_how_long(plan, found, earlier))
    return "\n".join(lines)


def _traced(plan: Plan, seconds: float) -> list[str]:
    """Say what will be traced, and under which load: less than the timed one where need be."""
    if not plan.traced:
        return []
    cells = dict.fromkeys(trial.cell for trial in plan.traced)
    loads = {cell: load_words(bounded(plan.cell(cell)).load) for cell in cells}
    title = f"mechanism: {len(plan.traced)} trials under strace, never timed, behind all others"
    return [
        f"{title}, {duration(seconds)}",
        *(f"    {cell:44} {load}" for cell, load in loads.items()),
        "",
    ]


def _how_long(plan: Plan, found: Forecast, earlier: Earlier | None) -> str:
    """Say how long it takes; with several looks, how early it may end and how late."""
    if len(plan.looks) == 1:
        return f"about {duration(found.total_s)} in all, spare blocks for void trials not counted"
    least = f"{duration(found.soonest_s)} if all claims are decided at the first look"
    told = f"{least} ({min(plan.looks)} blocks), {duration(found.total_s)} if none is"
    if earlier is None or found.expected_s is None:
        return told
    return f"{told}; about {duration(found.expected_s)} if it goes as {earlier.run} went"
