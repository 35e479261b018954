"""The lab's blueprint on the Locust master: /lab/trials, /lab/state, /lab/note. JSON in, JSON out.

Routes that change something want the run's token in X-Lab-Token (when LAB_TOKEN is set): Locust's
web server answers any web page (CORS), and a page cannot send that header without being let.
Waiting is bounded.
"""

import hmac
import json
import logging
import os
import time
from typing import Any

import locust
from flask import Blueprint, Response, request
from pydantic import ValidationError

from lab.orders import Order
from loadtests import handover, targets
from loadtests.desk import ENDS, Desk, Trial
from loadtests.web.hand import Hand

log = logging.getLogger(__name__)

MAX_WAIT_S = 30.0  # of one long poll
SETTLE_S = 10.0  # how long a new order waits for the last trial's workers; > ABORT_GRACE_S
NOTE_CHARS = 2000


def answer(body: Any, status: int = 200) -> Response:
    """One JSON response, compact: Flask's own indents in debug mode, which Locust switches on."""
    text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"))
    return Response(text + "\n", status, mimetype="application/json")


def refuse(status: int, why: str) -> Response:
    return answer({"error": why}, status)


def view(trial: Trial, status: int = 200) -> Response:
    """Show a trial as JSON; the engines' results are spliced in as the text they came in."""
    parts = trial.parts.values()
    windows = [part.window for part in parts if part.window]
    body: dict[str, Any] = {
        "trial": trial.id,
        "state": trial.state,
        "gate": trial.gate,
        "why": trial.why,
        "ready": [part.ready for part in parts if part.ready],
        "window": windows[0] if windows else None,
        "locust": trial.count,
    }
    results = [part.result for part in parts if part.result] if trial.state == "done" else []
    text = json.dumps(body, separators=(",", ":"))
    return answer(f'{text[:-1]},"results":[{",".join(results)}]}}', status)


class Routes:
    """The handlers; `blueprint()` hangs them under /lab."""

    def __init__(self, desk: Desk, hand: Hand) -> None:
        self.desk = desk
        self.hand = hand
        self.token = os.environ.get("LAB_TOKEN", "")
        self.note = ""

    def blueprint(self, protect: Any) -> Blueprint:
        """Make the blueprint. protect: Locust's `auth_required_if_enabled`."""
        lab = Blueprint("lab", __name__, url_prefix="/lab")
        for rule, method, handler in (
            ("/state", "GET", self.state),
            ("/trials", "POST", self.prepare),
            ("/trials/<trial_id>", "GET", self.show),
            ("/trials/<trial_id>/go", "POST", self.go),
            ("/trials/<trial_id>/release", "POST", self.release),
            ("/trials/<trial_id>/abort", "POST", self.abort),
            ("/note", "POST", self.take_note),
        ):
            lab.add_url_rule(rule, handler.__name__, protect(handler), methods=[method])
        lab.before_request(self.check_token)
        return lab

    def check_token(self) -> Response | None:
        """Refuse a request that changes something and does not know the run's token."""
        given = request.headers.get("X-Lab-Token", "")
        if request.method == "GET" or not self.token:
            return None
        if hmac.compare_digest(given.encode(), self.token.encode()):
            return None
        return refuse(403, "X-Lab-Token is missing or not this run's")

    def state(self) -> Response:
        """GET /lab/state: never cached, unlike Locust's /stats/requests."""
        runner, trial = self.desk.runner, self.desk.trial
        workers = handover.connected(runner)
        pids = self.desk.engines
        return answer(
            {
                "workers": len(workers),
                "expected": runner.environment.parsed_options.expect_workers,
                "engines": [{"worker": id_, "pid": pids[id_]} for id_ in workers if pids.get(id_)],
                "runner": runner.state,
                "users": runner.user_count,
                "trial": {"id": trial.id, "state": trial.state} if trial else None,
                "uptime": time.monotonic() - self.desk.born,
                "driver": self.hand.driver,
                "note": self.note,
                "locust": locust.__version__,
            }
        )

    def prepare(self) -> Response:
        """POST /lab/trials: an order.

        400 a bad one, 403 its target may not be loaded, 409 another runs, 503 workers are missing.
        """
        try:
            order = Order.model_validate_json(request.get_data())
        except ValidationError as error:
            return refuse(400, _first(error))
        if why := targets.stranger(*order.target, os.environ):
            return refuse(403, why)
        desk = self.desk
        if self.hand.active:
            return refuse(409, "a load by hand is under way; stop it on Locust's page")
        if why := self._busy():
            return refuse(409, why)
        workers = len(handover.connected(desk.runner))
        expected = desk.runner.environment.parsed_options.expect_workers
        if workers < expected:  # more: somebody has scaled them up
            return refuse(503, f"{workers} of {expected} Locust workers connected")
        trial = desk.prepare(order.model_dump(mode="json"))
        desk.wait(lambda: trial.reached("ready"), _wait())
        return view(trial, 201)

    def show(self, trial_id: str) -> Response:
        """GET /lab/trials/<id>?state=S&wait=SECONDS: at once when S, or an end, is reached."""
        trial = self._find(trial_id)
        if trial is None:
            return refuse(404, f"no trial {trial_id}")
        state = request.args.get("state", "preparing")
        self.desk.wait(lambda: trial.reached(state), _wait())
        return view(trial)

    def go(self, trial_id: str) -> Response:
        """POST /lab/trials/<id>/go: {"start_ns": n or null}."""
        trial = self._find(trial_id)
        if trial is None:
            return refuse(404, f"no trial {trial_id}")
        if trial.state in ENDS:
            return view(trial)  # with the reason, such as a worker lost since it was ready
        if trial.state != "ready":
            return refuse(409, f"trial {trial_id} is {trial.state}, not ready")
        start_ns = (request.get_json(silent=True) or {}).get("start_ns")
        if not isinstance(start_ns, int | None):
            return refuse(400, "start_ns must be an integer or null")
        self.desk.go(trial, start_ns)
        self.desk.wait(lambda: trial.reached("started"), _wait())
        return view(trial)

    def release(self, trial_id: str) -> Response:
        """POST /lab/trials/<id>/release: see `hold` of an order. Harmless on one that has ended."""
        trial = self._find(trial_id)
        if trial is None:
            return refuse(404, f"no trial {trial_id}")
        self.desk.finish(trial)
        return view(trial)

    def abort(self, trial_id: str) -> Response:
        """POST /lab/trials/<id>/abort: harmless on a trial that has ended."""
        trial = self._find(trial_id)
        if trial is None:
            return refuse(404, f"no trial {trial_id}")
        self.desk.end(trial, "aborted", why="aborted by the lab")
        self.desk.wait(lambda: trial.settled, _wait())
        return view(trial)

    def take_note(self) -> Response:
        """POST /lab/note: free text, shown in /lab/state."""
        self.note = request.get_data(as_text=True)[:NOTE_CHARS]
        return answer({})

    def _busy(self) -> str:
        """Why no trial can begin now. Waits for the workers of one that has been ended early."""
        last = self.desk.trial
        if last is None or last.settled:
            return ""
        if last.state in ENDS:
            self.desk.wait(lambda: last.settled, SETTLE_S)
            if self.desk.trial is last and last.settled:
                return ""
        now = self.desk.trial or last
        return f"trial {now.id} is {now.state}, its workers are not free"

    def _find(self, trial_id: str) -> Trial | None:
        trial = self.desk.trial
        return trial if trial is not None and trial.id == trial_id else None


def _wait() -> float:
    try:
        asked = float(request.args.get("wait", "0"))
    except ValueError:
        return 0.0
    return min(max(asked, 0.0), MAX_WAIT_S)


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in found['loc']) or 'order'}: {found['msg']}"
