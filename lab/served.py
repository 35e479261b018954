"""Which of the lab's paths an HTTP server has, and the exchange that shows it speaks. Pure.

Ours have all of `loadtests.engine.paths`. A foreign one may have some only: `/bytes/64`, which is
that one, or a form with its letters, `/bytes/N`, which is every number.
"""

from collections.abc import Sequence

from loadtests.engine import paths
from servers.catalog import PROTOCOLS, Protocol

WITH_PATHS = "http"  # the protocol
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: "
_FORMS = {form.rsplit("/", 1)[0]: form for form in paths.FORMS if form != paths.ECHO}


def problem(path: str) -> str:
    """Say what is wrong with a declared path, and what to write; "": nothing."""
    return "" if path in paths.FORMS else paths.problem(path)


def has(served: Sequence[str], path: str) -> bool:
    """Whether a path is among those declared; none declared: all are."""
    return not served or path in served or _form(path) in served


def _form(path: str) -> str:
    return _FORMS.get(path.rsplit("/", 1)[0], "")


def examples(served: Sequence[str]) -> list[str]:
    """Return paths with numbers: one for each that is declared."""
    return [path if path not in _FORMS.values() else _with_number(path) for path in served]


def _with_number(form: str) -> str:
    return f"{form.rsplit('/', 1)[0]}/{paths.EXAMPLE}"


def first(served: Sequence[str]) -> str:
    """Return the path to ask for where any will do: /echo if it is there, as it takes a body."""
    return paths.ECHO if has(served, paths.ECHO) else examples(served)[0]


def spoken(protocol: str, served: Sequence[str] = ()) -> Protocol:
    """Return the protocol with an exchange that a server with these paths can hold."""
    known = PROTOCOLS[protocol]
    if protocol != WITH_PATHS or has(served, paths.ECHO):
        return known
    path = first(served)
    _, _, body = paths.exchange(path, b"")
    question = b"GET %s HTTP/1.1\r\nHost: lab\r\n\r\n" % path.encode()
    return Protocol(known.connection, question, HEAD + b"%d\r\n\r\n" % len(body) + body)
