"""What came out otherwise than the literature says, for a terminal: before all else.

What may explain it stands beside it: the claim's own caveat, and what the cells asked of the
kernel, where they were traced. A verdict is never edited (docs/findings).
"""

from rich.console import Console
from rich.text import Text

from lab.report import contents, words
from lab.report.model import Mechanism, Results, Verdict


def told(results: Results, console: Console) -> None:
    """Print the surprises of a run. Nothing: nothing."""
    found = [verdict for verdict in results.verdicts if verdict.surprise]
    if not found:
        return
    head = f"{words.plural(len(found), 'surprise')}: decided otherwise than the literature says"
    console.print(Text(head, style="bold yellow"))
    for verdict in found:
        for line in _lines(verdict, results):
            console.print(line)
    console.print()


def _lines(verdict: Verdict, results: Results) -> list[Text]:
    source = f" ({verdict.source})" if verdict.source else ""
    lines = [
        Text(f"{verdict.claim}: {verdict.sentence}", style="bold"),
        Text(f"  expected {verdict.expected}{source}, found {words.finding(verdict)}"),
        Text(f"  {verdict.effect_words or verdict.reason}"),
    ]
    if verdict.caveat:
        lines.append(Text(f"  what may explain it: {verdict.caveat}"))
    cells = (cell for cell in results.mechanism if cell.cell in verdict.cells and cell.runs)
    return lines + [Text(f"  {_asked(cell)}") for cell in cells]


def _asked(cell: Mechanism) -> str:
    """Say what one cell asked of the kernel: `select idle 900: 2.50 calls, 0.50 waits, …`."""
    figures = ", ".join(f"{words.count(one.median)} {name}" for name, one in cell.figures.items())
    return f"{cell.arm} {words.factors(cell.factors)}, per request: {figures}".replace(" ,", ",")


def coverage(results: Results, console: Console) -> None:
    """Print how much of the book this run has tested. A run without one: nothing."""
    if said := contents.coverage(results):
        console.print(Text(said))
