"""A read file: plain data, the place of every key and value, and the mistakes found so far."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

Where = tuple[str | int, ...]

_LONGEST = 60  # characters of a user's text quoted in a message


class Mark(NamedTuple):
    """A place in a file. order: of the files as they were read; line and column count from 1."""

    order: int
    line: int
    column: int
    file: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Problem(NamedTuple):
    mark: Mark
    text: str

    def __str__(self) -> str:
        return f"{self.mark}: {self.text}"


def quote(value: object) -> str:
    """Show a user's value inside a message: one line, no control characters, not too long."""
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "a mapping"
    if value is None or isinstance(value, bool):
        return "nothing" if value is None else str(value).lower()
    text = str(value)
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 1] + "…"
    return f'"{plain(text)}"'


def plain(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def dotted(where: Where) -> str:
    """Write a path the way people do: experiments.idle.arms[1]."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{plain(part)}" for part in where)
    return "".join(parts).removeprefix(".")


@dataclass
class Document:
    """One or more merged files: plain data, and for each path the place of its key and its value.

    texts: scalars as they were written (8.10 is not 8.1).
    unread: values that could not be read; nothing more is said about those and what holds them.
    """

    data: Any = None
    keys: dict[Where, Mark] = field(default_factory=dict)
    values: dict[Where, Mark] = field(default_factory=dict)
    texts: dict[Where, str] = field(default_factory=dict)
    unread: set[Where] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def known(self, where: Where) -> Where:
        """Return the nearest path that stands in the file: steps that do not are left out."""
        found: Where = ()
        for step in where:
            if (*found, step) in self.values:
                found = (*found, step)
        return found

    def complain(self, where: Where, text: str, *, at_key: bool = False) -> None:
        """Note a mistake at a value, or at the key that holds it."""
        found = self.known(where)
        inside = any(found[: len(unread)] == unread for unread in self.unread)
        around = any(found and found == unread[:-1] for unread in self.unread)
        if inside or around:
            return
        mark = self.values[found]
        if at_key:
            mark = self.keys.get(found, mark)
        path = dotted(found)
        self.problems.append(Problem(mark, f"{path}: {text}" if path else text))

    def lines(self) -> list[str]:
        """Every mistake once, in order of position."""
        return [plain(str(problem)) for problem in sorted(set(self.problems))]
