"""Who makes the load of an arm: the load engine, plain Locust users, or somebody's locustfile.

    driver: greenlets
    driver: {locustfile: my_users.py, users: [Shopper], options: {tenant: 7}}

In lab.yaml of an experiment, or of one arm of it. A value of `lab.model`, so nothing here reads a
file; `lab.driver_checks` says what lab.yaml asks wrongly, `lab.guests` looks at the files.
"""

from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field

from lab.document import quote
from lab.shape import Shape, Text
from loadtests.engine.classes import ClassName

ENGINE: Final = "engine"
GREENLETS: Final = "greenlets"
PLAIN = ("long", "short", "idle")  # classes that exist as plain Locust users
GUESTS = ("long", "idle")  # with a locustfile: its users, and connections of ours that are held
WRITE = "Write engine, greenlets, or {locustfile: my_users.py, users: [MyUser]}."


class Locustfile(Shape):
    """Somebody's users. file: relative to lab.yaml. users: by name; none: all that it has.

    options: of the file's own command line (`init_command_line_parser`); "": a flag, which is
    written as true.
    """

    locustfile: Text
    users: list[Text] = Field(default_factory=list)
    options: dict[str, str] = Field(default_factory=dict)


def read(value: Any) -> "str | Locustfile":
    """Make a driver of what stands in a file. Raises ValueError, in plain words."""
    if isinstance(value, Locustfile) or value in (ENGINE, GREENLETS):
        return value  # type: ignore[no-any-return]
    if not isinstance(value, dict):
        raise ValueError(f"{quote(value)} is no driver. {WRITE}")  # noqa: TRY004 # pydantic's rule
    if unknown := value.keys() - Locustfile.model_fields.keys():
        raise ValueError(f"unknown key {quote(min(map(str, unknown)))}. {WRITE}")
    file, users = value.get("locustfile"), value.get("users", [])
    options = value.get("options", {})
    if not isinstance(file, str) or not file:
        raise ValueError(f'"locustfile" is missing. {WRITE}')
    if not isinstance(users, list) or not all(isinstance(user, str) and user for user in users):
        raise ValueError("users are names of classes. Write users: [MyUser].")
    if not isinstance(options, dict) or not all(
        isinstance(one, str | int | float) and one is not False for one in options.values()
    ):
        raise ValueError("options are names with a text or number each. Write {tenant: 7}.")
    named = {str(name): "" if one is True else str(one) for name, one in options.items()}
    return Locustfile(locustfile=file, users=users, options=named)


Driver = Annotated[Literal["engine", "greenlets"] | Locustfile, BeforeValidator(read)]


def unseen(driver: str | Locustfile) -> frozenset[ClassName]:
    """Return the classes whose connections nobody knows: they are a locustfile's users' own."""
    return frozenset({"long"}) if isinstance(driver, Locustfile) else frozenset()


def placed(driver: str | Locustfile, folder: Path) -> str | Locustfile:
    """Return a driver for an order: other processes look from elsewhere."""
    if not isinstance(driver, Locustfile):
        return driver
    return driver.model_copy(update={"locustfile": str((folder / driver.locustfile).resolve())})


def words(driver: str | Locustfile) -> str:
    """Say who makes the load; "": the load engine."""
    if not isinstance(driver, Locustfile):
        return "" if driver == ENGINE else "plain Locust users"
    whose = ", ".join(driver.users) or "all"
    return f"{whose} of {driver.locustfile}"


def unpaced(data: Any) -> Any:
    """Complete an experiment as it stands in the file: a locustfile's users wait as that says.

    So a load that only they make needs neither think nor rate for `long`.
    """
    if not isinstance(data, dict) or not isinstance(data.get("arms"), dict | list):
        return data
    given = data["arms"] if isinstance(data["arms"], dict) else {}
    arms = {name: arm if isinstance(arm, dict) else {} for name, arm in given.items()}
    arms = arms or {"": {}}  # a list of servers
    foreign = {n: isinstance(a.get("driver", data.get("driver")), dict) for n, a in arms.items()}
    own = {name for name, arm in arms.items() if arm.get("load") is not None}
    found = dict(data)
    if all(foreign[name] for name in arms.keys() - own):
        found["load"] = _without_think(data.get("load"))
    if given:
        found["arms"] = {
            name: {**arm, "load": _without_think(arm["load"])}
            if name in own and foreign[name]
            else arm
            for name, arm in given.items()
        }
    return found


def _without_think(load: Any) -> Any:
    long = load.get("long") if isinstance(load, dict) else None
    if not isinstance(long, dict) or long.keys() & {"think", "rate", "stages"}:
        return load
    return {**load, "long": {**long, "think": "0 s"}}
