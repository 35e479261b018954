"""What must be right in `servers:` of lab.yaml beyond its shape: every mistake, in its place."""

import re
from collections.abc import Iterable, Mapping

from lab import http_cases, websocket_cases
from lab.conformance import CHECKS
from lab.document import Document, Where, quote
from lab.mistakes import near
from lab.own_servers import PLACES, OwnServer
from lab.schema import Experiment
from lab.served import WITH_PATHS, problem
from servers.catalog import ELSEWHERE, PROTOCOLS, SERVERS

TABLES: Mapping[str, Mapping[str, object]] = {
    "http-table": http_cases.CASES,
    "websocket-table": websocket_cases.CASES,
}
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
RESERVED = "LAB_"  # how the lab's own variables begin
IMAGE = re.compile(r"[a-z0-9][a-zA-Z0-9._/:@-]{0,254}")
FOLDER = re.compile(r"(/[A-Za-z0-9_][A-Za-z0-9._-]*)+")
KERNEL = ("/dev", "/proc", "/sys")  # none of an image's business
OF_IMAGES, OF_COMMANDS = ("port", "tmpfs"), ("workdir",)


def check_own_server(document: Document, name: str, one: OwnServer) -> bool:
    """Note all mistakes of one declaration that has its shape. Returns whether there are none."""
    where: Where = ("servers", name)
    before = len(document.problems)
    if name in SERVERS or name in ELSEWHERE:
        text = f"{name} is a name of the lab's own catalog. Write another one: my-{name}."
        document.complain(where, text, at_key=True)
    if one.protocol not in PROTOCOLS:
        text = f"{quote(one.protocol)} is not a protocol. {near(one.protocol, PROTOCOLS)}"
        document.complain((*where, "protocol"), text)
    _kind(document, where, one)
    _places(document, where, one)
    _variables(document, where, one)
    _folders(document, where, one)
    _paths(document, where, one)
    _cannot(document, where, one)
    return len(document.problems) == before


def check_own_arms(
    document: Document, experiment: Experiment, own: Mapping[str, OwnServer]
) -> None:
    """Note what an arm asks of a server of lab.yaml that it cannot be told."""
    for name, arm in experiment.arms.items():
        one, where = own.get(arm.server), ("experiments", experiment.id, "arms", name)
        if one is None:
            continue
        if arm.workers > 1 and "workers" not in one.places():
            text = f'{arm.server} is not told. Write "{{workers}}" in its command, or 1.'
            document.complain((*where, "workers"), text)
        if arm.network is not None:
            text = f"{arm.server} is none of the catalog: it is where the backend puts it."
            document.complain((*where, "network"), f"{text} Leave it out.", at_key=True)


def _kind(document: Document, where: Where, one: OwnServer) -> None:
    if not one.image and not one.command:
        text = 'has neither command nor image. Write command: [./server, "{port}"], or image: ...'
        document.complain(where, text, at_key=True)
        return
    if one.image and not IMAGE.fullmatch(one.image):
        text = f"{quote(one.image)} is not the name of an image. Write name:tag."
        document.complain((*where, "image"), text)
    kind, foreign = ("an image", OF_COMMANDS) if one.image else ("a command", OF_IMAGES)
    for key in foreign:
        if key in document.data["servers"][where[-1]]:
            mend = 'Write "{port}" in the command.' if key == "port" else "Leave it out."
            document.complain((*where, key), f"{kind} takes no {key}. {mend}", at_key=True)


def _places(document: Document, where: Where, one: OwnServer) -> None:
    texts: list[tuple[Where, str]] = [
        ((*where, "command", index), word) for index, word in enumerate(one.command)
    ]
    texts += [((*where, "environment", name), text) for name, text in one.environment.items()]
    for place, text in texts:
        for found in re.findall(r"\{([a-z]+)\}", text):
            if found not in PLACES:
                choice = ", ".join(f"{{{name}}}" for name in PLACES)
                wrong = f"{{{found}}} stands for nothing. Write one of {choice}."
                document.complain(place, wrong)
    if one.port is None and "port" not in one.places() and (one.image or one.command):
        if one.image:
            text = 'says no port. Write port: 8080, or "{port}" in its command or environment.'
        else:
            text = 'says no port: each trial has another one. Write "{port}" in the command.'
        document.complain(where, text, at_key=True)


def _variables(document: Document, where: Where, one: OwnServer) -> None:
    for name in one.environment:
        place = (*where, "environment", name)
        if not VARIABLE.fullmatch(name):
            text = f"{quote(name)} cannot be a variable. Write letters, digits and _."
            document.complain(place, text, at_key=True)
        elif name.startswith(RESERVED):
            text = f"{name} is the lab's own: no name may start with {RESERVED}. Rename it."
            document.complain(place, text, at_key=True)


def _folders(document: Document, where: Where, one: OwnServer) -> None:
    for index, folder in enumerate(one.tmpfs):
        kernels = any(folder == top or folder.startswith(f"{top}/") for top in KERNEL)
        if not FOLDER.fullmatch(folder) or kernels:
            text = f"{quote(folder)} cannot be a folder of its own. Write one such as /run."
            document.complain((*where, "tmpfs", index), text)


def _paths(document: Document, where: Where, one: OwnServer) -> None:
    if one.paths and one.protocol != WITH_PATHS:
        text = f"{one.protocol} has no paths. Write protocol: {WITH_PATHS}, or leave paths out."
        document.complain((*where, "paths"), text, at_key=True)
        return
    for index, path in enumerate(one.paths):
        if wrong := problem(path):
            document.complain((*where, "paths", index), f"{quote(path)} {wrong}")


def _cannot(document: Document, where: Where, one: OwnServer) -> None:
    for name in one.cannot:
        check, _, row = name.partition(": ")
        rows = TABLES.get(check, {})
        if name in CHECKS or row in rows:
            continue
        place, text = (*where, "cannot", name), f"{quote(name)} is not a check. {_nearest(name)}"
        if row and rows:
            text = f"{quote(row)} is not a row of {check}. {_short(row, rows)}"
        document.complain(place, text, at_key=True)


def _nearest(name: str) -> str:
    return near(name, CHECKS)


def _short(name: str, names: Iterable[str]) -> str:
    """Suggest one; a list of two hundred rows helps nobody."""
    meant = near(name, names)
    return meant if meant.startswith("Did") else "Write it as `lab verify` prints it."
