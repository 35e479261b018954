"""What the lab's HTTP servers do, by path: what is asked, and what the reply must say. Pure.

path          request              body of the reply
/echo         POST, the payload    the payload in upper case
/bytes/N      GET                  N times x
/cpu/US       GET                  done, after US microseconds of computing
/block/MS     GET                  done, after MS milliseconds of waiting, on the server's thread
/offload/MS   GET                  done, after MS milliseconds of waiting elsewhere

`lab.schema` reads this too: the lab knows a path exactly when the engine does. The servers' side is
`servers.protocols.http_paths`; a test compares the two.
"""

import difflib
import re

ECHO = "/echo"
NUMBERED = {  # name → what its number counts, and the largest one
    "bytes": ("N", 16 << 20),
    "cpu": ("US", 10_000_000),
    "block": ("MS", 10_000),
    "offload": ("MS", 10_000),
}
FORMS = (ECHO, *(f"/{name}/{counted}" for name, (counted, _) in NUMBERED.items()))
EXAMPLE = 5  # a number to suggest
_PATH = re.compile(r"/([a-z]+)/(0|[1-9][0-9]{0,8})")


def takes_payload(path: str) -> bool:
    return path == ECHO


def problem(path: str) -> str:
    """Say what is wrong with a path, and what to write; "": nothing."""
    if path == ECHO:
        return ""
    match = _PATH.fullmatch(path)
    if match is None or match[1] not in NUMBERED:
        return f"is not a path of the lab's servers. {_instead(path)}"
    _, most = NUMBERED[match[1]]
    if int(match[2]) > most:
        return f"is more than the servers do. Write /{match[1]}/{most} at most."
    return ""


def _instead(path: str) -> str:
    """Mend the name, and keep the number if there is one."""
    name, _, number = path.removeprefix("/").partition("/")
    close = next(iter(difflib.get_close_matches(name.lower(), ["echo", *NUMBERED], n=1)), "")
    if close == "echo":
        return f"Did you mean {ECHO}?"
    if not close:
        return f"Write one of {', '.join(FORMS)}."
    meant = f"/{close}/{number}"
    return f"Did you mean {meant if _PATH.fullmatch(meant) else f'/{close}/{EXAMPLE}'}?"


def exchange(path: str, payload: bytes) -> tuple[str, bytes, bytes]:
    """Method, body of the request, body of the reply. The path has no `problem`."""
    if path == ECHO:
        return "POST", payload, payload.upper()
    _, name, number = path.split("/")
    return "GET", b"", b"x" * int(number) if name == "bytes" else b"done"
