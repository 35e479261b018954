"""Commands on runs that are there: compare, history, shuffle, keep, quote. No server runs.

`add` hangs them onto the app of lab.cli. stdout is data, stderr is progress.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from lab.errors import EXIT_GATED_CLAIM, EnvironmentUnfit
from lab.exits import explained
from lab.options import RESULTS, JsonFile, ResultsDir


def add(app: typer.Typer) -> None:
    """Give the app these commands."""
    for command in (compare, history, shuffle, keep, quote):
        app.command()(explained(command))


def compare(
    then: Annotated[str, typer.Argument(metavar="A", help="The earlier run: id, path, or last.")],
    now: Annotated[str, typer.Argument(metavar="B", help="The later run.")] = "last",
    *,
    results: ResultsDir = RESULTS,
    anyway: Annotated[bool, typer.Option(help="Also where machines or meters differ.")] = False,
    json_file: JsonFile = None,
) -> None:
    """Hold two runs against each other, claim by claim: verdicts, effects, and their change."""
    from lab import comparing
    from lab.store import open_run, write_text

    loaded = [comparing.load(open_run(results, name)) for name in (then, now)]
    differing = comparing.unlike(loaded[0].facts, loaded[1].facts)
    if differing and not anyway:
        told = "\n    ".join(differing)
        raise EnvironmentUnfit(
            f"these runs are of unlike machines or meters:\n    {told}\n"
            "Their difference would be the machine's. --anyway shows it, and says so."
        )
    found = comparing.compare(*loaded)
    if json_file:
        write_text(json_file, found.model_dump_json(indent=1) + "\n")
    for line in differing:
        typer.echo(f"unlike: {line}")
    how = "blocks paired, the seed is the same" if found.paired else "two samples, other seeds"
    typer.echo(f"{found.then.id} -> {found.now.id}; {how}; {found.level:.0%} intervals of changes")
    _print(comparing.HEADS, comparing.lines(found))
    if found.agree is not None:
        typer.echo(
            f"{found.decided_in_both} claims decided in both, {found.agree:.0%} alike"
            + (f"; turned: {', '.join(found.turned)}" if found.turned else "; none turned")
        )
    for label, names in (("only then", found.only_then), ("only now", found.only_now)):
        if names:
            typer.echo(f"{label}: {', '.join(names)}")


def history(
    claim: Annotated[str, typer.Argument(metavar="CLAIM", help="Its id.")],
    *,
    results: ResultsDir = RESULTS,
    json_file: JsonFile = None,
) -> None:
    """Say what every kept run has found of one claim."""
    from pydantic import TypeAdapter

    from lab.history import HEADS, Entry, lines
    from lab.history import history as of_claim
    from lab.store import write_text

    found = of_claim(results, claim)
    if json_file:
        write_text(json_file, TypeAdapter(list[Entry]).dump_json(found, indent=1).decode() + "\n")
    _print(HEADS, lines(found))


def shuffle(
    run_name: Annotated[str, typer.Argument(metavar="RUN", help="Id, path, or last.")] = "last",
    *,
    results: ResultsDir = RESULTS,
    times: Annotated[int, typer.Option(min=100, max=100_000, help="Shuffles.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the shuffles.")] = 1,
    json_file: JsonFile = None,
) -> None:
    """Exchange the labels of a run's arms by chance: its rules must find nothing. Code 3 if not."""
    from dataclasses import asdict
    from json import dumps

    from lab.comparing import load
    from lab.shuffling import shuffle_all, summary
    from lab.store import open_run, write_text

    one = load(open_run(results, run_name))
    found = shuffle_all(one.lab, one.plan, one.data, times, seed)
    total = summary(found)
    if json_file:
        said = {"summary": asdict(total), "series": [asdict(series) for series in found]}
        write_text(json_file, dumps(said, indent=1) + "\n")
    heads = ("claim", "series", "blocks", "asserts a difference", "excludes equality")
    rows = [
        [
            series.claim,
            series.series,
            str(series.blocks),
            f"{series.asserts / series.times:.1%}",
            f"{series.excludes / series.times:.1%}",
        ]
        for series in found
    ]
    _print(heads, rows)
    typer.echo(
        f"{total.series} series, {times} shuffles each: {total.asserts:.2%} assert a difference, "
        f"{total.excludes:.2%} exclude equality; {total.limit:.1%} may"
    )
    if not total.holds:
        raise typer.Exit(EXIT_GATED_CLAIM)


def keep(
    run_name: Annotated[str, typer.Argument(metavar="RUN", help="Id, path, or last.")],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where its copy shall stand.")],
    *,
    results: ResultsDir = RESULTS,
) -> None:
    """Copy a run into a directory, small enough for a repository, with results.json and report."""
    from lab.analysis import conclude
    from lab.report import html, machine
    from lab.store import keep as copy
    from lab.store import open_run

    kept = copy(open_run(results, run_name), directory)
    found = conclude(kept, "bh")
    kept.write("results.json", machine.render(found))
    typer.echo(kept.write("report.html", html.render(found)))


def quote(
    run_name: Annotated[str, typer.Argument(metavar="RUN", help="Id, path, or last.")] = "last",
    *,
    results: ResultsDir = RESULTS,
    headline: Annotated[
        bool, typer.Option(help="Only what a load decides of the notes on I/O models.")
    ] = False,
    into: Annotated[
        Path | None, typer.Option(help="Write it between the marks of this document.")
    ] = None,
) -> None:
    """Print a run's verdicts as Markdown, section by section of the notes, for a document."""
    from lab.analysis import conclude
    from lab.report import sentences
    from lab.showing import fill
    from lab.store import open_run

    found = conclude(open_run(results, run_name), "bh")
    told = sentences.headline(found) if headline else sentences.markdown(found)
    if into is not None:
        fill(into, told)
    else:
        typer.echo(told, nl=False)


def _print(heads: Sequence[str], rows: list[list[str]]) -> None:
    from lab.report.terminal import plain_table

    typer.echo(plain_table([dict(zip(heads, row, strict=True)) for row in rows]))
