"""`include:` in lab.yaml: what stands in other files, merged with its positions."""

import glob
from pathlib import Path

from lab.document import Document, quote
from lab.mistakes import near
from lab.yaml_source import read

_INCLUDED = ("experiments", "claims", "searches")  # what an included file may hold


COMMAND_LINE = "command line"


def include(document: Document, folder: Path | None, more: bytes = b"") -> None:
    """Merge the included files: their experiments, claims and searches, each id once.

    more: one file more, which the command line wrote.
    """
    patterns, order = document.data.get("include"), 0
    for index, pattern in enumerate(patterns if isinstance(patterns, list) else []):
        files = _matches(folder, pattern) if folder and isinstance(pattern, str) else []
        if not files and isinstance(pattern, str):
            text = f"{quote(pattern)} matches no file beside {Path(document.values[()].file).name}."
            document.complain(
                ("include", index), f"{text} Write experiments/*.yaml, or leave it out."
            )
        for file in files:
            order += 1
            _merge(document, file, order)
    if more:
        _add(document, read(more, COMMAND_LINE, order + 1))


def _matches(folder: Path, pattern: str) -> list[Path]:
    try:
        found = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207 - Path.glob refuses ".."
    except (OSError, ValueError):  # a null character, a name too long
        return []
    return [folder / name for name in sorted(found) if (folder / name).is_file()]


def _merge(document: Document, file: Path, order: int) -> None:
    try:
        part = read(file.read_bytes(), str(file), order)
    except OSError as error:
        document.complain(("include",), f"{file} cannot be read: {error.strerror}.")
        return
    _add(document, part)


def _add(document: Document, part: Document) -> None:
    if not isinstance(part.data, dict):
        if not part.problems:
            part.complain((), "this is not a mapping. Start with experiments: or claims:.")
        document.problems += part.problems
        return
    for section, items in part.data.items():
        if section not in _INCLUDED:
            text = f"{quote(section)} cannot stand in an included file. {near(section, _INCLUDED)}"
            part.complain((section,), text, at_key=True)
        elif not isinstance(items, dict):
            part.complain((section,), f"{quote(items)} is not a mapping. Write names and contents.")
        else:
            _merge_section(document, part, section)
    document.problems += part.problems


def _merge_section(document: Document, part: Document, section: str) -> None:
    target = document.data.setdefault(section, {})
    if not isinstance(target, dict):
        return  # noted when lab.yaml itself is checked
    document.values.setdefault((section,), part.values[section,])
    for name, item in part.data[section].items():
        if name in target:
            first = document.keys[section, name]
            text = f"stands here again, first in {first}. Rename or remove one."
            part.complain((section, name), text, at_key=True)
            continue
        target[name] = item
        for into, of in ((document.keys, part.keys), (document.values, part.values)):
            into.update({where: m for where, m in of.items() if where[:2] == (section, name)})
        document.unread |= {where for where in part.unread if where[:2] == (section, name)}
        texts = part.texts.items()
        document.texts.update({w: text for w, text in texts if w[:2] == (section, name)})
