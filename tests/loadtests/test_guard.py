"""Who may ask the master what: a table of requests, and what becomes of headers."""

import pytest

from loadtests.web import guard
from loadtests.web.guard import Asked, Exposed

HERE = guard.rules("127.0.0.1", {})
WITH_TOKEN = guard.rules("127.0.0.1", {"LAB_TOKEN": "secret"})
PUBLISHED = guard.rules("", {"LAB_PUBLISHED": "127.0.0.1"})
OPEN = guard.rules("0.0.0.0", {"LAB_TOKEN": "secret", "LAB_HOSTS": "lab.example, other"})
HOST = "127.0.0.1:8089"
THE_SITE = {"origin": "http://127.0.0.1:8089", "site": "same-origin"}


@pytest.mark.parametrize(
    ("rules", "asked", "passes"),
    [
        # by name: whoever points a name of his own here is refused, even to read
        (HERE, Asked("GET", HOST), True),
        (HERE, Asked("GET", "localhost:8089"), True),
        (HERE, Asked("GET", "[::1]:8089"), True),
        (HERE, Asked("GET", "127.8.8.8"), True),
        (HERE, Asked("GET", "evil.example:8089"), False),
        (HERE, Asked("GET", "localhost.evil.example"), False),
        (HERE, Asked("GET", "127.0.0.1.evil.example"), False),
        (HERE, Asked("GET", "127.0.0.1@evil.example"), False),
        (HERE, Asked("GET", "10.0.0.1:8089"), False),  # not bound to that
        (HERE, Asked("GET", ""), False),
        (HERE, Asked("GET", "localhost:port"), False),
        (PUBLISHED, Asked("GET", "198.18.0.5:8089"), True),  # an address cannot be rebound
        (PUBLISHED, Asked("GET", "master:8089"), False),
        (PUBLISHED, Asked("POST", HOST), True),
        (OPEN, Asked("GET", "lab.example", token="secret"), True),
        (OPEN, Asked("GET", "unknown.example", token="secret"), False),
        # changes: from this very page, or from no browser at all
        (HERE, Asked("POST", HOST), True),
        (HERE, Asked("POST", HOST, **THE_SITE), True),
        (HERE, Asked("POST", HOST, "http://127.0.0.1:8089"), True),
        (HERE, Asked("POST", HOST, site="none"), True),
        (HERE, Asked("POST", HOST, "http://127.0.0.1:8090"), False),  # another port
        (HERE, Asked("POST", HOST, "http://localhost:8089"), False),
        (HERE, Asked("POST", HOST, "https://127.0.0.1:8089"), False),
        (HERE, Asked("POST", HOST, "null"), False),
        (HERE, Asked("POST", HOST, "http://evil.example"), False),
        (HERE, Asked("POST", HOST, site="cross-site"), False),
        (HERE, Asked("POST", HOST, site="same-site"), False),  # another port of this machine
        (HERE, Asked("DELETE", HOST, site="cross-site"), False),
        (HERE, Asked("OPTIONS", HOST, "http://evil.example"), False),
        (HERE, Asked("GET", HOST, site="cross-site"), True),  # a link to the page
        # where others can come, nothing without the token
        (OPEN, Asked("GET", "10.0.0.1:8089"), False),
        (OPEN, Asked("GET", "10.0.0.1:8089", token="guessed"), False),
        (OPEN, Asked("GET", "10.0.0.1:8089", token="secret"), True),
        (OPEN, Asked("POST", "10.0.0.1:8089", site="cross-site", token="secret"), False),
        (WITH_TOKEN, Asked("POST", HOST), True),  # /lab/ asks for it itself, see routes.py
    ],
)
def test_a_request_passes_or_not(rules, asked, passes):
    assert (guard.refusal(rules, asked) == "") is passes


@pytest.mark.parametrize(
    ("bound", "environment", "exposed"),
    [
        ("127.0.0.1", {}, False),
        ("localhost", {}, False),
        ("::1", {}, False),
        ("", {"LAB_PUBLISHED": "127.0.0.1"}, False),
        ("", {"LAB_TOKEN": "secret"}, True),
        ("10.0.0.1", {"LAB_TOKEN": "secret"}, True),
        ("", {"LAB_TOKEN": "secret", "LAB_PUBLISHED": "0.0.0.0"}, True),
    ],
)
def test_others_can_come_where_it_is_not_bound_or_published_to_loopback(
    bound, environment, exposed
):
    assert guard.rules(bound, environment).exposed is exposed


@pytest.mark.parametrize("bound", ["", "0.0.0.0", "::", "10.0.0.1", "lab.example"])
@pytest.mark.parametrize("published", ["", "0.0.0.0", "10.0.0.1"])
def test_without_a_token_it_does_not_start_there(bound, published):
    with pytest.raises(Exposed, match="LAB_TOKEN") as line:
        guard.rules(bound, {"LAB_PUBLISHED": published})
    assert "\n" not in str(line.value)


def ask(rules, **environ):
    """A request through the guard: status, headers, whether Locust saw it."""
    seen, answers = [], []

    def application(environ, start_response):
        seen.append(environ)
        start_response("200 OK", [("Access-Control-Allow-Origin", "*"), ("Content-Type", "x/y")])
        return [b"locust"]

    given = {"REQUEST_METHOD": "GET", "HTTP_HOST": "10.0.0.1", "PATH_INFO": "/", **environ}
    body = guard.Guard(application, rules)(given, lambda *told: answers.append(told))
    status, headers = answers[0][:2]
    return status, dict(headers), b"".join(body), bool(seen)


def test_no_other_site_is_let_read_and_none_may_frame():
    _, headers, _, _ = ask(HERE, HTTP_HOST=HOST, HTTP_ORIGIN="http://evil.example")
    assert not [name for name in headers if name.lower().startswith("access-control")]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert headers["Content-Type"] == "x/y"


def test_a_page_keeps_its_own_policy():
    made = guard.clean([("content-security-policy", "default-src 'self'")])
    assert [value for name, value in made if name.lower() == "content-security-policy"] == [
        "default-src 'self'"
    ]


def test_a_link_with_the_token_leaves_a_cookie_that_lets_in():
    status, headers, _, passed = ask(OPEN, QUERY_STRING="token=secret")
    assert (status[:3], headers["Location"], passed) == ("303", "/", False)
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    status, _, body, passed = ask(OPEN, HTTP_COOKIE=cookie.partition(";")[0])
    assert (status[:3], body, passed) == ("200", b"locust", True)


@pytest.mark.parametrize("given", ["token=guessed", "token=", "", "token=secret%0d%0aX:%20y"])
def test_no_other_link_does(given):
    status, headers, _, passed = ask(OPEN, QUERY_STRING=given)
    assert (status[:3], passed, "Set-Cookie" in headers) == ("403", False, False)


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", "/\r\nX: y"])
def test_the_way_back_stays_on_this_host(path):
    _, headers, _, _ = ask(OPEN, QUERY_STRING="token=secret", PATH_INFO=path)
    assert headers["Location"].startswith("/")
    assert not headers["Location"].startswith(("//", "/\\"))
    assert "\n" not in headers["Location"]


def test_a_refusal_never_reaches_locust():
    status, _, _, passed = ask(HERE, HTTP_HOST="evil.example")
    assert (status[:3], passed) == ("403", False)
