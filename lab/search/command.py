"""`lab search`: a search from the command line alone, with no line of lab.yaml written for it.

What is asked for becomes an experiment and a search, as if it stood in lab.yaml; from there on it
is run, stored and reported like one that does, and mistakes in it are told in the same words.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from lab.errors import UsageError
from lab.exits import explained
from lab.options import LAB_YAML, RESULTS, Backend, JsonFile, LabFile, Profile, ResultsDir, Seed

SEARCH, LOAD = "search", "search-load"  # the names of the two, in results
OVER = ("idle", "connections", "payload", "requests", "rate")
FROM, TO = "200/s", "50000/s"  # of a capacity: a window of 6 s at one end, no Python at the other

app = typer.Typer(
    help="Find a level by asking: the highest rate a server bears, or where B overtakes A.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
Servers = Annotated[list[str], typer.Argument(metavar="SERVER...", help="Their names.")]
Protocol = Annotated[str, typer.Option(help="echo, http or websocket.")]
Connections = Annotated[int, typer.Option(min=1, help="Open at the same time, at most.")]
Class = Annotated[str, typer.Option("--class", help="long or short: one request each.")]
Payload = Annotated[str, typer.Option(help="Of a request: 64 B, 4 KiB.")]
Tolerance = Annotated[str, typer.Option(help="How wide the interval may be: 5 %.")]
Budget = Annotated[str, typer.Option(metavar="TIME", help="Of the whole search: 90s, 2m.")]
From = Annotated[str, typer.Option("--from", help="Lowest level: 200/s, 64 B, 10.")]
To = Annotated[str, typer.Option("--to", help="Highest level.")]
Bound = Annotated[str, typer.Option("--p99", help="Of the response time, from intended start.")]


@app.command()
@explained
def capacity(
    servers: Servers,
    *,
    protocol: Protocol = "echo",
    connections: Connections = 200,
    of: Class = "long",
    p99: Bound = "5 ms",
    payload: Payload = "64 B",
    low: From = FROM,
    high: To = TO,
    tolerance: Tolerance = "5 %",
    budget: Budget = "2m",
    profile: Profile = "quick",
    seed: Seed = None,
    backend: Annotated[Backend, typer.Option(help="Where the servers run.")] = Backend.process,
    lab_file: LabFile = LAB_YAML,
    results: ResultsDir = RESULTS,
    json_file: JsonFile = None,
) -> None:
    """Find the highest arrival rate at which all is answered and p99 stays below a bound."""
    if of not in ("long", "short"):
        raise UsageError(f"--class {of}: write long or short.")
    asking = {"connections": connections, "rate": "$rate", "payload": payload, "spacing": "poisson"}
    search = {
        "kind": "capacity",
        "question": f"What rate does each bear, of {of} connections?",
        "over": "rate",
        "p99": p99,
        "from": low,
        "to": high,
    }
    load = {of: asking}
    made = _asked(search, _experiment(servers, protocol, load, "rate"), tolerance, budget, profile)
    _run(made, lab_file, profile, seed, results, backend, json_file)


@app.command()
@explained
def crossover(
    a: Annotated[str, typer.Argument(help="The one that is ahead at first.")],
    b: Annotated[str, typer.Argument(help="The one that may overtake it.")],
    *,
    over: Annotated[str, typer.Option(help=f"{', '.join(OVER)}, or a factor of --experiment.")],
    low: From = "",
    high: To = "",
    metric: Annotated[str, typer.Option(help="cpu, p50 or p99.")] = "cpu",
    experiment: Annotated[str, typer.Option(help="Of lab.yaml: its load and arms.")] = "",
    load: Annotated[
        str, typer.Option(help="As in lab.yaml: {long: {connections: 4, rate: 1000/s}}.")
    ] = "",
    protocol: Protocol = "echo",
    connections: Connections = 4,
    rate: Annotated[str, typer.Option(help="Requests per second.")] = "1000/s",
    payload: Payload = "64 B",
    tolerance: Tolerance = "25 %",
    budget: Budget = "2m",
    profile: Profile = "quick",
    seed: Seed = None,
    backend: Annotated[Backend, typer.Option(help="Where the servers run.")] = Backend.process,
    lab_file: LabFile = LAB_YAML,
    results: ResultsDir = RESULTS,
    json_file: JsonFile = None,
) -> None:
    """Find the level from which B needs less than A."""
    search: dict[str, Any] = {
        "kind": "crossover",
        "question": f"From which {over} on does {b} beat {a}?",
        "over": over,
        "ratio": f"{a} / {b}",
        "metric": metric,
    }
    search |= {key: text for key, text in (("from", low), ("to", high)) if text}
    template: dict[str, Any] | None = None
    if experiment:
        search["experiment"] = experiment
    else:
        if not low or not high:
            raise UsageError("a range is missing. Write --from and --to, or --experiment.")
        mix = _written(load) if load else _mix(over, connections, rate, payload)
        template = _experiment([a, b], protocol, mix, over)
    made = _asked(search, template, tolerance, budget, profile)
    _run(made, lab_file, profile, seed, results, backend, json_file)


def _mix(over: str, connections: int, rate: str, payload: str) -> dict[str, Any]:
    """Make a load in which one thing moves."""
    if over not in OVER:
        more = "another factor needs --experiment or --load"
        raise UsageError(f"--over {over}: write {', '.join(OVER[:-1])} or {OVER[-1]}; {more}.")
    asking: dict[str, Any] = {"connections": connections, "rate": rate, "payload": payload}
    if over == "idle":
        return {"long": asking, "idle": {"connections": "$idle"}}
    return {"long": asking | {over: f"${over}"}}


def _written(load: str) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(load)
    except yaml.YAMLError:
        found = None
    if not isinstance(found, dict):
        raise UsageError("--load is no load. Write '{long: {connections: 4, rate: 1000/s}}'.")
    return found


def _experiment(
    servers: list[str], protocol: str, load: dict[str, Any], over: str
) -> dict[str, Any]:
    return {
        "question": "What the command line asks.",
        "arms": list(servers),
        "protocol": protocol,
        "load": load,
        "factors": {over: [1]},  # the search has the range
    }


def _asked(
    search: dict[str, Any],
    experiment: dict[str, Any] | None,
    tolerance: str,
    budget: str,
    profile: str,
) -> bytes:
    """Write the two as a file that lab.yaml includes."""
    from lab.wishes import span

    seconds = span(budget)
    more = {"tolerance": tolerance, "budget": f"{seconds:g} s", "profiles": [profile]}
    file: dict[str, Any] = {"searches": {SEARCH: {"experiment": LOAD} | search | more}}
    if experiment is not None:
        file["experiments"] = {LOAD: experiment}
    return json.dumps(file, ensure_ascii=False).encode()


def _run(
    asked: bytes,
    lab_file: Path,
    profile: str,
    seed: int | None,
    results: Path,
    backend: Backend,
    json_file: Path | None,
) -> None:
    if backend.value == "attach":  # not "is": mypy would narrow what follows to plain text
        more = "lab run ID --backend attach --locust URL --server NAME=HOST"
        raise UsageError(
            f"attached servers need more words: write the search in lab.yaml, then {more}"
        )
    from lab.report.terminal import Progress
    from lab.run import run as run_lab
    from lab.showing import show
    from lab.wishes import Wishes

    wishes = Wishes(
        lab_file,
        (SEARCH,),
        profile,
        seed,
        "hashed",
        results,
        backend=backend.value,
        asked=asked,
    )
    with Progress() as progress:
        finished = run_lab(wishes, progress)
    show(finished.results, finished.run, json_file, None)
    if finished.exit_code:
        raise typer.Exit(finished.exit_code)
