"""`lab export`: what is written, and where to."""

from collections.abc import Iterator
from pathlib import Path

from lab.errors import UsageError
from lab.export import Export
from lab.store import explained, open_run, write_text

STDOUT = Path("-")


def write(results: Path, run: str, hdr: Path | None, csv: Path | None) -> Iterator[str]:
    """Write what was asked for; yield what belongs on stdout. Raises UsageError."""
    if hdr is None and csv is None:
        raise UsageError(
            "nothing to write. Name a file or a directory: --hdr run.hlog, --csv t.csv."
        )
    export = Export(open_run(results, run))
    if hdr is not None and (hdr.is_dir() or not hdr.suffix) and hdr != STDOUT:
        yield from _each(export, hdr)
    elif hdr is not None:
        yield from _put(hdr, export.hdr())
    if csv is not None:
        yield from _put(csv, export.csv())


def _each(export: Export, folder: Path) -> Iterator[str]:
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, text in export.logs():
        write_text(folder / name, text)
        yield f"{folder / name}\n"


def _put(path: Path, text: str) -> Iterator[str]:
    if path == STDOUT:
        yield text
    else:
        write_text(path, text)
        yield f"{path}\n"
