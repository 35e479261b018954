"""Pydantic's errors in plain words: what is wrong at a place, and what to write instead."""

import difflib
import re
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lab.claims import KINDS
from lab.document import Document, Where, plain, quote
from lab.shape import Shape

S = TypeVar("S", bound=Shape)

_WRITE = {  # what to write for a missing key
    "arm": "arm: select",
    "arms": "arms: [select, epoll]",
    "at-least": "at-least: 1.10",
    "about": "about: 1.10",
    "below": "below: 1.10",
    "at-most": "at-most: 0.10",
    "because": "because: and one line on why this much, or this long, matters",
    "connections": "connections: 4",
    "cool-down": "cool-down: 0.05 s",
    "every": "every: 100 ms",
    "experiment": "experiment: and the name of one",
    "for": "for: 500 ms",
    "from": "from: 200/s",
    "growth": "growth: linear or constant",
    "load": "load: {long: {connections: 4, rate: 1000/s}}",
    "looks": "looks: [12]",
    "metric": "metric: cpu",
    "over": "over: and the factor that grows",
    "protocol": "protocol: echo",
    "piece": "piece: 8 B",
    "probe": "probe: and the name of one",
    "profiles": "profiles: and their names",
    "question": "question: and the sentence that the experiment answers",
    "rate": "rate: 200/s",
    "ratio": "ratio: select / epoll",
    "sentence": "sentence: and the words that can be false",
    "server": "server: epoll",
    "slope": "slope: epoll / select",
    "source": "source: and where that is published",
    "threshold": "threshold: 1.0",
    "to": "to: 2000/s",
    "claims": "claims: and one entry at least",
    "experiments": "experiments: and one entry at least",
    "verdict": "verdict: supported, refuted or conditional",
    "version": "version: 1",
    "warm-up": "warm-up: 0.25 s",
    "window": "window: 0.5 s",
}
_PLAIN = {
    "model_type": "is not a mapping. Write keys and values.",
    "dict_type": "is not a mapping. Write keys and values.",
    "int_type": "is not a whole number. Write one such as 12, without quotes.",
    "float_type": "is not a number. Write one such as 1.10, without quotes.",
}
_BOUNDS = {
    "greater_than": ("gt", "must be more than"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be less than"),
    "less_than_equal": ("le", "must be at most"),
}


def near(name: str, known: Iterable[str]) -> str:
    """Return what to write instead of an unknown name."""
    names = list(known)
    close = guess(name, names)
    if close:
        return f"Did you mean {close}?"
    if not names:
        return "There are none."
    return f"Write {'one of ' if len(names) > 1 else ''}{', '.join(names)}."


def guess(name: object, known: Iterable[str]) -> str:
    """Return the known name that comes close; "" if none does."""
    return next(iter(difflib.get_close_matches(str(name), list(known), n=1)), "")


def shaped(document: Document, where: Where, shape: type[S], data: dict[str, Any]) -> S | None:
    """Validate a part of the file. None: its mistakes are noted in the document."""
    try:
        return shape.model_validate(data, by_alias=True, by_name=False)
    except ValidationError as errors:
        found = errors.errors()
        meant = {
            (*error["loc"][:-1], guess(error["loc"][-1], _keys(shape, error["loc"][:-1])))
            for error in found
            if error["type"] == "extra_forbidden"
        }
        for error in found:
            if error["loc"] not in meant:  # a misspelt key is not missing as well
                _note(document, where, shape, error)
        return None


def _note(document: Document, where: Where, shape: type[Shape], error: ErrorDetails) -> None:
    place = (*where, *(step for step in error["loc"] if step != "[key]"))
    name = str(error["loc"][-1]) if error["loc"] else ""
    if error["type"] == "missing":
        text = f"{quote(name)} is missing. Write {_WRITE.get(name, name + ': ...')}."
        document.complain(place[:-1], text, at_key=True)
    elif error["type"] == "extra_forbidden":
        known = _keys(shape, error["loc"][:-1])
        kinds = [kind for kind, of in KINDS.items() if name in _keys(of, ())]
        text = near(name, known)
        if shape in KINDS.values() and kinds and len(error["loc"]) == 1:
            text = f"It belongs to kind: {' or '.join(kinds)}."
        document.complain(place, f"unknown key {quote(name)}. {text}", at_key=True)
    else:
        document.complain(place, _words(document, place, error), at_key=error["input"] is None)


def _words(document: Document, place: Where, error: ErrorDetails) -> str:
    """Rewrite one of pydantic's errors; the first line is for kinds that need no more."""
    kind, given, context = error["type"], error["input"], error.get("ctx", {})
    text = f"{quote(given)} {_PLAIN.get(kind, error['msg'])}"
    if kind == "value_error":
        text = str(context["error"])
    elif given is None:
        text = "has no value. Write one."
    elif kind == "literal_error":
        known = re.findall(r"'([^']*)'", str(context["expected"])) or [str(context["expected"])]
        text = f"{quote(given)} is not known here. {near(str(given), known)}"
    elif kind == "list_type":
        text = f"{quote(given)} is not a list. Write [{plain(str(given))[:20]}]."
    elif kind in {"too_short", "string_too_short"}:
        text = "is empty. Write something."
    elif kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        text = f"{quote(given)} {words} {context[name]:g}."
    elif kind == "string_type":
        written = document.texts.get(place, "")
        mend = f"Write it in quotes: {quote(written)}." if written else "Write text."
        text = f"{written or quote(given)} is not text. {mend}"
    return text


def _keys(shape: type[Shape], steps: Iterable[int | str]) -> list[str]:
    """Return the keys of the shape that lies at these steps below another."""
    for step in steps:
        inner = [_shape_in(f.annotation) for f in shape.model_fields.values() if f.alias == step]
        shape = next((found for found in inner if found), shape)
    return [str(field.alias) for field in shape.model_fields.values() if field.alias != "id"]


def _shape_in(annotation: Any) -> type[Shape] | None:
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return annotation
    inner = (_shape_in(part) for part in getattr(annotation, "__args__", ()))
    return next((found for found in inner if found), None)
