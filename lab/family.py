"""Many decisions: the cells of one claim, and the claims of one run.

A claim whose cells must all hold needs no correction to be supported: the weakest cell's p is the
claim's (intersection-union test; Berger, Technometrics 24, 1982). Claims of one run do.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from lab.decision import ALPHA, Decision, Outcome
from lab.stats.multiplicity import benjamini_hochberg, holm

# Refuted first: one cell that fails is enough, whatever the others would have said.
PRECEDENCE = (
    Outcome.REFUTED,
    Outcome.SKIPPED,
    Outcome.VOID,
    Outcome.INCONCLUSIVE,
    Outcome.SUPPORTED,
)
METHODS = {"bh": benjamini_hochberg, "holm": holm}


@dataclass(frozen=True)
class Adjusted:
    """A decision as it stands within its family; raw and adjusted are None outside the family."""

    decision: Decision
    raw: float | None
    adjusted: float | None
    overturned: bool


def combine(decisions: Mapping[str, Decision], conditional: Collection[str] = ()) -> Decision:
    """One decision from the cells of a claim that must all hold; the numbers of the deciding cell.

    conditional: cells declared, before data, as able to differ. Where one of them is supported
    and another refuted the outcome carries conditional=True: the sentence holds here, not there.
    """
    if not decisions:
        raise ValueError("No cells: there is nothing to combine.")
    outcome = min((cell.outcome for cell in decisions.values()), key=PRECEDENCE.index)
    deciding = {name: cell for name, cell in decisions.items() if cell.outcome is outcome}
    by_p = sorted(deciding, key=lambda name: -1.0 if (p := deciding[name].p) is None else -p)
    name = by_p[-1] if outcome is Outcome.REFUTED else by_p[0]
    holds = [cell for cell in decisions if _is(decisions, conditional, cell, Outcome.SUPPORTED)]
    fails = [cell for cell in decisions if _is(decisions, conditional, cell, Outcome.REFUTED)]
    if holds and fails:
        reason = f"Conditional: holds in {', '.join(holds)}, not in {', '.join(fails)}."
    elif len(decisions) == 1:
        reason = deciding[name].reason
    else:
        cells = f"{len(deciding)} of {len(decisions)} cells {outcome}"
        reason = f"{cells}; {name}: {deciding[name].reason}"
    return replace(
        deciding[name],
        reason=reason,
        conditional=bool(holds and fails),
        p=_combined_p(decisions, deciding[name]),
    )


def adjust(
    decisions: Mapping[str, Decision], method: Literal["bh", "holm"] = "bh"
) -> dict[str, Adjusted]:
    """Each claim's decision after correction for all claims with a p, decided or not.

    A decided claim whose adjusted p exceeds ALPHA becomes inconclusive. Claims without a p
    (probes, growth, void, skipped) stay as they are and do not enlarge the family.
    """
    family = {name: claim.p for name, claim in decisions.items() if claim.p is not None}
    corrected = dict(zip(family, METHODS[method](list(family.values())), strict=True))
    return {
        name: _adjusted(claim, corrected.get(name), method) for name, claim in decisions.items()
    }


def _adjusted(claim: Decision, p: float | None, method: str) -> Adjusted:
    if p is None or p <= ALPHA or not claim.is_decided:
        return Adjusted(claim, claim.p, p, overturned=False)
    reason = (
        f"Multiplicity: {claim.outcome} on its own, but p is {p:.2g} "
        f"after {method} correction for all claims of the run."
    )
    undecided = replace(claim, outcome=Outcome.INCONCLUSIVE, reason=reason)
    return Adjusted(undecided, claim.p, p, overturned=True)


def _combined_p(decisions: Mapping[str, Decision], deciding: Decision) -> float | None:
    """Refuted: that cell's. Else the largest: every cell must hold. None where a cell has none."""
    if deciding.outcome is Outcome.REFUTED:
        return deciding.p
    each = [cell.p for cell in decisions.values()]
    return max((p for p in each if p is not None), default=None) if None not in each else None


def _is(
    decisions: Mapping[str, Decision], conditional: Collection[str], cell: str, outcome: Outcome
) -> bool:
    return cell in conditional and decisions[cell].outcome is outcome
