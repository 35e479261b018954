"""Verdicts for a terminal: a table as data on stdout, progress on stderr.

The table fits its console: below WIDE columns the numbers stand under the sentence, above it they
have columns of their own. Piped, it is plain text. `Progress` draws on events and never
between: a timer would take CPU time from the trial it reports, on the core of the load engine.
"""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lab.report import words
from lab.report.model import Mechanism, OutcomeName, Results, Verdict

WIDE = 120  # columns from which effect and blocks have room beside the sentence
NARROW = 70  # columns below which nothing stands beside anything
BAR = 24  # columns
STYLES: dict[str, str] = {
    "supported": "bold green",
    "refuted": "bold red",
    "inconclusive": "yellow",
    "void": "magenta",
    "skipped": "dim",
}


def verdict_table(results: Results, console: Console) -> None:
    """Print every verdict with what it rests on, then the answer in one line. For stdout."""
    if not results.verdicts:
        console.print(Text(words.answer(results)))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, expand=False)
    wide = console.width >= WIDE
    if console.width >= NARROW:
        table.add_column("Outcome", no_wrap=True)
    table.add_column("Sentence and finding", overflow="fold", ratio=1 if wide else None)
    if wide:
        table.add_column("Effect (interval)", justify="right", no_wrap=True)
        table.add_column("Declared", overflow="fold")
        table.add_column("Blocks", justify="right", no_wrap=True)
    for verdict in results.verdicts:
        table.add_row(*_cells(verdict, console.width), end_section=False)
        table.add_row()
    console.print(table)
    console.print(_summary(results))


WHY = {  # figure of the ledger -> how it is headed where there is little room
    "calls": "calls",
    "waits": "waits",
    "events per wait": "events/wait",
    "descriptors per wait": "fds/wait",
    "empty waits": "empty",
    "epoll_ctl": "epoll_ctl",
    "EAGAIN": "EAGAIN",
    "accepts per wake": "accepts/wake",
}


def ledger_table(results: Results, console: Console) -> None:
    """Print why it won: of each arm its last cell, the rest stands in the page. Nothing: nothing.

    Explanation, never part of a verdict.
    """
    if not results.mechanism:
        return
    title = "Why: system calls per request, traced and not timed; no part of a verdict"
    console.print(Text(f"\n{title}", style="bold"))
    last = {(cell.experiment, cell.arm): cell for cell in results.mechanism if cell.runs}
    for experiment in dict.fromkeys(name for name, _ in last):
        console.print(_ledger([cell for cell in last.values() if cell.experiment == experiment]))
    for cell in results.mechanism:
        if cell.contradiction:
            console.print(Text(f"{cell.cell} {cell.contradiction}", style="bold red"))
    for why in dict.fromkeys(cell.why_not for cell in results.mechanism if cell.why_not):
        console.print(Text(f"not traced: {why}", style="yellow"))


def _ledger(cells: Sequence[Mechanism]) -> Table:
    columns = [name for name in WHY if any(_speaks(cell, name) for cell in cells)]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(cells[0].experiment, overflow="fold", min_width=12)
    for name in columns:
        table.add_column(WHY[name], justify="right", overflow="fold")
    for cell in cells:
        found = (cell.figures.get(name) for name in columns)
        numbers = (words.count(figure.median if figure else None) for figure in found)
        named = f"{cell.arm} {words.factors(cell.factors)}".strip()
        table.add_row(Text(named), *(Text(number) for number in numbers))
    return table


def tax_table(results: Results, console: Console) -> None:
    """Print what each network costs, where the run has servers on several. Nothing: nothing."""
    if not results.taxes:
        return
    against = results.taxes[0].against
    title = f"The tax of a network, against a process on {against}; no part of a verdict"
    console.print(Text(f"\n{title}", style="bold"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("network", "CPU per request", "service time"):
        table.add_column(name, overflow="fold")
    for tax in results.taxes:
        named = f"{tax.network}, {tax.server} {words.factors(tax.factors)}".strip()
        told = [words.ratio(found) if found else words.DASH for found in (tax.cpu, tax.service)]
        table.add_row(Text(named), *map(Text, told))
    console.print(table)


def _speaks(cell: Mechanism, name: str) -> bool:
    """Say whether a figure says anything of a cell: a column of zeros has no room here."""
    return name in cell.figures and cell.figures[name].high > 0


def _cells(verdict: Verdict, width: int) -> list[Text]:
    outcome = Text(verdict.outcome, style=STYLES[verdict.outcome])
    if width < NARROW:
        return [Text("\n").join([outcome, *_lines(verdict, numbers=True)])]
    if width < WIDE:
        return [outcome, Text("\n").join(_lines(verdict, numbers=True))]
    effect = Text(words.effect(verdict))
    blocks = f"{verdict.blocks_used}/{verdict.blocks_planned}" if verdict.blocks_planned else "-"
    left = Text("\n").join(_lines(verdict, numbers=False))
    return [outcome, left, effect, Text(verdict.sense or words.DASH), Text(blocks)]


def _lines(verdict: Verdict, *, numbers: bool) -> list[Text]:
    """Say what was found, a line each; empty lines are left out."""
    plain = [verdict.effect_words, verdict.reason]
    if numbers and verdict.blocks_planned:
        plain.append(words.blocks(verdict))
    if verdict.voids:
        plain.append(f"void attempts: {words.times(verdict.voids)}")
    marked = [f"warning: {warning}" for warning in verdict.warnings]
    if verdict.surprise:
        marked.append(f"surprise: expected {verdict.expected} ({verdict.source})")
    if words.against_gate(verdict):
        marked.append(f"against its gate: it must come out {verdict.gate}")
    lines = [Text(f"{verdict.claim}: {verdict.sentence}", style="bold")]
    lines += [Text(line) for line in plain if line]
    return lines + [Text(line, style="yellow") for line in marked]


def _summary(results: Results) -> Text:
    run = results.run
    line = Text(words.answer(results), style="bold")
    if not run.finished:
        done = f" The run did not finish: {run.trials_done} of {run.trials_planned} trials usable."
        line.append(done, style="bold yellow")
    if run.minutes_per_decided is not None:
        line.append(f"\n{run.minutes_per_decided:.2f} minutes for each decided claim")
    for note in run.notes:
        line.append(f"\n{note}", style="yellow")
    for server, why in run.absent.items():
        line.append(f"\nskipped: {server}: {why}", style="yellow")
    return line


def plain_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Write rows as aligned columns: one line per row, however long, so that grep finds it."""
    if not rows:
        return "nothing"
    names = list(rows[0])
    lines = [[name.upper() for name in names], *([row[name] for name in names] for row in rows)]
    widths = [max(cell_len(line[i]) for line in lines) for i in range(len(names))]
    padded = [
        "  ".join(
            text + " " * (width - cell_len(text)) for text, width in zip(line, widths, strict=True)
        )
        for line in lines
    ]
    return "\n".join(line.rstrip() for line in padded)


class Progress:
    """What a run is doing, for stderr: two lines redrawn on events only.

    Where stderr is no terminal: one plain line per block, and one per void, note and verdict.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._live: Live | None = None
        self._block = ("", 0, 0)
        self._trial = (0, 0)
        self._label = ""
        self._left_s: float | None = None
        self._voids = 0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def start(self, experiment: str, block: int, blocks: int) -> None:
        """A block begins: block is counted from 1."""
        self._block = (experiment, block, blocks)
        self._label = ""
        if self._live is None:
            self._say(Text(", ".join(self._facts())))
        else:
            self._draw()

    def trial(self, n: int, total: int, label: str, left_s: float | None = None) -> None:
        """Trial n of total begins; label names arm and cell, left_s is the caller's estimate."""
        self._trial, self._label, self._left_s = (n, total), label, left_s
        self._draw()

    def void(self, trial: str, gate: str, why: str) -> None:
        """A trial was refused by a gate."""
        self._voids += 1
        self._say(Text(f"void: {trial}: {gate}: {why}", style="magenta"))

    def note(self, text: str) -> None:
        """Say something that should stay on the screen."""
        self._say(Text(text))

    def verdict(self, claim: str, outcome: OutcomeName) -> None:
        """A claim has been judged."""
        self._say(Text.assemble(f"{claim}: ", (outcome, STYLES[outcome])))

    def _say(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)
        self._draw()

    def _draw(self) -> None:
        if self._live is not None:
            self._live.update(self._picture(), refresh=True)

    def _picture(self) -> Group:
        n, total = self._trial
        bar = ProgressBar(total=max(1, total), completed=max(0, n - 1), width=BAR)
        grid = Table.grid(padding=(0, 1))
        grid.add_row(bar, Text(", ".join(self._facts()), overflow="ellipsis", no_wrap=True))
        return Group(grid, Text(self._label, style="dim", overflow="ellipsis", no_wrap=True))

    def _facts(self) -> list[str]:
        (experiment, block, blocks), (n, total) = self._block, self._trial
        facts = [f"{experiment}: block {block} of {blocks}"]
        if total:
            facts.append(f"trial {n} of {total}")
        if self._voids:
            facts.append(f"{self._voids} void")
        if self._left_s is not None:
            facts.append(f"{words.duration(self._left_s)} left")
        return facts
