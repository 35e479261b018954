"""Replications on a terminal: the published numbers beside the measured ones, and each statement.

The numbers of two machines are not comparable; what is judged are the statements on their shape.
"""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab.report import words
from lab.report.model import Replication, Results, ShapeLine, Verdict

STYLES = {"holds": "green", "fails": "bold red", "opposite": "bold red", "open": "yellow"}


def tables(results: Results, console: Console) -> None:
    """Print each replication of a run. Nothing: nothing."""
    for verdict in results.verdicts:
        if verdict.replication is not None:
            _one(verdict, verdict.replication, console)


def _one(verdict: Verdict, found: Replication, console: Console) -> None:
    came_out = found.verdict if found.published else verdict.outcome
    title = f"\n{verdict.claim}: {came_out}, {words.plural(found.repeats, 'repeat')}"
    console.print(Text(title, style="bold"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("", overflow="fold")
    for column in found.columns:
        table.add_column(column, justify="right")
    for row, numbers in found.published.items():
        table.add_row(Text(f"{row}, published", style="dim"), *map(cell, numbers))
    for row, numbers in found.measured.items():
        table.add_row(Text(f"{row}, here"), *map(cell, numbers))
    console.print(table)
    if found.published:
        console.print(Text(f"published in {found.published_unit} ({found.source})", style="dim"))
    console.print(Text(f"measured in {words.unit(found.unit)}, medians", style="dim"))
    for line in found.lines:
        console.print(Text(f"  {line.state:8} {said(line)}", style=STYLES[line.state]))


def cell(number: float | None) -> str:
    """Write one number of a table."""
    return words.DASH if number is None else words.number(number)


def said(line: ShapeLine) -> str:
    """Say a statement and what was found: `select < poll at 10: 1.24 (1.20–1.29)`."""
    if line.found is None:
        return f"{line.words}: no numbers"
    return f"{line.words}: {words.estimate(line.found)}"
