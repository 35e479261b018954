"""What will run, in what order, with which set-up: a pure function of lab.yaml, selection and seed.

Nothing is random: whatever has to be spread is drawn by SHA-256 from the seed and from the name of
what it is for, so it is the same in every process and on every Python version, and one draw never
moves another. Order inside a block: cells by the digest of `seed|experiment|block|cell`. Draws:
the first 8 bytes, big-endian, of the digest of `seed|stream|name...`, modulo the range. Blocks
count from 0.
"""

import difflib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple

from lab import declared
from lab.cells import FEWEST_RUNGS, arms, cells, ladder, needed_by, pairs
from lab.claims import LadderClaim, LimitClaim, ReplicationClaim, UnmeasuredClaim, experiment_of
from lab.errors import UsageError
from lab.forecast import Forecast, forecast, trial_seconds
from lab.model import Cell, Plan, ProbeRun, ProgramRun, Trial
from lab.schema import Lab
from lab.traced import REPEATS as TRACES

__all__ = [
    "Forecast",
    "Selection",
    "choose",
    "expand",
    "forecast",
    "ladder",
    "needed_by",
    "pairs",
    "trial_seconds",
]

Order = Literal["hashed", "reversed"]

PORTS = range(20_000, 32_000)  # below Linux's ephemeral range, which starts at 32768
HASH_SEEDS = range(1, 2**32)  # PYTHONHASHSEED; 0 would switch the randomisation off
PADDINGS = range(4096)  # bytes: a page of environment (Mytkowicz et al., ASPLOS 2009)
ARRIVAL_SEEDS = range(2**32)
REPEATS = 3  # of a probe: identical outcomes decide
SPARE_SHARE = 6  # one spare block for so many planned ones: they replace blocks lost to gates


class Selection(NamedTuple):
    """What a selection came to: claims to judge, and cells to measure, each once."""

    claims: list[str]
    cells: list[Cell]
    searches: list[str]


def expand(
    lab: Lab,
    select: Sequence[str],
    profile: str,
    seed: int,
    order: Order = "hashed",
    *,
    mechanism: bool = False,
    until: int = 0,
) -> Plan:
    """Plan a run. Raises UsageError where select or profile name nothing that there is.

    trials: experiment by experiment, so that what is compared lies close in time; blocks below
    looks[-1] are planned, the spare ones behind run only where gates took others away. traced: of
    all cells with mechanism=True, else of the experiments that ask for it. until: blocks that
    claims may take beyond the last look, where they may go on until they are decided.
    """
    selection = choose(lab, select, profile)
    from lab.search import template  # noqa: PLC0415 # which draws its trials here

    looks = lab.profiles[profile].looks
    explained = [c for c in selection.cells if mechanism or lab.experiments[c.experiment].mechanism]
    limits = [(name, lab.claims[name]) for name in selection.claims]
    probes = [
        ProbeRun(claim=name, probe=claim.probe, repeats=REPEATS)
        for name, claim in limits
        if isinstance(claim, LimitClaim)
    ]
    programs = [
        ProgramRun(claim=name, program=claim.program, repeats=claim.repeats)
        for name, claim in limits
        if isinstance(claim, ReplicationClaim) and claim.program
    ]
    most = max(looks[-1], until)
    return Plan(
        profile=profile,
        seed=seed,
        order=order,
        lab_sha256=lab.sha256,
        declared={name: declared.sha256(lab, name) for name in selection.claims},
        claims=selection.claims,
        looks=looks,
        cells=selection.cells,
        trials=_trials(selection.cells, most + most // SPARE_SHARE, seed, order),
        probes=probes,
        programs=programs,
        until=until if until > looks[-1] else 0,
        searches=[template.planned(lab, profile, name) for name in selection.searches],
        traced=[
            trial.model_copy(update={"id": f"traced.{trial.id}", "swap": False})
            for trial in _trials(explained, TRACES, seed, order)
        ],
    )


def choose(lab: Lab, select: Sequence[str], profile: str) -> Selection:
    """Find the claims and cells that a selection means.

    No selection means all claims that the profile lists, and all experiments that no claim is on.

    A claim is part of the profiles it lists; its own name selects it in any profile that has its
    cells. An experiment brings all its cells, and those of its claims that the profile lists.
    """
    if profile not in lab.profiles:
        raise UsageError(f'"{profile}" is not a profile. {_near(profile, lab.profiles)}')
    claims: set[str] = set()
    experiments: set[str] = set()
    searches: set[str] = set()
    for pattern in select or ("*",):
        named = {name for name in lab.claims if fnmatchcase(name, pattern)}
        found = {name for name in lab.experiments if fnmatchcase(name, pattern)}
        sought = {name for name in lab.searches if fnmatchcase(name, pattern)}
        searches |= {n for n in sought if n == pattern or profile in lab.searches[n].profiles}
        if not named and not found and not sought:
            names = [*lab.experiments, *lab.claims, *lab.searches]
            raise UsageError(f'"{pattern}" selects nothing. {_near(pattern, names)}')
        claims |= {name for name in named if name == pattern or _listed(lab, name, profile)}
        experiments |= found if select else found - _claimed(lab)
    claims |= {
        name
        for name, claim in lab.claims.items()
        if experiment_of(claim) in experiments and _listed(lab, name, profile)
    }
    return _selected(lab, profile, claims, experiments, searches)


def _claimed(lab: Lab) -> set[str]:
    """Return the experiments of claims and searches; the others are run for their numbers."""
    claims, searches = lab.claims.values(), lab.searches.values()
    return {*map(experiment_of, claims), *(search.experiment for search in searches)}


def _listed(lab: Lab, claim: str, profile: str) -> bool:
    return profile in lab.claims[claim].profiles


def _selected(
    lab: Lab, profile: str, claims: set[str], experiments: set[str], searches: set[str]
) -> Selection:
    wanted = {cell for claim in claims for cell in needed_by(lab, profile, claim)}
    found = [
        cell
        for name in lab.experiments
        for cell in cells(lab, profile, name)
        if cell.id in wanted or name in experiments
    ]
    there = {cell.id for cell in found}
    for claim in claims:
        _judgeable(lab, profile, claim, there)
    nothing = not found and not searches
    if nothing and not any(isinstance(lab.claims[name], UnmeasuredClaim) for name in claims):
        raise UsageError(f"the selection has nothing to run in profile {profile}.")
    sought = [name for name in lab.searches if name in searches]
    return Selection([name for name in lab.claims if name in claims], found, sought)


def _judgeable(lab: Lab, profile: str, claim: str, there: set[str]) -> None:
    """Refuse a claim that was named for a profile which has not all it needs."""
    needed, found = needed_by(lab, profile, claim), lab.claims[claim]
    lack = next((f"no {cell}" for cell in needed if cell not in there), "")
    steps = len(needed) // max(1, len(arms(found)))
    if isinstance(found, LadderClaim) and steps < FEWEST_RUNGS:
        lack = lack or f"no ladder of {FEWEST_RUNGS} levels of {found.over}"
    if lack:
        mend = f"Write --profile {' or '.join(found.profiles)}."
        raise UsageError(f"{claim} cannot be judged in {profile}: there is {lack}. {mend}")


def _near(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"Did you mean {close[0]}?" if close else f"Write one of {', '.join(names)}."


def draw(seed: int, *name: object, among: range) -> int:
    """Draw a number that depends on the seed and the name only."""
    return among[int.from_bytes(_digest(seed, *name)[:8], "big") % len(among)]


def _digest(*parts: object) -> bytes:
    return hashlib.sha256("|".join(map(str, parts)).encode()).digest()


def _trials(planned: list[Cell], blocks: int, seed: int, order: Order) -> list[Trial]:
    trials: list[Trial] = []
    for experiment in dict.fromkeys(cell.experiment for cell in planned):
        of_it = [cell for cell in planned if cell.experiment == experiment]
        for block in range(blocks):
            for cell in _ordered(of_it, block, seed, order):
                last = trials[-1].port if trials else 0
                trials.append(drawn(cell, block, seed, last))
    return trials


def _ordered(of_it: list[Cell], block: int, seed: int, order: Order) -> Iterator[Cell]:
    by_digest = sorted(of_it, key=lambda c: _digest(seed, c.experiment, block, c.id))
    return iter(by_digest) if order == "hashed" else reversed(by_digest)


def drawn(cell: Cell, block: int, seed: int, last_port: int) -> Trial:
    """Draw one trial's set-up. Its port is never the last trial's, which may still be closing."""
    levels = ",".join(f"{name}={level}" for name, level in cell.factors.items())
    steps = (cell.experiment, f"{block:02}", cell.arm, levels)
    name = ".".join(step for step in steps if step)
    port = draw(seed, "port", name, among=PORTS)
    if port == last_port:
        port = port + 1 if port + 1 in PORTS else PORTS[0]
    return Trial(
        id=name,
        cell=cell.id,
        experiment=cell.experiment,
        block=block,
        swap=_is_swapped(cell.experiment, block, seed),
        port=port,
        hash_seed=draw(seed, "hash", name, among=HASH_SEEDS),
        padding=draw(seed, "padding", name, among=PADDINGS),
        arrival_seed=draw(seed, "arrivals", cell.experiment, block, among=ARRIVAL_SEEDS),
    )


def _is_swapped(experiment: str, block: int, seed: int) -> bool:
    """Swap one block of each two neighbours: half of them at every even look."""
    first = draw(seed, "swap", experiment, block // 2, among=range(2))
    return first == block % 2
