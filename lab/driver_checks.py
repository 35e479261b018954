"""What lab.yaml asks of plain Locust users that they cannot do, or of a locustfile that is not one.

Notes mistakes in the document, each at its place, before anything runs. Reads a locustfile, and
runs nothing of it: that is `lab.guests`, when a run is about to start.
"""

import ast
from pathlib import Path

from lab.document import Document, Where, quote
from lab.drivers import ENGINE, GUESTS, PLAIN, Locustfile
from lab.schema import Experiment

OURS = {"connections", "think", "spread", "payload", "path"}  # keys that plain users obey
THEIRS = {"connections"}  # and the users of a locustfile
CLOSED = "constant-vus"  # the executor that plain users are
ADVICE = {
    "rate": "Locust's users wait for their replies, so they have no rate. Write think: 1 ms",
    "stages": "as many plain users as there are begin and stay. Write think: 1 ms",
}


def check_driver(document: Document, experiment: Experiment, folder: Path | None) -> None:
    """Note what the drivers of an experiment's arms cannot do. folder: where locustfiles are."""
    where: Where = ("experiments", experiment.id)
    for place, load in experiment.loads():
        arms = [
            name for name, arm in experiment.arms.items() if (arm.load or experiment.load) is load
        ]
        drivers = [experiment.driver_of(name) for name in arms]
        foreign = bool(drivers) and all(isinstance(driver, Locustfile) for driver in drivers)
        if any(driver != ENGINE for driver in drivers):
            some = any(isinstance(driver, Locustfile) for driver in drivers)
            _load(document, (*where, *place), GUESTS if some else PLAIN, foreign=foreign)
    _file(document, (*where, "driver"), experiment.driver, folder)
    for name, arm in experiment.arms.items():
        _file(document, (*where, "arms", name, "driver"), arm.driver, folder)


def _load(document: Document, where: Where, able: tuple[str, ...], *, foreign: bool) -> None:
    """Look at the load as it is written. foreign: only users of locustfiles make it."""
    written = document.data
    for step in where:
        written = written[step]
    whose = "Users of a locustfile" if able is GUESTS else "Plain Locust users"
    for name, load in written.items():
        if not isinstance(load, dict):
            continue
        if name not in able:
            text = f"{whose} are {' or '.join(able)}. Leave {name} out, or write driver: engine."
            document.complain((*where, name), text, at_key=True)
            continue
        obeyed = THEIRS if foreign and name == "long" else OURS
        for key in load.keys() - obeyed:
            if key == "executor" and load[key] == CLOSED and not foreign:
                continue
            text = ADVICE.get(key, f"plain Locust users do not know {quote(key)}. Leave it out")
            if foreign and key not in ADVICE:
                text = f"users of a locustfile ask what that says, as often. Leave {key} out"
            document.complain((*where, name, key), f"{text}, or write driver: engine.", at_key=True)
    if able is GUESTS and "long" not in written:
        text = "the users of a locustfile are counted as long. Write long: {connections: 4}."
        document.complain(where, text, at_key=True)


def _file(document: Document, where: Where, driver: object, folder: Path | None) -> None:
    """Look at a locustfile without running it."""
    if not isinstance(driver, Locustfile) or folder is None:
        return
    place, name = (*where, "locustfile"), driver.locustfile
    try:
        source = (folder / name).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        text = f"{quote(name)} cannot be read: {reason}. Write its path as seen from lab.yaml."
        document.complain(place, text)
        return
    try:
        ast.parse(source, name)
    except (SyntaxError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        document.complain(place, f"{name}{line}: {said}. Locust could not load it either.")
