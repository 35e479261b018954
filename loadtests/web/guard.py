"""Who may ask the master what: before anything else looks at a request. The rules are pure.

* Host: loopback, the name or address that Locust is bound to, any plain address where it is bound
  to all of them, or a name in LAB_HOSTS. So no name of the world outside can be pointed here to
  read the page through somebody's browser (DNS rebinding): a browser sends the name it has asked.
* What changes something (all but GET and HEAD) is refused when a browser sends it for another site:
  Sec-Fetch-Site is neither "same-origin" nor "none", or Origin is not this very host and port.
* Where others than this machine can come, everything wants the token: in X-Lab-Token, or in the
  cookie that `/?token=…` leaves. Locust does not start there without LAB_TOKEN. "Others can come"
  is: bound to anything but loopback, unless LAB_PUBLISHED names the address at which a container is
  published, and that is loopback (compose/load.yml).
* Locust lets every site read its answers (CORS); those headers are taken away again.
"""

import hmac
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

log = logging.getLogger(__name__)

COOKIE = "lab_token"
READS = ("GET", "HEAD")
EVERY_ADDRESS = ("", "*", "0.0.0.0", "::")
HEADERS = [
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
]
FRAMES = ("Content-Security-Policy", "frame-ancestors 'none'")  # Locust's page has inline scripts


class Exposed(Exception):
    """Others can come, and nobody has set a token."""


@dataclass(frozen=True)
class Rules:
    """bound: what Locust's web server is bound to. exposed: others than this machine can come."""

    bound: str
    token: str
    exposed: bool
    hosts: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Asked:
    """The part of a request that decides."""

    method: str
    host: str
    origin: str = ""
    site: str = ""
    token: str = ""
    scheme: str = "http"


def rules(bound: str, environment: Mapping[str, str]) -> Rules:
    """Raises Exposed with one line for the log."""
    token, published = environment.get("LAB_TOKEN", ""), environment.get("LAB_PUBLISHED", "")
    exposed = not _is_loopback(bound) and not _is_loopback(published)
    if exposed and not token:
        raise Exposed(
            f"Locust's page is bound to {bound or 'all addresses'}, where others can start a load. "
            "Set LAB_TOKEN, or bind it with --web-host=127.0.0.1; in a container whose port is "
            "published on loopback only, set LAB_PUBLISHED=127.0.0.1."
        )
    named = environment.get("LAB_HOSTS", "").lower().split(",")
    return Rules(bound.lower(), token, exposed, frozenset(filter(None, map(str.strip, named))))


def refusal(rules: Rules, asked: Asked) -> str:
    """Say why not; "": let it pass."""
    host = _host(asked.host)
    if host is None or not _may_be_called(rules, host):
        return "this page is not known by that name; LAB_HOSTS may add it"
    if asked.method not in READS:
        if asked.site not in ("", "same-origin", "none"):
            return "another site may not change anything here"
        if asked.origin and asked.origin != f"{asked.scheme}://{asked.host}":
            return "another site may not change anything here"
    if rules.exposed and not _same(asked.token, rules.token):
        return "the token is missing or wrong: open /?token=… once, or send X-Lab-Token"
    return ""


def _may_be_called(rules: Rules, host: str) -> bool:
    if _is_loopback(host) or host == rules.bound or host in rules.hosts:
        return True
    return rules.bound in EVERY_ADDRESS and _is_address(host)


def _host(header: str) -> str | None:
    """Return the name in a Host header, without port and brackets."""
    try:
        parts = urlsplit(f"//{header}")
        port = parts.port  # ValueError: no number
    except ValueError:
        return None
    del port
    return None if parts.username or parts.path else parts.hostname


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host.lower() == "localhost" or (_is_address(host) and ip_address(host).is_loopback)


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def clean(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Take CORS away, and add what keeps browsers from guessing and framing."""
    kept = [(name, value) for name, value in headers if not _is_cors(name)]
    names = {name.lower() for name, _ in kept}
    policy = [] if "content-security-policy" in names else [FRAMES]
    return kept + policy + [(name, value) for name, value in HEADERS if name.lower() not in names]


def _is_cors(name: str) -> bool:
    return name.lower().startswith("access-control-")


class Guard:
    """WSGI middleware around Locust's application."""

    def __init__(self, application: Any, rules: Rules) -> None:
        self.application = application
        self.rules = rules

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start_response(status, clean(headers), *rest)

        offered = parse_qs(environ.get("QUERY_STRING", "")).get("token", [""])[0]
        asked = _asked(environ, offered)
        if why := refusal(self.rules, asked):
            log.warning("%s %s refused: %s", asked.method, environ.get("PATH_INFO", ""), why)
            start("403 Forbidden", [("Content-Type", "text/plain; charset=utf-8")])
            return [f"{why}\n".encode()]
        if self.rules.token and _same(offered, self.rules.token) and asked.method == "GET":
            keep = f"{COOKIE}={quote(offered)}; HttpOnly; SameSite=Strict; Path=/"
            here = _local(environ.get("PATH_INFO", "/"))
            start("303 See Other", [("Location", here), ("Set-Cookie", keep)])
            return [b""]
        return self.application(environ, start)


def _asked(environ: Mapping[str, Any], offered: str) -> Asked:
    try:
        cookie = SimpleCookie(environ.get("HTTP_COOKIE", "")).get(COOKIE)
    except CookieError:
        cookie = None
    return Asked(
        environ["REQUEST_METHOD"],
        environ.get("HTTP_HOST", ""),
        environ.get("HTTP_ORIGIN", ""),
        environ.get("HTTP_SEC_FETCH_SITE", ""),
        environ.get("HTTP_X_LAB_TOKEN", "") or offered or (unquote(cookie.value) if cookie else ""),
        environ.get("wsgi.url_scheme", "http"),
    )


def _local(path: str) -> str:
    """Return the path on this very host: "//name" would be another one."""
    return "/" + quote(path.lstrip("/\\"))


def protect(web_ui: Any) -> None:
    """Put the guard before Locust's application. Raises Exposed."""
    found = rules(web_ui.host, os.environ)
    web_ui.app.wsgi_app = Guard(web_ui.app.wsgi_app, found)
