"""What the command line asked of a run, and whether it agrees with itself. Pure."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lab.errors import UsageError
from lab.units import SPAN, parse


@dataclass(frozen=True)
class Wishes:
    """What the command line asked for."""

    lab_file: Path
    select: tuple[str, ...]
    profile: str
    seed: int | None  # None: the one that lab.yaml names
    order: Literal["hashed", "reversed"]
    results: Path
    workers: int = 1
    web_port: int = 0
    verify: bool = False  # examine each server before the first trial
    mechanism: bool = False  # trace all cells, not only those of experiments that ask for it
    backend: Literal["process", "docker", "attach"] = "process"
    locust: str = "process"  # docker: beside such servers only; a URL: with --backend attach
    servers: tuple[str, ...] = ()  # attached ones, see lab.backends.attached_servers
    token: str = field(default="", repr=False)  # of the master at that URL
    strict: bool = False  # Holm instead of Benjamini-Hochberg
    budget_s: float | None = None  # decide what can be decided in this time, and no more
    until_decided: bool = False  # beyond the last look, see lab.until
    most_blocks: int = 0  # with until_decided; 0: twice those of the last look
    twins: bool = False  # A/A: every arm is the first arm's server
    asked: bytes = b""  # of `lab search`: what lab.yaml would include, see lab.search.command


def span(text: str) -> float | None:
    """Read a time such as 20m, in seconds; "": none. Raises UsageError."""
    if not text:
        return None
    try:
        return parse(text, SPAN)
    except ValueError as error:
        raise UsageError(f"--budget {error}") from error


def agree(wishes: Wishes) -> None:
    """Refuse options that contradict each other. Raises UsageError."""
    attach, there = wishes.backend == "attach", wishes.locust not in ("process", "docker")
    if there and "://" not in wishes.locust:
        raise UsageError(f"--locust {wishes.locust}: write process, docker, or a master's URL.")
    problems = {
        "Locust in containers reaches servers in containers only. Write --backend docker too.": (
            wishes.locust == "docker" and wishes.backend != "docker"
        ),
        "A Locust that somebody else runs goes with --backend attach. Write that too.": (
            there and not attach
        ),
        "--server names what somebody else runs. Write --backend attach too.": (
            bool(wishes.servers) and not attach
        ),
        "--backend attach needs a Locust master: --locust http://HOST:PORT": attach and not there,
        "--backend attach needs servers: --server epoll=HOST:PORT": attach and not wishes.servers,
        "--most-blocks bounds --until-decided. Write that too.": (
            wishes.most_blocks > 0 and not wishes.until_decided
        ),
        "--verify starts servers, and --backend attach has none to start. Leave one of them out.": (
            attach and wishes.verify
        ),
    }
    if found := [words for words, wrong in problems.items() if wrong]:
        raise UsageError("\n".join(found))


def shown(words: list[str]) -> list[str]:
    """Return the command without what nobody is to read in a report."""
    hidden = [w if not w.startswith("--token=") else "--token=…" for w in words]
    pairs = zip(["", *hidden], hidden, strict=False)
    return ["…" if before == "--token" else word for before, word in pairs]
