"""The words of the command line: what may be chosen, and each option that several commands share.

Types and help texts only; what a command makes of them is in lab.cli. An option that one command
has stands there.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Order(StrEnum):
    """Of the trials inside each block."""

    hashed = "hashed"
    reversed = "reversed"


class Backend(StrEnum):
    """Where the servers run; attach: somebody else runs them."""

    process = "process"
    docker = "docker"
    attach = "attach"


class FailOn(StrEnum):
    """What makes exit code 4."""

    inconclusive = "inconclusive"
    void = "void"


class Listed(StrEnum):
    """What `lab list` lists."""

    servers = "servers"
    protocols = "protocols"
    experiments = "experiments"
    claims = "claims"
    searches = "searches"
    gates = "gates"


Select = Annotated[
    list[str] | None, typer.Argument(help="Experiment or claim ids, or globs. None: all.")
]
LabFile = Annotated[Path, typer.Option("--lab", help="The experiments and claims.")]
ResultsDir = Annotated[Path, typer.Option("--results", help="Where runs are kept.")]
Profile = Annotated[str, typer.Option(help="How long and how often: smoke, quick, full.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Draws order, ports, arrivals.")]
InOrder = Annotated[Order, typer.Option("--order", help="Of the trials inside each block.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the results there, too.")]
JunitFile = Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML there.")]
Workers = Annotated[int, typer.Option(min=1, max=64, help="Locust workers.")]
Strict = Annotated[bool, typer.Option(help="Holm instead of Benjamini-Hochberg.")]
Budget = Annotated[
    str, typer.Option(metavar="TIME", help="Decide what can be decided in this time: 20m.")
]
UntilDecided = Annotated[
    bool, typer.Option("--until-decided", help="Go on beyond the last look; see --most-blocks.")
]
MostBlocks = Annotated[
    int, typer.Option(min=0, max=1000, help="Of --until-decided. 0: twice those of the last look.")
]
Twins = Annotated[bool, typer.Option("--aa", help="A/A: every arm is the first arm's server.")]
Mechanism = Annotated[bool, typer.Option("--mechanism", help="Trace all cells, too; not timed.")]
LAB_YAML = Path("lab.yaml")
RESULTS = Path("results")
