"""Until it is decided: a second way to stop, after any block, beside the planned looks.

Off unless the command line asks for it (`--until-decided`). The planned looks stay as they are and
err in one direction with at most alpha/2; the sign e-process (lab.stats.sign) is given alpha/2 for
both directions. So a claim that is not true comes out supported in at most alpha of all runs,
however long they go on.
"""

from collections.abc import Callable, Sequence

from lab.decision import ALPHA, Decision, Outcome, Rule, Scale, is_autocorrelated
from lab.stats import sign
from lab.stats.signed_rank import estimate
from lab.stats.values import Estimate, as_ratios, share

SIGN_ALPHA = ALPHA / 2
Holds = Callable[..., bool | None]  # from the sides of the margins; None: open


def on_ratio(d: Sequence[float], margins: Sequence[float], holds: Holds) -> Rule:
    """Return the rule for ln(A/B) of each block. margins: ln; holds: see `decided`."""
    return lambda n: _decided(d[:n], margins, holds, Scale.RATIO)


def on_difference(d: Sequence[float], least: float, *, above: bool) -> Rule:
    """Return the rule for A - B of each block: is it above (or below) least?"""

    def holds(side: int) -> bool | None:
        return None if side == 0 else (side > 0) is above

    return lambda n: _decided(d[:n], [least], holds, Scale.DIFFERENCE)


def _decided(
    d: Sequence[float],
    margins: Sequence[float],
    holds: Holds,
    scale: Scale,
) -> Decision | None:
    """Decide from the sides on which the median lies of each margin: -1, 0 (open) or +1 each."""
    answer = holds(*(sign.side(d, margin, SIGN_ALPHA) for margin in margins))
    if answer is None:
        return None
    values = [sign.e_value(d, margin) for margin in margins]
    # one margin that is surely passed refutes; to support, all must hold: the weakest speaks
    e = min(values) if answer else max(values)
    found = Estimate(estimate(d), *sign.interval(d, SIGN_ALPHA))
    shown = as_ratios(found) if scale is Scale.RATIO else found
    return Decision(
        Outcome.SUPPORTED if answer else Outcome.REFUTED,
        f"Block by block: the sign e-process is {e:.3g} after {len(d)} blocks, and "
        f"{1 / SIGN_ALPHA:g} decides; the interval {shown.low:.4g} to {shown.high:.4g} holds for "
        "any moment of stopping.",
        scale,
        *shown,
        p=min(1.0, 1 / (SIGN_ALPHA / ALPHA * e)),
        blocks=len(d),
        won=share([value > (0.0 if scale is Scale.RATIO else margins[0]) for value in d]),
        autocorrelated=is_autocorrelated(d),
    )
