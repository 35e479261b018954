"""What a command shows of results: the report and the files beside it, verdicts on the terminal."""

from pathlib import Path
from typing import Any

import typer

from lab.errors import UsageError


def fill(path: Path, inside: str) -> None:
    """Put that between the marks of a document. Raises UsageError."""
    from lab.report.sentences import filled
    from lab.store import write_text

    try:
        write_text(path, filled(path.read_text(encoding="utf-8"), inside))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be filled in: {error}") from error


def show(results: Any, kept: Any, json_file: Path | None, junit_file: Path | None) -> None:
    """Write results.json, the report and what was asked for beside them; print the verdicts."""
    from rich.console import Console

    from lab.report import (
        classes,
        html,
        junit,
        machine,
        maps,
        replicated,
        searches,
        surprising,
        terminal,
    )
    from lab.store import write_text

    canonical = machine.render(results)
    kept.write("results.json", canonical)
    path = kept.write("report.html", html.render(results))
    if json_file:
        write_text(json_file, canonical)
    if junit_file:
        write_text(junit_file, junit.render(results))
    surprising.told(results, Console())
    if results.verdicts or not results.searches:
        terminal.verdict_table(results, Console())
        surprising.coverage(results, Console())
    replicated.tables(results, Console())
    terminal.ledger_table(results, Console())
    terminal.tax_table(results, Console())
    classes.class_table(results, Console())
    searches.table(results, Console())
    maps.table(results, Console())
    typer.echo(f"report: {path}", err=True)
