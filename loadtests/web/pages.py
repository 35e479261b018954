"""The lab's part of Locust's web page: form, tab, /lab/ and its live document. Flask wiring."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, jsonify, request
from locust.util.timespan import parse_timespan

from loadtests import handover
from loadtests.desk import Desk
from loadtests.users import TOKENS
from loadtests.web import document, form, verdicts
from loadtests.web.hand import Hand

PAGE = Path(__file__).parent / "page"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "object-src 'none'"
)
FRESH_S = 0.4  # many pages may look: the document is made anew this often at most
SPAWN_RATE = 100  # tokens per second: all at once
NEVER = (float("-inf"), b"")
NO_CACHE = {"Cache-Control": "no-store"}


def add_options(parser: Any) -> None:
    """Locust's `init_command_line_parser`: each option is a field of the form."""
    for name, field in form.FIELDS.items():
        choices = {"choices": list(field.choices)} if field.choices else {}
        parser.add_argument(
            f"--{name}", default=field.default, type=type(field.default), help=field.help, **choices
        )


class Pages:
    """Hangs everything under Locust's application."""

    def __init__(self, desk: Desk, hand: Hand, check: Callable[[], Response | None]) -> None:
        """check: refuses what changes something without the run's token."""
        self.check = check
        self.desk = desk
        self.hand = hand
        self.verdicts = verdicts.Verdicts()
        self._made = NEVER

    def add_to(self, web_ui: Any) -> None:
        page = Blueprint("page", __name__, url_prefix="/lab")
        protect = web_ui.auth_required_if_enabled
        for rule, method, handler in (
            ("/", "GET", self.index),
            ("/page/<name>", "GET", self.file),
            ("/live", "GET", self.live),
            ("/verdicts", "POST", self.take_verdicts),
        ):
            page.add_url_rule(rule, handler.__name__, protect(handler), methods=[method])
        page.before_request(self.check)
        web_ui.app.register_blueprint(page)
        web_ui.app.before_request(self.check_form)
        web_ui.app.after_request(self.add_rows)
        web_ui.template_args.update(verdicts.structure())

    # the page

    def index(self) -> Response:
        return self.file("index.html")

    def file(self, name: str) -> Response:
        """One of the page's files; names are taken from the folder, never made of the request's."""
        found = {path.name: path for path in PAGE.iterdir() if path.suffix in KINDS}
        if name not in found:
            return Response("no such file\n", 404, mimetype="text/plain")
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
        return Response(
            found[name].read_bytes(), headers=headers, content_type=KINDS[found[name].suffix]
        )

    def live(self) -> Response:
        """GET /lab/live: numbers and texts as JSON, whatever they hold."""
        made, body = self._made
        if time.monotonic() - made > FRESH_S:
            body = json.dumps(self._document(), separators=(",", ":"), allow_nan=False).encode()
            self._made = (time.monotonic(), body)
        return Response(body, headers=NO_CACHE, mimetype="application/json")

    def _document(self) -> dict[str, Any]:
        workers = handover.connected(self.desk.runner)
        engines = sum(1 for worker in workers if self.desk.engines.get(worker))
        made = document.live(
            self.hand.driver,
            self.hand.load,
            self.desk.trial,
            self.hand.runs,
            self.verdicts.rows,
            (len(workers), engines),
        )
        if made["state"] == "idle" and self.desk.runner.state in ("cleanup", "stopping"):
            made["state"] = "stopping"  # the load has ended, Locust's test has not
        return made

    def take_verdicts(self) -> Response:
        """POST /lab/verdicts?run=ID: rows that replace that run's. 400: what is wrong with them."""
        try:
            taken = self.verdicts.post(request.args.get("run", ""), request.get_data())
        except ValueError as error:
            return Response(
                json.dumps({"error": str(error).splitlines()[0]}), 400, mimetype="application/json"
            )
        self._made = NEVER
        return Response(json.dumps({"rows": taken}), headers=NO_CACHE, mimetype="application/json")

    # Locust's own routes

    def check_form(self) -> Response | None:
        """POST /swarm: a load by hand, with our fields; or `lab run`'s tokens, without any."""
        if request.method != "POST" or request.path != "/swarm":
            return None
        sent = request.form.to_dict()
        if not form.FIELDS.keys() & sent.keys():
            why = self.hand.accept_lab_run()
        else:
            why = self._accept(sent)
        return jsonify(success=False, message=why) if why else None

    def _accept(self, sent: Mapping[str, str]) -> str:
        text = sent.get("run_time", "").strip()
        try:
            seconds = float(parse_timespan(text)) if text else None
        except ValueError:
            return f'Run time: "{text}" is no time. Write 90, 90s, 3m or 1h.'
        if why := self.hand.accept(sent, seconds):
            return why
        given = {name: sent.get(name, "").strip() for name in form.FIELDS}
        fields = {name: given[name] or str(field.default) for name, field in form.FIELDS.items()}
        tokens = {"user_count": str(len(TOKENS)), "spawn_rate": str(SPAWN_RATE), "host": ""}
        handover.refill_form(request, {**fields, **tokens, "run_time": text})
        return ""

    def add_rows(self, response: Response) -> Response:
        """Put the verdicts into what Locust's page polls; a cached answer passes here again."""
        if request.path == "/stats/requests" and response.is_json:
            told = response.get_json() | verdicts.table(self.verdicts.rows)
            response.set_data(json.dumps(told))
        return response
