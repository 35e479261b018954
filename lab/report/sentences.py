"""The verdicts of a run as a table in Markdown, for a document that quotes them. Pure.

`lab quote RUN` prints all, section by section of the notes; `--headline` only those sentences of
the notes on I/O models that a load decides, which is what the README shows. Both are printed from
the reference run, and a test holds the documents against it.
"""

from collections import Counter

from lab.report import words
from lab.report.model import Results, Verdict

HEADLINE = "8"  # sections of the notes on I/O models begin so
HEADS = "| verdict | sentence | declared | effect (98.75 % interval) |\n|---|---|---|---|"
BEGIN, END = "<!-- verdicts: begin -->", "<!-- verdicts: end -->"


def markdown(results: Results) -> str:
    """Return all verdicts as tables under the headings of the notes' sections."""
    by_claim = {verdict.claim: verdict for verdict in results.verdicts}
    parts = [told(results)]
    for chapter in results.book:
        found = [by_claim[listed.id] for listed in chapter.claims if listed.id in by_claim]
        if found:
            parts.append(f"## {chapter.title}\n\n{_table(found, quoted=True)}")
    return "\n\n".join(parts) + "\n"


def headline(results: Results) -> str:
    """Return one table: the notes' sentences on I/O models that were decided under load."""
    found = [v for v in results.verdicts if v.experiment and v.section.startswith(HEADLINE)]
    return f"{_table(found, quoted=False)}\n\n{told(results)}\n"


def told(results: Results) -> str:
    """Say which run it was and how its claims came out, in one sentence each."""
    run = results.run
    counts = Counter(verdict.outcome for verdict in results.verdicts)
    came = ", ".join(f"{counts[name]} {name}" for name in words.OUTCOMES if counts[name])
    machine = results.machine
    where = ", ".join(machine[name] for name in ("cpu", "kernel", "python") if name in machine)
    return (
        f"Run `{run.id}`: profile {run.profile}, seed {run.seed}, on {where}, "
        f"CPUs {machine.get('cpus', 'unknown')}; {run.trials_done:,} trials, "
        f"{run.requests / 1e6:.1f} million requests, {run.wall_s / 60:.0f} minutes. "
        f"{len(results.verdicts)} claims: {came}."
    )


def between(text: str) -> str:
    """Return what stands between the marks of a document. Raises ValueError without them."""
    return _parts(text)[1]


def filled(text: str, inside: str) -> str:
    """Return a document with that between its marks. Raises ValueError without them."""
    before, _, after = _parts(text)
    return f"{before}{inside}{after}"


def _parts(text: str) -> tuple[str, str, str]:
    before, begin, rest = text.partition(BEGIN + "\n")
    inside, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"It has no lines {BEGIN} and {END}; write them where the table belongs.")
    return before + begin, inside, end + after


def _table(verdicts: list[Verdict], *, quoted: bool) -> str:
    return "\n".join([HEADS, *(_row(verdict, quoted=quoted) for verdict in verdicts)])


def _row(verdict: Verdict, *, quoted: bool) -> str:
    sentence = verdict.sentence
    if quoted:
        notes = f"<br>「{verdict.notes}」" if verdict.notes else ""
        sentence = f"`{verdict.claim}` {sentence}{notes}"
    mark = " (a surprise)" if verdict.surprise else ""
    cells = (f"**{_outcome(verdict)}**{mark}", sentence, verdict.sense, _effect(verdict))
    shown = (cell.replace("|", "\\|").replace(words.SPACE, " ") for cell in cells)
    return f"| {' | '.join(shown)} |"


def _outcome(verdict: Verdict) -> str:
    return f"{verdict.outcome}, conditional" if verdict.conditional else verdict.outcome


def _effect(verdict: Verdict) -> str:
    if verdict.effect is None or verdict.outcome in words.NO_EFFECT:
        return words.DASH
    if verdict.scale == "ratio":
        return words.ratio(verdict.effect)
    unit = verdict.series[0].unit if verdict.series else ""
    effect = words.in_unit(verdict.effect, unit)
    return words.estimate(effect, words.unit(unit) if unit else "")
