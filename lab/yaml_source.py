"""YAML with positions: text becomes plain data, and every key and value knows where it stands.

A strict part of YAML: mappings with text keys, lists, text, plain decimal numbers, true and false.
No anchors, aliases or tags; no key twice. Nothing here raises on bad text: what is wrong is
collected in the document, so that all of it can be told at once.
"""

import re
from typing import Any

import yaml

from lab.document import Document, Mark, Problem, Where, dotted, plain, quote

_DEEPEST = 32  # levels; lab.yaml needs 7, and the composer recurses
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,14})")  # below 2**53: exact in every JSON reader
_DECIMAL = re.compile(r"[-+]?[0-9]{1,15}\.[0-9]{0,15}")
_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = {_TAG + name for name in ("str", "timestamp", "value", "merge")}


def read(raw: bytes, file: str, order: int = 0) -> Document:
    """Read one file's bytes. What cannot be read is among the document's problems; never raises."""
    start = Mark(order, 1, 1, file)
    document = Document(values={(): start})
    try:
        text = raw.decode("utf-8-sig")
        node = yaml.compose(text, Loader=_Composer)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        _refuse(document, Mark(order, line, column, file), "this is not UTF-8. Save it as UTF-8.")
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        mark = Mark(order, at.line + 1, at.column + 1, file) if at else start
        _refuse(document, mark, _words(error))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        code = f"U+{ord(text[error.position]):04X}"
        _refuse(document, Mark(order, line, column, file), f"{code} is not a character of text.")
    else:
        if node is None:
            _refuse(document, start, "the file is empty. Start with version: 1.")
        else:
            document.values[()] = _mark(node, start)
            document.data = _value(document, (), node, start)
    return document


def _refuse(document: Document, mark: Mark, text: str) -> None:
    document.problems.append(Problem(mark, text))


def _words(error: yaml.MarkedYAMLError) -> str:
    problem = str(error.problem or error.context or "cannot be read")
    if "'\\t'" in problem:
        return "a tab cannot stand here. Write spaces."
    if isinstance(error, _RefusedError):
        return problem
    if "single document" in str(error.context):
        return "a second document starts here. Keep one, without ---."
    return f"not valid YAML: {plain(problem)}. Look at quotes, colons and indentation here."


class _RefusedError(yaml.MarkedYAMLError):
    """Valid YAML that the lab does not want."""


class _Composer(yaml.SafeLoader):
    """Composes nodes; refuses what would share or nest them without end."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None) is not None:
            problem = "anchors and aliases (& and *) are not used here. Write the value out."
            raise _RefusedError(problem=problem, problem_mark=event.start_mark)
        if self.depth >= _DEEPEST:
            problem = "nested too deeply. lab.yaml needs seven levels."
            raise _RefusedError(problem=problem, problem_mark=event.start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _mark(node: yaml.Node, start: Mark) -> Mark:
    at = node.start_mark
    return start._replace(line=at.line + 1, column=at.column + 1)


def _value(document: Document, where: Where, node: yaml.Node, start: Mark) -> Any:
    document.values[where] = _mark(node, start)
    if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
        return _mapping(document, where, node, start)
    if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
        items = enumerate(node.value)
        return [_value(document, (*where, index), item, start) for index, item in items]
    if isinstance(node, yaml.ScalarNode):
        document.texts[where] = node.value
        try:
            return _scalar(node)
        except ValueError as error:
            return _unread(document, where, str(error))
    return _unread(document, where, f"the tag {quote(node.tag)} is not used here. Leave it out.")


def _unread(document: Document, where: Where, text: str) -> None:
    document.complain(where, text)
    document.unread.add(where)


def _mapping(document: Document, where: Where, node: yaml.MappingNode, start: Mark) -> Any:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        mark = _mark(key_node, start)
        try:
            key = _key(key_node)
        except ValueError as error:
            _refuse(document, mark, f"{dotted(where)}: {error}".removeprefix(": "))
            continue
        inside = (*where, key)
        if key in found:
            first = document.keys[inside].line
            twice = f"{quote(key)} stands here twice, first in line {first}. Remove one."
            _refuse(document, mark, f"{dotted(where)}: {twice}".removeprefix(": "))
            continue
        document.keys[inside] = mark
        found[key] = _value(document, inside, value_node, start)
    return found


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise ValueError("a key must be a plain word.")  # noqa: TRY004 - it is the user's value
    return _text(node.value)


def _text(value: str) -> str:
    """Refuse halves of surrogate pairs: they cannot be written to any file."""
    if any("\ud800" <= c <= "\udfff" for c in value):
        raise ValueError(f"{quote(value)} is not valid text.")
    return value


def _scalar(node: yaml.ScalarNode) -> Any:
    text, tag = _text(node.value), node.tag
    if tag in _TEXT_TAGS:
        return text
    if tag == _TAG + "null":
        return None
    if tag == _TAG + "bool":  # YAML 1.1 would also take yes, no, on and off for truth
        return text.lower() == "true" if text.lower() in {"true", "false"} else text
    if tag == _TAG + "int" and _INTEGER.fullmatch(text):
        return int(text)
    if tag == _TAG + "float" and _DECIMAL.fullmatch(text):
        return float(text)
    if tag in {_TAG + "int", _TAG + "float"}:
        raise ValueError(f"{quote(text)} is not a plain decimal number. Write digits, or quotes.")
    raise ValueError(f"the tag {quote(tag)} is not used here. Leave it out.")
