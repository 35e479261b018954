"""Locust's form: every field is checked, and a good one becomes an order that the engine takes."""

import pytest

from loadtests.engine import order
from loadtests.web import form
from servers.catalog import PROTOCOLS, SERVERS


def read(seconds=None, **fields):
    return form.read(fields, seconds)


@pytest.mark.parametrize(
    ("fields", "classes"),
    [
        ({}, {"long": (20, 0)}),
        ({"rate": "300"}, {"long": (20, 300)}),
        ({"workload": "short", "connections": "5"}, {"short": (5, 0)}),
        ({"workload": "idle + busy", "idle": "900"}, {"long": (20, 0), "idle": (900, 0)}),
        (
            {"workload": "mixed", "connections": "5", "idle": "2", "rate": "100"},
            {"long": (3, 50), "short": (2, 50), "idle": (2, 0)},
        ),
        ({"workload": "mixed", "connections": "1", "rate": "7"}, {"long": (1, 7)}),
        ({"connections": " 4 ", "rate": "", "target": ""}, {"long": (4, 0)}),
    ],
)
def test_a_workload_is_classes_of_connections(fields, classes):
    wish = read(**fields)
    made = {name: (one["connections"], one["rate"]) for name, one in wish.classes().items()}
    assert made == classes
    taken = dict(wish.order(3, ("127.0.0.1", 7002)))
    taken.pop("label")
    parsed = order.parse(taken)
    assert (parsed.live, parsed.window) == (True, 3600 * order.SECOND)
    assert parsed.classes.keys() == classes.keys()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"server": "apache"}, 'There is no server "apache". Choose blocking, '),
        ({"server": "<script>"}, "There is no server"),
        ({"protocol": "smtp"}, 'There is no protocol "smtp". Choose echo, http or websocket.'),
        ({"workload": "all"}, "There is no workload"),
        ({"workload": "churn"}, "churn needs a trial: lab run"),
        ({"server": "django", "protocol": "echo"}, "django does not speak echo. It speaks http."),
        ({"connections": "0"}, 'connections: "0" is no whole number from 1 to 20000.'),
        ({"connections": "1e3"}, "no whole number"),
        ({"connections": "٣"}, "no whole number"),
        ({"connections": "20001"}, "no whole number"),
        ({"idle": "-1", "workload": "mixed"}, "no whole number"),
        ({"rate": "nan"}, "no number"),
        ({"rate": "inf"}, "no number"),
        ({"rate": "-1"}, "no number"),
        ({"rate": "fast"}, 'rate: "fast" is no number from 0 to 200000.'),
        ({"payload": "0"}, "no whole number from 1"),
        ({"payload": "99999999"}, "no whole number"),
        ({"idle": "5"}, '"long" has no idle connections.'),
        ({"workload": "idle + busy"}, "needs idle connections"),
        ({"target": "example.org"}, "is not HOST:PORT"),
        ({"target": "example.org:0"}, "is not HOST:PORT"),
        ({"target": "example.org:65536"}, "is not HOST:PORT"),
        ({"target": "http://example.org:80"}, "is not HOST:PORT"),
        ({"target": "user@example.org:80"}, "is not HOST:PORT"),
        ({"target": "::1:80"}, "is not HOST:PORT"),
        ({"seconds": 3601}, "at most 60 minutes"),
        ({"seconds": 0}, "above 0"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(fields, why):
    with pytest.raises(form.BadForm) as refused:
        read(**fields)
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("target", "place"),
    [
        ("", ("select", 7001)),
        ("127.0.0.1:8000", ("127.0.0.1", 8000)),
        ("[::1]:8000", ("::1", 8000)),
        ("lab.example:1", ("lab.example", 1)),
    ],
)
def test_the_target_is_the_labs_container_unless_said_otherwise(target, place):
    assert read(server="select", protocol="echo", target=target).place == place


def test_the_form_offers_what_the_catalog_has():
    assert form.FIELDS["server"].choices == tuple(SERVERS)
    assert form.FIELDS["protocol"].choices == tuple(PROTOCOLS)
    for name, field in form.FIELDS.items():
        assert not field.choices or field.default in field.choices, name
    read()  # the defaults are a good form
