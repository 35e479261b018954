"""The command `lab`: words in, words out. stdout is data, stderr is progress.

What may be said is in lab.options, how a command ends in lab.exits.
Every command imports what it needs when it runs: `lab --help` loads nothing else.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from lab import commands, examining
from lab.errors import EXIT_ENVIRONMENT, EnvironmentUnfit, UsageError
from lab.exits import explained, weigh
from lab.options import (
    LAB_YAML,
    RESULTS,
    Backend,
    Budget,
    FailOn,
    InOrder,
    JsonFile,
    JunitFile,
    LabFile,
    Listed,
    Mechanism,
    MostBlocks,
    Order,
    Profile,
    ResultsDir,
    Seed,
    Select,
    Strict,
    Twins,
    UntilDecided,
    Workers,
)
from lab.search.command import app as search
from lab.showing import show

app = typer.Typer(
    help="A load-test lab that turns sentences about server I/O into verdicts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(search, name="search")


@app.command()
@explained
def doctor(lab_file: LabFile = LAB_YAML) -> None:
    """Say what this machine can and cannot measure, and why."""
    from lab.doctor import examine, table

    checks, facts = examine(lab_file)
    typer.echo(table(checks, facts))
    if any(not check.ok and check.fatal for check in checks):
        raise typer.Exit(EXIT_ENVIRONMENT)


@app.command(name="list")
@explained
def list_(
    what: Annotated[Listed, typer.Argument(help="What to list.")],
    *,
    lab_file: LabFile = LAB_YAML,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Of claims: a document.")] = False,
) -> None:
    """List servers, protocols, experiments, claims, searches or gates."""
    from lab.listing import rows

    if as_markdown:
        from lab.book import markdown
        from lab.config import load

        if what is not Listed.claims:
            raise UsageError(f"{what.value} are no document. Write lab list claims --markdown.")
        typer.echo(markdown(load(lab_file)), nl=False)
        return
    found = rows(what.value, lab_file)
    if as_json:
        typer.echo(json.dumps(found, indent=1, ensure_ascii=False))
        return
    from lab.report.terminal import plain_table

    typer.echo(plain_table(found))


@app.command()
@explained
def plan(
    select: Select = None,
    *,
    profile: Profile = "quick",
    seed: Seed = None,
    order: InOrder = Order.hashed,
    lab_file: LabFile = LAB_YAML,
    workers: Workers = 1,
    mechanism: Mechanism = False,
    budget: Budget = "",
    twins: Twins = False,
    as_json: Annotated[bool, typer.Option("--json", help="The plan itself.")] = False,
) -> None:
    """Say what would run, in what order, for how long, and whether this machine can."""
    from lab import earlier, possible
    from lab.listing import plan_text
    from lab.machine import inspect
    from lab.planning import planned, runnable
    from lab.selftest import ceilings
    from lab.wishes import Wishes, span

    wishes = Wishes(
        lab_file,
        tuple(select or ()),
        profile,
        seed,
        order.value,
        RESULTS,
        mechanism=mechanism,
        budget_s=span(budget),
        twins=twins,
    )
    made = planned(wishes)
    ceiling, there = ceilings.read(RESULTS), runnable(made)
    found = possible.look(lab_file, made.lab, there, inspect(), engines=workers, ceiling=ceiling)
    if as_json:
        typer.echo(made.plan.model_dump_json(indent=1))
    else:
        notes = "\n".join([*made.notes, *(f"{k}: {why}" for k, why in made.lacked.items())])
        told = plan_text(made.plan, earlier.newest(RESULTS, made.plan))
        said = [told, notes, possible.text(found, workers)]
        typer.echo("\n\n".join(filter(None, said)))
    if found.problems:
        raise EnvironmentUnfit("\n".join(found.problems))


@app.command()
@explained
def run(
    select: Select = None,
    *,
    profile: Profile = "quick",
    seed: Seed = None,
    order: InOrder = Order.hashed,
    lab_file: LabFile = LAB_YAML,
    results: ResultsDir = RESULTS,
    workers: Workers = 1,
    web_port: Annotated[int, typer.Option(min=0, max=65535, help="Locust's page; 0: free.")] = 0,
    json_file: JsonFile = None,
    junit_file: JunitFile = None,
    fail_on: Annotated[FailOn | None, typer.Option(help="Exit code 4 on this or worse.")] = None,
    mechanism: Mechanism = False,
    verify_first: Annotated[
        bool, typer.Option("--verify", help="Examine the servers first; void what fails.")
    ] = False,
    backend: Annotated[Backend, typer.Option(help="Where the servers run.")] = Backend.process,
    locust: Annotated[
        str, typer.Option(help="Where the load runs: process, docker, or a master's URL (attach).")
    ] = "process",
    server: Annotated[
        list[str] | None,
        typer.Option(help="With attach: NAME=HOST[:PORT][,protocol=…][,meter=…][,here=…]; again."),
    ] = None,
    token: Annotated[
        str, typer.Option(envvar="LAB_TOKEN", help="Of the master that was named.")
    ] = "",
    strict: Strict = False,
    budget: Budget = "",
    until_decided: UntilDecided = False,
    most_blocks: MostBlocks = 0,
    twins: Twins = False,
) -> None:
    """Run experiments; print the verdicts, write results/<run>/report.html."""
    from lab.report.terminal import Progress
    from lab.run import run as run_lab
    from lab.wishes import Wishes, span

    wishes = Wishes(
        lab_file,
        tuple(select or ()),
        profile,
        seed,
        order.value,
        results,
        workers,
        web_port,
        verify=verify_first,
        mechanism=mechanism,
        backend=backend.value,
        locust=locust,
        servers=tuple(server or ()),
        token=token,
        strict=strict,
        budget_s=span(budget),
        until_decided=until_decided,
        most_blocks=most_blocks,
        twins=twins,
    )
    with Progress() as progress:
        finished = run_lab(wishes, progress)
    show(finished.results, finished.run, json_file, junit_file)
    if finished.exit_code:
        raise typer.Exit(finished.exit_code)
    weigh(finished.results, fail_on)


@app.command()
@explained
def report(
    run_name: Annotated[str, typer.Argument(metavar="RUN", help="Id, path, or last.")] = "last",
    *,
    results: ResultsDir = RESULTS,
    json_file: JsonFile = None,
    junit_file: JunitFile = None,
    strict: Strict = False,
    table: Annotated[str, typer.Option(help="Print an experiment's costs as Markdown.")] = "",
    metric: Annotated[str, typer.Option(help="Of --table: cpu, throughput, pss.")] = "cpu",
    map_file: Annotated[
        Path | None, typer.Option("--map", help="Draw who wins where: .svg, .png.")
    ] = None,
) -> None:
    """Rebuild a run's report from its records, with no server running."""
    from lab.analysis import conclude
    from lab.report.pivot import markdown
    from lab.store import open_run

    kept = open_run(results, run_name)
    if table:
        typer.echo(markdown(conclude(kept, "holm" if strict else "bh"), table, metric))
        return
    results_now = conclude(kept, "holm" if strict else "bh")
    if map_file:
        from lab.report.maps import write

        write(results_now, map_file)
        return
    show(results_now, kept, json_file, junit_file)


@app.command()
@explained
def export(
    run_name: Annotated[str, typer.Argument(metavar="RUN", help="Id, path, or last.")] = "last",
    *,
    results: ResultsDir = RESULTS,
    hdr: Annotated[
        Path | None,
        typer.Option(help="An HdrHistogram log; a directory: one per cell; -: to stdout."),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="A table of all trials; -: to stdout.")] = None,
) -> None:
    """Write a run's histograms and trials in formats that other tools read."""
    from lab.exporting import write

    for line in write(results, run_name, hdr, csv):
        typer.echo(line, nl=False)


@app.command()
@explained
def clean() -> None:
    """End what a killed run left behind: processes that carry the lab's label, and only those."""
    from lab.cleaning import clean as clean_up

    for line in clean_up():
        typer.echo(line)


commands.add(app)
examining.add(app)


def main() -> None:
    """Run the command line."""
    app(prog_name="lab")
