"""What an order for plain Locust users has beside the load engine's, and has not. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

from loadtests.engine.order import Order

CLASSES = ("long", "short", "idle")  # that exist as plain users
OBEYED = {"connections", "think_s", "spread", "payload", "path"}  # fields of a load


class File(NamedTuple):
    """Somebody's locustfile, as an order names it."""

    path: str
    users: Sequence[str]
    options: Mapping[str, str]


def which(driver: Any) -> File | None:
    """Read an order's `driver`; None: our own users. Raises ValueError."""
    match driver:
        case "greenlets":
            return None
        case {"locustfile": str(path), **more} if more.keys() <= {"users", "options"}:
            users: Any = more.get("users")
            options: Any = more.get("options")
            return File(path, users or (), options or {})
        case _:
            raise ValueError('driver: "greenlets", or {"locustfile", "users", "options"}')


def check(order: Order, file: File | None) -> None:
    """Raises ValueError for an order that plain users cannot carry out."""
    if order.live:
        raise ValueError("a load by hand is the load engine's")
    if file and "long" not in order.classes:
        raise ValueError("the users of a locustfile are counted as long")
    for name, load in order.classes.items():
        if name not in CLASSES or (file and name == "short"):
            raise ValueError(f"{name}: there is no such plain Locust user")
        if load.open:
            raise ValueError(f"{name}: Locust's users are closed, they have no rate")
        for field in fields(load):
            if field.name not in OBEYED and getattr(load, field.name) != field.default:
                raise ValueError(f"{name}: plain Locust users do not know {field.name}")
