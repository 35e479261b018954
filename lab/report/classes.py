"""What became of each connection class, in words: a table in the page, and one in the terminal.

A victim stands beside those that attack, never pooled with them.
"""

from collections.abc import Iterable
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab.report import words
from lab.report.model import Achieved, CellSummary, Results

PLAIN = frozenset({"long", "short", "idle"})  # a terminal shows the others, and those beside them
SHOWN = (50.0, 90.0, 99.0)  # percentiles of the response time in the terminal


def connections(row: Achieved) -> str:
    """Write what became of its connections: `98 of 100 held, 2 lost`."""
    told = []
    if row.established is not None:
        told.append(f"{row.established:,} of {row.asked:,} established")
    elif row.held is not None:
        told.append(f"{row.held:,} of {row.asked:,} held")
    else:
        told.append(f"at most {row.asked:,}")
    if row.replaced_per_s is not None:
        due = f" of {words.number(row.due_per_s)}/s" if row.due_per_s else ""
        told.append(f"{words.number(row.replaced_per_s)}/s{due} replaced")
    counts = {
        "lost": row.lost,
        "refused": row.refused,
        "timed out": row.timed_out,
        "not ended by the server": row.unfinished,
    }
    return ", ".join([*told, *(f"{count:,} {what}" for what, count in counts.items() if count)])


def requests(row: Achieved) -> str:
    """Write what became of its requests: `1,200 right, 5 abandoned, 3 timeout`; a dash for none."""
    counts = {"right": row.completed, "abandoned": row.abandoned, **row.failed}
    told = [f"{count:,} {what}" for what, count in counts.items() if count]
    return ", ".join(told) if row.scheduled else words.DASH


def figures(cells: Iterable[CellSummary]) -> list[dict[str, Any]]:
    """Arrange the rows of an experiment's page: one per cell and class."""
    return [
        {
            "arm": cell.arm,
            "level": words.factors(cell.factors) or words.DASH,
            "name": row.connection_class,
            "connections": connections(row),
            "requests": requests(row),
            "trials": row.trials,
        }
        for cell in cells
        for row in cell.connections
    ]


def class_table(results: Results, console: Console) -> None:
    """Print what became of each class, where one attacks or is a victim. Nothing: nothing."""
    shown = [
        cell
        for cell in results.cells
        if any(row.connection_class not in PLAIN for row in cell.connections)
    ]
    if not shown:
        return
    title = "Connection classes: usable trials together; no part of a verdict"
    title += "\nresponse times (samples of the trial with the fewest, resolution)"
    console.print(Text(f"\n{title}", style="bold"))
    for cell in shown:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for name in (cell.id, "connections", "requests", *(f"p{p:g}" for p in SHOWN)):
            table.add_column(name, overflow="fold")
        for row in cell.connections:
            table.add_row(*map(Text, [row.connection_class, *_told(cell, row)]))
        console.print(table)


def _told(cell: CellSummary, row: Achieved) -> list[str]:
    times = {
        item.percent: f"{words.time_ns(item.ns.value)} ({item.samples:,}, "
        f"±{words.time_ns(item.resolution_ns)})"
        for item in cell.latency
        if item.connection_class == row.connection_class and item.kind == "response"
    }
    return [connections(row), requests(row), *(times.get(p, words.DASH) for p in SHOWN)]
