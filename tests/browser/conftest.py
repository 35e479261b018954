"""The Chromium that is installed, driven by Playwright; a page for each test, in a fresh context
(cookies, storage); and a stub of the Locust master's /lab/.

Rules: Playwright never fetches a browser, and nothing a page does reaches past this machine. The
page's policy forbids eval(), so `wait_for_function` fails on it: wait with `expect`.
"""

import json
import os
import shutil
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, expect, sync_playwright

WEB = Path(__file__).parents[2] / "loadtests" / "web"
POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# The discard port, for all but loopback: whoever asks the network gets nothing.
OFFLINE = ["--proxy-server=127.0.0.1:9", "--proxy-bypass-list=127.0.0.1"]
PATIENCE_MS = 60_000  # for a condition: an upper bound for a machine that does much else


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


class Heard:
    """`console`: errors, warnings and dialogs of a context's pages; `requests`: every address."""

    def __init__(self, context: BrowserContext) -> None:
        self.console: list[str] = []
        self.requests: list[str] = []
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("weberror", lambda thrown: self.console.append(str(thrown.error)))
        context.on("console", self._said)
        context.on("dialog", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.console.append(f"{message.text} {message.location['url']}")

    def _asked(self, dialog: Dialog) -> None:
        self.console.append(f"{dialog.type} {dialog.message}")
        dialog.dismiss()


# Of a module, not of the session: between two calls Playwright leaves its event loop marked as
# running in this thread, and asyncio.run() in another directory's test would be refused.
@pytest.fixture(scope="module")
def browser():
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        assert os.environ.get("CI") != "true", "CI must have chromium"
        pytest.skip("chromium is not installed: apt-get install chromium")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=program,
            chromium_sandbox=os.geteuid() != 0,  # Chromium refuses to run as root in its sandbox
            args=OFFLINE,
            timeout=PATIENCE_MS,
        )
        yield started
        started.close()


@pytest.fixture
def context(browser):
    opened = browser.new_context(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    opened.close()


@pytest.fixture
def heard(context):
    return Heard(context)


@pytest.fixture
def page(context, heard):
    return context.new_page()


@pytest.fixture
def stub(example):
    running = Stub()
    running.document = example
    yield running
    running.stop()


@pytest.fixture
def example():
    return json.loads((WEB / "example_live.json").read_text())
