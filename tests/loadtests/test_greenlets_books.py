"""From events.request to counts and kinds: pure, with exceptions as HTTP libraries make them."""

import http.client
import json

import pytest
import requests
import urllib3

from loadtests.engine.ledger import Ledger
from loadtests.greenlets.books import MOST_ERRORS, MOST_NAMES, OTHERS, TOP, Books, kind_of


class Guest:
    """A user class of somebody's."""


class Crew:
    """Of somebody's users, as far as the books look at it."""

    def __init__(self):
        self.ledger = Ledger(paced=False)


def wrapped(inner):
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(None, "/", inner))


class HTTPTimeout(Exception):
    """As FastHttpUser's library has one of its own."""


@pytest.mark.parametrize(
    ("exception", "kind"),
    [
        (ConnectionRefusedError(111, "refused"), "refused"),
        (ConnectionResetError(104, "reset"), "reset"),
        (BrokenPipeError(32, "pipe"), "reset"),
        (TimeoutError("timed out"), "timeout"),
        (requests.ReadTimeout(), "timeout"),
        (HTTPTimeout(), "timeout"),
        (wrapped(ConnectionRefusedError(111, "refused")), "refused"),
        (
            requests.ConnectionError(
                urllib3.exceptions.ProtocolError("aborted", http.client.RemoteDisconnected("gone"))
            ),
            "closed",
        ),
        (http.client.IncompleteRead(b"half"), "short"),
        (requests.HTTPError("404"), "wrong"),
        (ValueError("not what I wanted"), "wrong"),
        ("not even an exception", "wrong"),
    ],
)
def test_kinds(exception, kind):
    assert kind_of(exception) == kind


def test_an_exception_that_holds_itself_is_looked_at_once():
    one = ValueError()
    one.args = (one,)
    one.__cause__ = one
    assert kind_of(one) == "wrong"


@pytest.fixture
def books():
    made = Books(Crew(), [Guest])
    made.window = (0, 1 << 62)
    return made


def tell(books, name="/x", time=1.5, length=10, exception=None, method="GET"):
    books.on_request(method, name, time, length, exception, {})


def test_a_response_time_in_milliseconds_becomes_nanoseconds(books):
    tell(books, time=0.0371)
    (row,) = books.names()
    assert (row["completed"], row["response"]["sum"]) == (1, 37100)
    assert list(books.guests.ledger.service) == [37100]
    assert books.guests.ledger.surplus == 10


@pytest.mark.parametrize("time", [None, "5", float("nan"), -1, float("inf"), True and 1e12])
def test_what_is_no_time_enters_no_histogram_and_is_not_forgotten(books, time):
    tell(books, time=time)
    (row,) = books.names()
    assert (row["completed"], row["untimed"], row["response"]["count"]) == (0, 1, 0)
    assert books.guests.ledger.completed == 0


@pytest.mark.parametrize("length", [None, -5, "many"])
def test_what_is_no_length_counts_as_nothing(books, length):
    tell(books, length=length)
    assert books.guests.ledger.surplus == 0
    assert books.guests.ledger.completed == 1


def test_failures_have_a_kind_and_their_words(books):
    for number in range(MOST_ERRORS + 3):
        tell(books, exception=ValueError(f"line\n{number} " + "x" * 500))
    (row,) = books.names()
    assert row["failed"] == {"wrong": MOST_ERRORS + 3}
    assert len(row["errors"]) == MOST_ERRORS
    assert all("\n" not in text and len(text) <= 120 for text in row["errors"])
    assert [f.kind for f in books.guests.ledger.failures] == ["wrong"] * (MOST_ERRORS + 3)


def test_a_users_exception_is_counted_under_its_class(books):
    task_set = type("Tasks", (), {"user": Guest()})()
    books.on_user_error(Guest(), ZeroDivisionError("by zero"))
    books.on_user_error(task_set, ZeroDivisionError("by zero"))
    (row,) = books.names()
    assert (row["method"], row["name"], row["failed"]) == ("user", "Guest", {"raised": 2})
    assert row["errors"] == {"ZeroDivisionError: by zero": 2}
    assert books.broken is None


def test_an_exception_of_our_own_user_is_not_counted_away(books):
    error = RuntimeError("a mistake of the lab")
    books.on_user_error(object(), error)
    assert books.broken is error
    assert not books.guests.ledger.failures


def test_names_have_an_end(books):
    for number in range(MOST_NAMES + 50):
        tell(books, name=f"/item/{number}")
    for _ in range(3):
        tell(books, name="/item/7")
    rows = books.names()
    assert len(rows) == TOP + 1
    assert (rows[0]["name"], rows[0]["completed"]) == (OTHERS, 50)  # beyond the limit, as one
    assert (rows[1]["name"], rows[1]["completed"]) == ("/item/7", 4)
    assert rows[-1]["name"] == OTHERS
    assert sum(row["completed"] for row in rows) == MOST_NAMES + 53
    json.dumps(rows)


def test_names_are_of_the_window(books):
    books.window = (0, 1)
    tell(books)
    tell(books, exception=ValueError())
    assert books.names() == []
    assert books.guests.ledger.completed == 1
