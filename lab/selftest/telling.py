"""A self-test's findings for a terminal: what was predicted, what was measured, and how far off."""

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from lab.selftest import TESTS
from lab.selftest.finding import Finding, Outcome

STYLES = {"passed": "bold green", "failed": "bold red", "skipped": "dim"}


def table(outcome: Outcome) -> Group:
    """Lay one test out: a heading, and a line for each figure."""
    heading = Text.assemble(
        (outcome.state, STYLES[outcome.state]),
        f"  {outcome.name}: {TESTS[outcome.name].what} ({outcome.took_s:.0f} s)",
    )
    parts: list[Text | Table] = [heading]
    if outcome.why:
        parts.append(Text(f"  {outcome.why}", style=STYLES[outcome.state]))
    if outcome.findings:
        parts.append(_figures(outcome.findings))
    parts.append(Text())
    return Group(*parts)


def _figures(findings: list[Finding]) -> Table:
    shape = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    shape.add_column("", no_wrap=True)
    shape.add_column("Figure", overflow="fold")
    shape.add_column("Predicted", justify="right", no_wrap=True)
    shape.add_column("Measured", justify="right", no_wrap=True)
    shape.add_column("Tolerance", no_wrap=True)
    for one in findings:
        mark = Text("·", "dim") if one.rule == "shown" else _mark(one)
        what = f"{one.what}\n{one.text}" if one.text else one.what
        shape.add_row(
            mark, what, _number(one.predicted, one.unit), _number(one.measured, one.unit), rule(one)
        )
    return shape


def _mark(one: Finding) -> Text:
    return Text("ok", "green") if one.ok else Text("NO", "bold red")


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 3
    return f"{value:.{digits}f} {unit}".rstrip()


def rule(one: Finding) -> str:
    """Say what was allowed, and for a share how far off it was."""
    if one.rule != "within":
        return "" if one.rule == "shown" else one.rule
    off = one.measured / one.predicted - 1 if one.predicted else 0.0
    return f"±{one.tolerance:.0%}, off {off:+.1%}"


def show(outcome: Outcome, console: Console) -> None:
    """Print one test. For stdout."""
    console.print(table(outcome))
