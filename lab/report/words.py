"""Numbers in plain words, the same in every format: html, terminal and junit say it alike.

Pure text, no markup and no colour. Rules: three significant digits; an interval carries the unit of
its value; an end that is open is said in words, never drawn as a number; `us` is shown as `µs`.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping

from lab.report.model import (
    Estimate,
    Figure,
    Mechanism,
    OutcomeName,
    Percentile,
    Results,
    Verdict,
)

DIGITS = 3  # significant: an interval here is seldom narrower than one part in a thousand
SMALLEST = 5  # decimals; what needs more is written as 1.2e-05
FAR_APART = 20  # largest over smallest number of an estimate, from which each has its own decimals
OUTCOMES: tuple[OutcomeName, ...] = ("supported", "refuted", "inconclusive", "void", "skipped")
MEANINGS: dict[OutcomeName, str] = {
    "supported": "The whole interval lies where the sentence puts it.",
    "refuted": "The whole interval lies where the sentence rules it out: the opposite holds, "
    "or the difference is too small to matter.",
    "inconclusive": "The runs are valid, but the interval still reaches over the line. "
    "More blocks may decide.",
    "void": "It was tried, and a validity gate refused too many of the runs: "
    "the numbers say nothing.",
    "skipped": "It was never tried: this machine or this profile lacks something it needs.",
}
NO_EFFECT: frozenset[str] = frozenset({"void", "skipped"})  # the numbers, if any, say nothing
DECIDED: frozenset[str] = frozenset({"supported", "refuted"})
METRIC_NAMES = {
    "cpu": "CPU per request",
    "pss": "memory (PSS)",
    "response-mean": "mean response time",
}
SCALES_NS = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns"))
SPACE = "\N{NO-BREAK SPACE}"
DASH = "\N{EN DASH}"


def number(value: float, places: int | None = None) -> str:
    """Write a number with three significant digits, or so many decimals: 0.0123, 3.10, 1,234."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "-∞" if value < 0 else "undefined"
    if value == 0:
        return "0"
    decimals = _places(value) if places is None else places
    return f"{value:.1e}" if decimals > SMALLEST else f"{value:,.{decimals}f}"


def _places(value: float) -> int:
    return max(0, DIGITS - 1 - math.floor(math.log10(abs(value))))


def _shared_places(value: Estimate) -> int | None:
    """Give the decimals that suit all three numbers; None where they are too far apart to share."""
    sizes = [abs(x) for x in (value.value, value.low, value.high) if x and math.isfinite(x)]
    if not sizes or max(sizes) > FAR_APART * min(sizes):
        return None
    return _places(max(sizes))


def interval(value: Estimate, show: Callable[[float], str] | None = None) -> str:
    """Write the interval alone: 2.90–3.40, at most 3.40, 2.90 or more, no finite interval."""
    low, high = value.low, value.high
    places = _shared_places(value)
    show = show or (lambda end: number(end, places))
    if low is None:
        return f"at most {show(high)}" if high is not None else "no finite interval"
    if high is None:
        return f"{show(low)} or more"
    between = " to " if low < 0 else DASH  # a dash beside a minus sign reads as neither
    return f"{show(low)}{between}{show(high)}"


def estimate(value: Estimate, unit_text: str = "") -> str:
    """Write value, unit and interval: `31.2 µs per request (30.9–31.6)`."""
    unit_part = f"{SPACE}{unit_text}" if unit_text else ""
    return f"{number(value.value, _shared_places(value))}{unit_part} ({interval(value)})"


def ratio(value: Estimate) -> str:
    """Write a ratio and its interval: `3.10 × (2.90–3.40)`."""
    return estimate(value, "×")


def effect(verdict: Verdict) -> str:
    """Write a verdict's effect, or a dash where it has none that says anything."""
    if verdict.effect is None or verdict.outcome in NO_EFFECT:
        return DASH
    return ratio(verdict.effect) if verdict.scale == "ratio" else estimate(verdict.effect)


def time_ns(ns: float) -> str:
    """Write a time given in nanoseconds in the unit that suits it: 450 ns, 12.3 µs, 1.24 ms."""
    scale, name = _scale(ns)
    return f"{number(ns / scale)}{SPACE}{name}"


def time_estimate(ns: Estimate) -> str:
    """Write a time and its interval, all three numbers in one unit: `1.24 ms (1.20–1.29)`."""
    scale, name = _scale(ns.value)
    return estimate(_divided(ns, scale), name)


def _scale(ns: float) -> tuple[int, str]:
    return next((pair for pair in SCALES_NS if abs(ns) >= pair[0]), SCALES_NS[-1])


def _divided(value: Estimate, by: float) -> Estimate:
    low, high = (None if end is None else end / by for end in (value.low, value.high))
    return Estimate(value=value.value / by, low=low, high=high)


def metric(name: str) -> str:
    """Write a metric as it is read: cpu becomes CPU per request."""
    return METRIC_NAMES.get(name, name)


def unit(text: str) -> str:
    """Write a unit as it is read: us/request becomes µs per request, bytes are shown as MiB."""
    if text == "B":
        return "MiB"
    return re.sub(r"\bus\b", "µs", text).replace("1/s", "per second").replace("/", " per ")


def in_unit(value: Estimate, text: str) -> Estimate:
    """Give an estimate in the unit that `unit` names: bytes become MiB, all else stays."""
    return _divided(value, 1024**2) if text == "B" else value


def duration(seconds: float) -> str:
    """Write a duration for people: 0.4 s, 35 s, 12 min 30 s, 1 h 12 min."""
    if seconds < 10:
        return f"{seconds:.1f}{SPACE}s"
    whole = round(seconds)
    if whole < 90:
        return f"{whole}{SPACE}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}{SPACE}min" + (f" {rest}{SPACE}s" if rest else "")
    hours, minutes = divmod(minutes, 60)
    return f"{hours}{SPACE}h" + (f" {minutes}{SPACE}min" if minutes else "")


def moment(iso: str) -> str:
    """Write an instant: 2026-07-01 10:00:00 UTC."""
    return re.sub(r"(\.\d+)?(Z|\+00:00)$", " UTC", iso).replace("T", " ", 1)


def chance(p: float | None) -> str:
    """Write a p value: < 0.001, 0.034, or a dash where there is none."""
    if p is None:
        return DASH
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def share(part: float) -> str:
    """Write a share of one as a percentage: 0.124 becomes 12.4 %."""
    return f"{number(100 * part)}{SPACE}%"


def percentile(item: Percentile) -> str:
    """Name a percentile: p50, p99, p99.9."""
    return f"p{item.percent:g}"


def factors(levels: Mapping[str, int]) -> str:
    """Write the factor levels of a cell: idle 900, payload 64."""
    return ", ".join(f"{name} {level:,}" for name, level in levels.items())


def times(counts: Mapping[str, int]) -> str:
    """Write how often each gate spoke: `host-noise 2 times, generator-saturated once`."""
    often = {1: "once", 2: "twice"}
    return ", ".join(f"{name} {often.get(n, f'{n} times')}" for name, n in counts.items() if n)


def plural(count: int, noun: str) -> str:
    """Write a count and its noun: 1 block, 12 blocks."""
    return f"{count:,}{SPACE}{noun}{'' if count == 1 else 's'}"


def tally(outcomes: Iterable[str]) -> dict[str, int]:
    """Count outcomes, in the order in which they are always named; 0 where none."""
    seen = list(outcomes)
    return {name: seen.count(name) for name in OUTCOMES}


def answer(results: Results) -> str:
    """Write the whole run as one line: `Of 9 sentences, 2 are supported, 1 is refuted, …`."""
    counts = tally(verdict.outcome for verdict in results.verdicts)
    total = len(results.verdicts)
    if not total:
        return "No sentence has a verdict in this run."
    said = [f"{n} {'is' if n == 1 else 'are'} {name}" for name, n in counts.items() if n]
    listed = said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
    return f"Of {plural(total, 'sentence')}, {listed}."


def count(value: float | None) -> str:
    """Write how often something happens per request: 3.00, 0.05, 320, or a dash."""
    if value is None:
        return DASH
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value >= 0.005 else "0"


def figure(value: Figure) -> str:
    """Write a number of the ledger, and its range where that shows: `3.00`, `7.40 (7.10–7.90)`."""
    low, high = count(value.low), count(value.high)
    return count(value.median) + (f" ({low}{DASH}{high})" if low != high else "")


def ledger_column(name: str) -> tuple[str, str]:
    """Head a column of the ledger: what is counted, and per what, each on a line of its own."""
    counted, per, of = name.partition(" per ")
    return counted, f"per {of}" if per else "per request"


def agreement(cell: Mechanism) -> str:
    """Say whether the traced trials agree in their calls per request."""
    if cell.agree is None:
        return plural(cell.runs, "trial")
    return f"{cell.runs}, {'agree' if cell.agree else 'differ'}"


def blocks(verdict: Verdict) -> str:
    """Write what is behind a verdict: `12 of 12 blocks, 1 look`; `3 of 3 repeats`."""
    noun = "block" if verdict.experiment else "repeat"  # of a program
    used = f"{verdict.blocks_used} of {plural(verdict.blocks_planned, noun)}"
    dropped = f", {verdict.dropped_blocks} dropped" if verdict.dropped_blocks else ""
    looked = f", {plural(verdict.looks, 'look')}" if verdict.looks else ""
    return f"{used}{dropped}{looked}"


def design(verdict: Verdict) -> str:
    """Write what decides a claim in one line: arms, places, load, metric, least effect and why.

    `select against epoll, at idle 900; 4 long, open 1000/s; server CPU time per completed request;
    select / epoll at least 1.3, because …`
    """
    how = ""
    if verdict.kind in ("limit", "probe"):
        how = "a program looks, beside a control that must come out otherwise"
    elif not verdict.experiment:
        how = f"a program measures a table, {verdict.blocks_planned} times in fresh processes"
    arms = " against ".join(verdict.arms) if len(verdict.arms) < 3 else ", ".join(verdict.arms)
    where = f"at {verdict.place}" if verdict.place else ""
    because = f", because {verdict.because}" if verdict.because else ""
    sense = f"{verdict.sense}{because}" if verdict.sense else ""
    parts = [how, ", ".join(filter(None, [arms, where])), verdict.load, verdict.metric, sense]
    return "; ".join(filter(None, parts))


def finding(verdict: Verdict) -> str:
    """Write what was found as sources would say it: a verdict, or that it depends."""
    return "conditional" if verdict.conditional else verdict.outcome


def against_gate(verdict: Verdict) -> bool:
    """Say whether a claim was decided against what lab.yaml declares it must come to."""
    return (
        verdict.gate is not None and verdict.outcome in DECIDED and verdict.outcome != verdict.gate
    )
