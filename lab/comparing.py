"""Two runs, claim by claim: the verdict and the effect then and now, and the change with interval.

Pure. Runs of unlike machines or meters are not compared: their difference would be the machine's.
Where the seed is the same, so are order, set-up and arrivals of each block, and blocks are paired;
else the two samples are compared as such. A change is a ratio of ratios, or a difference.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lab.analysis import analyse
from lab.data import Data
from lab.decision import ALPHA, Scale
from lab.model import Frozen, Plan
from lab.report.model import Estimate, OutcomeName, Results, Verdict
from lab.schema import Lab
from lab.series import Series, of
from lab.stats.rank_sum import shift
from lab.stats.signed_rank import estimated
from lab.stats.values import Estimate as Triple
from lab.stats.values import as_ratios
from lab.store import Run, RunFacts

LEVEL = 1 - ALPHA  # of the interval of a change: one look, one question


class Change(Frozen):
    """One claim in both runs. change: of its (first) series; None where it has none, or too few.

    blocks: pairs, or the smaller of the two samples. redefined: the claim itself was changed.
    """

    claim: str
    sentence: str
    then: OutcomeName
    now: OutcomeName
    turned: bool  # from supported to refuted, or back
    scale: str
    effect_then: Estimate | None
    effect_now: Estimate | None
    series: str = ""
    change: Estimate | None = None
    blocks: int = 0
    redefined: bool = False


class Side(Frozen):
    """One of the two runs."""

    id: str
    started_unix: float
    profile: str
    seed: int
    backend: str
    version: str


class Comparison(Frozen):
    """unlike: what differs between the machines or meters, in words; then it was asked for anyway.

    agree: share of the claims decided in both runs that came out the same.
    """

    then: Side
    now: Side
    paired: bool
    unlike: list[str]
    level: float = LEVEL
    changes: list[Change]
    only_then: list[str]
    only_now: list[str]
    decided_in_both: int
    agree: float | None
    turned: list[str]


@dataclass(frozen=True)
class Loaded:
    """A run with all that is asked of it."""

    facts: RunFacts
    lab: Lab
    plan: Plan
    data: Data
    results: Results


def load(run: Run) -> Loaded:
    """Read a run and judge it by today's rules; nothing is written."""
    lab = Lab.model_validate_json(run.lab_json())
    facts, plan, records = run.facts(), run.plan(), run.records()
    results = analyse(lab, plan, facts, records, run.probes(), "bh", run.ledgers(), run.tables())
    return Loaded(facts, lab, plan, Data(plan, records), results)


def unlike(then: RunFacts, now: RunFacts) -> list[str]:
    """Say what about two runs forbids a comparison: machine, meter, kind of start."""
    found = []
    if then.backend != now.backend:
        found.append(f"meter: backend {then.backend}, then {now.backend}")
    if (then.instances is None) != (now.instances is None):
        found.append("servers: started anew for each trial in one run, running ones in the other")
    names = sorted(then.machine.keys() | now.machine.keys())
    for name in names:
        if name.startswith("server "):
            continue  # what is compared, not where
        was, is_now = then.machine.get(name, "unknown"), now.machine.get(name, "unknown")
        if was != is_now:
            found.append(f"{name}: {was}, then {is_now}")
    return found


def compare(then: Loaded, now: Loaded) -> Comparison:
    """Compare two runs, claim by claim, in the order of the second."""
    paired = _same_draws(then.plan, now.plan)
    before = {verdict.claim: verdict for verdict in then.results.verdicts}
    after = {verdict.claim: verdict for verdict in now.results.verdicts}
    changes = [
        _change(then, now, before[name], verdict, paired=paired)
        for name, verdict in after.items()
        if name in before
    ]
    decided = [change for change in changes if _both(change)]
    same = sum(change.then == change.now for change in decided)
    return Comparison(
        then=_side(then.facts),
        now=_side(now.facts),
        paired=paired,
        unlike=unlike(then.facts, now.facts),
        changes=changes,
        only_then=[name for name in before if name not in after],
        only_now=[name for name in after if name not in before],
        decided_in_both=len(decided),
        agree=same / len(decided) if decided else None,
        turned=[change.claim for change in decided if change.turned],
    )


def _both(change: Change) -> bool:
    decided = {"supported", "refuted"}
    return change.then in decided and change.now in decided


def _same_draws(then: Plan, now: Plan) -> bool:
    return then.seed == now.seed and then.order == now.order


def _side(facts: RunFacts) -> Side:
    return Side(
        id=facts.id,
        started_unix=facts.started_unix,
        profile=facts.profile,
        seed=facts.seed,
        backend=facts.backend,
        version=facts.version,
    )


def _change(then: Loaded, now: Loaded, before: Verdict, after: Verdict, *, paired: bool) -> Change:
    name = after.claim
    series, change, blocks = "", None, 0
    olds = {one.name: one for one in of(then.lab, then.plan, then.data, name)}
    for new in of(now.lab, now.plan, now.data, name):
        if new.name in olds and (found := moved(olds[new.name], new, paired=paired)):
            series, (change, blocks) = new.name, found
            break
    return Change(
        claim=name,
        sentence=after.sentence,
        then=before.outcome,
        now=after.outcome,
        turned={before.outcome, after.outcome} == {"supported", "refuted"},
        scale=after.scale,
        effect_then=before.effect,
        effect_now=after.effect,
        series=series,
        change=change,
        blocks=blocks,
        redefined=then.lab.claim_sha256(name) != now.lab.claim_sha256(name),
    )


def moved(then: Series, now: Series, *, paired: bool) -> tuple[Estimate, int] | None:
    """Return the change of a series and how many blocks it rests on; None: too few, or none."""
    if then.scale is not now.scale:
        return None
    if paired:
        both = sorted(then.by_block.keys() & now.by_block.keys())
        d = [now.by_block[block] - then.by_block[block] for block in both]
        if not d:
            return None
        return _shown(estimated(d, ALPHA), now.scale), len(d)
    if not then.values or not now.values:
        return None
    found = shift(then.values, now.values, ALPHA)
    return _shown(found, now.scale), min(len(then.values), len(now.values))


def _shown(found: Triple, scale: Scale) -> Estimate:
    value, low, high = as_ratios(found) if scale is Scale.RATIO else found
    open_low = not math.isfinite(found.low)
    return Estimate(
        value=value,
        low=None if open_low else low,
        high=high if math.isfinite(high) else None,
    )


def lines(found: Comparison) -> list[list[str]]:
    """Return the rows of a table: claim, then, now, effects, change."""
    return [
        [
            change.claim + (" (redefined)" if change.redefined else ""),
            change.then,
            change.now + (" (turned)" if change.turned else ""),
            _words(change.effect_then),
            _words(change.effect_now),
            _words(change.change) + (f", {change.blocks} blocks" if change.change else ""),
        ]
        for change in found.changes
    ]


HEADS: Sequence[str] = ("claim", "then", "now", "effect then", "effect now", "change")


def _words(found: Estimate | None) -> str:
    if found is None:
        return "-"
    low = "open" if found.low is None else f"{found.low:.3g}"
    high = "open" if found.high is None else f"{found.high:.3g}"
    return f"{found.value:.3g} ({low} to {high})"
