"""Commands that examine: the servers on the wire, the lab itself against theory.

`add` hangs them onto the app of lab.cli. stdout is data, stderr is progress.
"""

import os
import sys
from typing import Annotated

import typer

from lab.errors import EXIT_GATED_CLAIM
from lab.exits import explained
from lab.options import LAB_YAML, RESULTS, JsonFile, JunitFile, LabFile, ResultsDir


def add(app: typer.Typer) -> None:
    """Give the app these commands."""
    for command in (verify, selftest):
        app.command()(explained(command))


def verify(
    servers: Annotated[
        list[str] | None,
        typer.Argument(metavar="SERVER", help="Names, or dotted modules of yours."),
    ] = None,
    *,
    lab_file: LabFile = LAB_YAML,
    protocols: Annotated[
        list[str] | None, typer.Option("--protocol", help="May be given again. None: all.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Examinations side by side.")] = 1,
    json_file: JsonFile = None,
    junit_file: JunitFile = None,
) -> None:
    """Hold every check of conformance against servers, on the wire; no load, no verdict."""
    from lab import ground
    from lab import verify as conformance
    from lab.listing import own_of
    from lab.report.conformance import Progress, as_json, as_junit, table
    from lab.store import write_text

    own, label = own_of(lab_file), f"verify@{os.getpid()}"
    with ground.opened(own, lab_file.parent, servers or own, label) as here:
        wanted = conformance.pairs(servers or (), protocols or (), here)
        conformance.require(servers or (), here)
        progress = Progress(sys.stderr)
        found = conformance.verify(wanted, progress, jobs, label, here)
        progress.end()
    typer.echo(table(found))
    if json_file:
        write_text(json_file, as_json(found))
    if junit_file:
        write_text(junit_file, as_junit(found))
    if any(one.failed for one in found):
        raise typer.Exit(EXIT_GATED_CLAIM)


def selftest(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Self-tests. None: all.")
    ] = None,
    *,
    quick: Annotated[bool, typer.Option(help="Shorter windows; the same tolerances.")] = False,
    json_file: JsonFile = None,
    results: ResultsDir = RESULTS,
) -> None:
    """Hold the lab itself against theory; exit code 3 when a figure is not where it must be."""
    from rich.console import Console

    from lab.interrupts import Interrupted, interruptible
    from lab.selftest import runner
    from lab.selftest.rig import Rig
    from lab.selftest.telling import show
    from lab.store import write_text

    chosen, console = runner.choose(names or ()), Console()
    try:
        with (
            interruptible(),
            Rig(results, quick=quick, say=lambda line: typer.echo(line, err=True)) as rig,
        ):
            outcomes = runner.run(chosen, rig, lambda outcome: show(outcome, console))
            if json_file:
                write_text(json_file, runner.as_json(outcomes, rig))
    except Interrupted as interrupted:
        raise typer.Exit(interrupted.exit_code) from None
    if any(outcome.state == "failed" for outcome in outcomes):
        raise typer.Exit(EXIT_GATED_CLAIM)
