"""A browser for the session, a page for each test, and a stub of the Locust master's /lab/."""

import json
import os
import shutil
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.browser.driver import Browser

WEB = Path(__file__).parents[2] / "loadtests" / "web"
POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


class Stub:
    """Serves the page and a live document. `document` may be a value or a function of the poll's
    number; `stop()` and `start()` are the master going and coming back at the same address.
    """

    def __init__(self) -> None:
        self.document: dict | Callable[[int], dict] = {}
        self.status = 200
        self.polls = 0
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/lab/"

    def start(self) -> None:
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kind, body = stub.answer(self.path)
                self.send_response(
                    stub.status if self.path == "/lab/live" else 200 if kind else 404
                )
                self.send_header("Content-Type", kind or "text/plain")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Content-Security-Policy", POLICY)
                self.send_header("X-Content-Type-Options", "nosniff")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, path: str) -> tuple[str, bytes]:
        if path == "/lab/live":
            self.polls += 1
            document = self.document
            found = document(self.polls) if callable(document) else document
            return "application/json", json.dumps(found).encode()
        name = "index.html" if path == "/lab/" else path.removeprefix("/lab/page/")
        file = WEB / "page" / name
        if "/" in name or not file.is_file():
            return "", b"not here"
        return TYPES[file.suffix] + "; charset=utf-8", file.read_bytes()


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        assert os.environ.get("CI") != "true", "CI must have chromium"
        pytest.skip("chromium is not installed: apt-get install chromium")
    started = Browser(program, tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.fixture
def page(browser):
    opened = browser.new_page()
    yield opened
    opened.close()


@pytest.fixture
def stub(example):
    running = Stub()
    running.document = example
    yield running
    running.stop()


@pytest.fixture
def example():
    return json.loads((WEB / "example_live.json").read_text())
