"""The files of a run: saved before, after each trial, and after the analysis. Nothing is rewritten.

    results/<run>/run.json       what was asked, on which machine, when (first, and at the end)
    results/<run>/plan.json      the plan, byte-equal for the same seed
    results/<run>/lab.json       lab.yaml as it was understood: the report needs no other file
    results/<run>/trials.jsonl   one record per attempt, fsynced: what stands here is on the disk
    results/<run>/probes.jsonl   one line per probe run
    results/<run>/tables.jsonl   one line per run of a program that measures a table
    results/<run>/mechanism.jsonl   one ledger per traced trial, where any was asked for
    results/<run>/results.json report.html   made from the files above, as often as you like

`keep` makes a copy that is small enough for a repository: trials.jsonl.xz instead, every record
without the marks that its gates no longer ask for. It is read like any other run.

A run that was killed leaves a torn last line at worst; readers drop it and say so.
"""

import contextlib
import gc
import json
import lzma
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field

from lab.errors import EnvironmentUnfit, UsageError
from lab.mechanism import Ledger
from lab.model import Frozen, Plan
from lab.record import Record, as_json
from lab.slim import slim

WHOLE = ("run.json", "plan.json", "lab.json", "probes.jsonl", "tables.jsonl", "mechanism.jsonl")
PACKED = ".xz"
APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class RunFacts(Frozen):
    """run.json. ended_unix is None while the run goes on, or after it was killed."""

    id: str
    profile: str
    seed: int
    order: str
    backend: str
    command: list[str]
    started_unix: float
    ended_unix: float | None
    how: str  # running, finished, interrupted, failed
    host: str
    machine: dict[str, str]
    version: str
    absent: dict[str, str] = Field(default_factory=dict)  # what -> why, see lab.lacks
    notes: list[str] = Field(default_factory=list)  # what a reader of the results must know
    instances: int | None = None  # running servers, see lab.backends.site; None: new for each trial


class ProbeRecord(Frozen):
    """One run of one probe: evidence, and whether subject and control behaved as declared."""

    claim: str
    probe: str
    repeat: int
    outcome: bool | None  # what the sentence says; None: the probe could not tell
    control: bool
    evidence: dict[str, str]
    error: str = ""
    parts: str = ""  # where only one case of the sentence fails: which holds, and which does not


class TableRecord(Frozen):
    """One run of one program of lab/replications: rows of numbers, by column, as measured."""

    claim: str
    program: str
    repeat: int
    table: dict[str, dict[str, float]] = Field(default_factory=dict)
    unit: str = ""
    told: dict[str, str] = Field(default_factory=dict)  # what else a reader must know
    skipped: str = ""  # what is missing here
    error: str = ""


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Map what a file system can refuse to one clear line."""
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise EnvironmentUnfit(
            f"{path}: {why}. Free space or mend the rights there, or choose another place "
            "(--results)."
        ) from error


def _append(fd: int, data: bytes) -> None:
    """Write all of it and force it to the disk, or leave the file as it was. Raises OSError."""
    size = os.fstat(fd).st_size
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(fd, rest) :]
        os.fsync(fd)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(fd, size)
        raise


def _unpacked(path: Path) -> bytes:
    try:
        return lzma.decompress(path.read_bytes())
    except (OSError, lzma.LZMAError, EOFError) as error:
        raise UsageError(
            f"{path} cannot be unpacked ({error}). Take it anew from where it was kept."
        ) from error


def _write(path: Path, text: str) -> None:
    """Write whole or not at all: a new file beside it, fsynced, then renamed over it."""
    with explained(path):
        beside = path.with_name(path.name + ".new")
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)


def write_text(path: Path, text: str) -> None:
    """Write a file that the command line asked for. Raises EnvironmentUnfit."""
    _write(path, text)


class Run:
    """One directory under results/. Create with `create`, open a finished one with `open_run`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def id(self) -> str:
        """The directory's name."""
        return self.directory.name

    def path(self, name: str) -> Path:
        """Return a file of the run."""
        return self.directory / name

    def write(self, name: str, text: str) -> Path:
        """Write a whole file. Raises EnvironmentUnfit."""
        _write(self.path(name), text)
        return self.path(name)

    def write_facts(self, facts: RunFacts) -> None:
        """Write run.json."""
        self.write("run.json", facts.model_dump_json(indent=1) + "\n")

    def append(self, name: str, line: str) -> None:
        """Append one line and force it to the disk. Raises EnvironmentUnfit, the file as it was."""
        path = self.path(name)
        with explained(path):
            fd = os.open(path, APPEND, 0o644)  # unbuffered: close() must not try what has failed
            try:
                _append(fd, line.encode() + b"\n")
            finally:
                os.close(fd)

    def add(self, record: Record) -> None:
        """Store one attempt."""
        self.append("trials.jsonl", as_json(record))

    def add_ledger(self, ledger: Ledger) -> None:
        """Store one traced trial."""
        self.append("mechanism.jsonl", as_json(ledger))

    def facts(self) -> RunFacts:
        """Read run.json."""
        return RunFacts.model_validate_json(self._text("run.json"))

    def plan(self) -> Plan:
        """Read plan.json."""
        return Plan.model_validate_json(self._text("plan.json"))

    def lab_json(self) -> str:
        """Read lab.json."""
        return self._text("lab.json")

    def records(self) -> list[Record]:
        """Read all whole records, in the order in which they were made."""
        with uncollected():
            return [Record.model_validate(line) for line in self._lines("trials.jsonl")]

    def probes(self) -> list[ProbeRecord]:
        """Read all whole probe records."""
        return [ProbeRecord.model_validate(line) for line in self._lines("probes.jsonl")]

    def tables(self) -> list[TableRecord]:
        """Read all whole tables that programs have measured."""
        return [TableRecord.model_validate(line) for line in self._lines("tables.jsonl")]

    def ledgers(self) -> list[Ledger]:
        """Read all whole ledgers of traced trials."""
        return [Ledger.model_validate(line) for line in self._lines("mechanism.jsonl")]

    def _text(self, name: str) -> str:
        try:
            return self.path(name).read_text(encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"{self.directory} is not a run: no readable {name}. "
                "`lab report last` takes the newest; results/ lists them all."
            ) from error

    def _lines(self, name: str) -> Iterator[Any]:
        path, packed = self.path(name), self.path(name + PACKED)
        if path.exists():
            content = path.read_bytes()
        elif packed.exists():
            content = _unpacked(packed)
        else:
            return
        for line in content.split(b"\n"):
            if not line.strip():
                continue
            try:
                yield json.loads(line)
            except ValueError:
                continue  # torn by a kill in the middle of the write; nothing whole is lost


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Make many objects that stay: each collection would look through all of them, for nothing."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def create(results: Path, run_id: str) -> Run:
    """Make the run's directory and point `last` at it. Raises EnvironmentUnfit."""
    directory = results / run_id
    with explained(results):
        number = 1
        while directory.exists():
            number += 1
            directory = results / f"{run_id}-{number}"
        directory.mkdir(parents=True)
        link = results / "last.new"
        link.unlink(missing_ok=True)
        link.symlink_to(directory.name)
        link.replace(results / "last")
    return Run(directory)


def keep(run: Run, directory: Path) -> Run:
    """Copy a run into a directory, its records thinned and packed.

    A copy that stands there is replaced. Raises UsageError where anything else does,
    EnvironmentUnfit where the disk refuses.
    """
    packed = directory / f"trials.jsonl{PACKED}"
    if directory.exists() and any(directory.iterdir()) and not packed.exists():
        raise UsageError(f"{directory} holds something else than a kept run. Name another place.")
    records = "".join(as_json(slim(record)) + "\n" for record in run.records())
    kept = Run(directory)
    with explained(directory):
        directory.mkdir(parents=True, exist_ok=True)
        for name in WHOLE:
            if run.path(name).exists():
                kept.write(name, run.path(name).read_text(encoding="utf-8"))
            else:
                kept.path(name).unlink(missing_ok=True)
        packed.write_bytes(lzma.compress(records.encode(), preset=9))
    return kept


def open_run(results: Path, name: str) -> Run:
    """Open a run by id, path, or `last`. Raises UsageError."""
    for directory in (Path(name), results / name):
        if (directory / "run.json").exists():
            return Run(directory.resolve())
    known = sorted(p.parent.name for p in results.glob("*/run.json") if not p.parent.is_symlink())
    there = f"There are: {', '.join(known[-5:])}." if known else f"There is none in {results}."
    raise UsageError(f"no run {name!r}. {there}")
