"""The lab's way to Locust: one HTTP connection to the master, one method per step of a trial.

Standard library only; never imports locust or gevent, so it drives a master in a subprocess, a
container or on another host alike. While a trial is under load it asks nothing: it waits in one
long poll. Every `deadline_s` is seconds from now. Foreign exceptions end here: `TrialFailed` when a
trial broke (gate "load-engine" for the engine, "conservation" for lost workers or reports),
`EnvironmentUnfit` when there is no usable Locust.
"""

import contextlib
import http.client
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from pydantic import ValidationError

from lab.errors import EnvironmentUnfit, TrialFailed
from lab.orders import Order, Ready, State, View
from lab.record import EngineResult, LocustCount
from loadtests.engine.classes import NAMES

POLL_S = 0.05  # between two looks at a master that is starting
LONG_POLL_S = 25.0  # asked of the master, which allows 30
STOP_S = 60.0  # Locust waits that long for its workers to stop
ANSWER_S = 10.0  # beyond what was asked, until the master counts as gone
SPAWN_RATE = 100  # tokens per second: all at once, below Locust's warning
LEAD_NS = 10_000_000  # time for the order to start to reach all engines
LOOPBACKS = ("127.0.0.1", "localhost", "::1")
LOST = "conservation"  # the gate of a lost master, worker or report


class LocustClient:
    """One Locust master. Not for use by several threads at once."""

    def __init__(self, base_url: str, token: str = "") -> None:
        parts = urlsplit(base_url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 80
        self.prefix = parts.path.rstrip("/")
        self.token = token
        self.beside = self.host in LOOPBACKS  # engines and this lab share a clock
        self._trial = ""  # prepared, not known to have ended
        self._engines = 0
        self._connection: http.client.HTTPConnection | None = None

    # the run

    def state(self) -> State:
        """Ask the master how it is. Raises OSError when nobody answers."""
        status, body = self._request("GET", "/lab/state")
        try:
            said = json.loads(body)
            return State(
                said["workers"],
                said["expected"],
                [engine["pid"] for engine in said["engines"]],
                said["runner"],
                said["users"],
                said["trial"]["id"] if said["trial"] else None,
                said.get("driver") or "",
            )
        except (ValueError, KeyError, TypeError) as error:
            raise EnvironmentUnfit(
                f"{self.host}:{self.port} is no Locust master of this lab (status {status})"
            ) from error

    def wait_until_up(self, deadline_s: float) -> State:
        """Wait for the master, for all its workers and for an engine on each. Raises
        EnvironmentUnfit.
        """
        deadline = time.monotonic() + deadline_s
        why = "no answer"
        while time.monotonic() < deadline:
            try:
                state = self.state()
            except OSError as error:
                why = str(error)
            else:
                if state.workers >= state.expected and state.workers == len(state.engines):
                    return state
                engines = len(state.engines)
                why = f"{state.workers} of {state.expected} workers, {engines} load engines"
            time.sleep(POLL_S)
        raise EnvironmentUnfit(
            f"Locust at {self.host}:{self.port} is not up in {deadline_s:g} s: {why}"
        )

    def heard(self, deadline_s: float = 1.0) -> bool:
        """Whether the master hears as many workers as it should, now or soon."""
        try:
            self.wait_until_up(deadline_s)
        except EnvironmentUnfit:
            return False
        return True

    def start_test(self, users: int = len(NAMES), deadline_s: float = 15.0) -> State:
        """Start the one Locust test of a run: a token per connection class. Harmless when it runs.

        POST /swarm answers "success" even without a worker, and keeps what it is not told from last
        time: so wait for the workers first, say everything, and look at the state afterwards.
        """
        deadline = time.monotonic() + deadline_s
        state = self.wait_until_up(deadline_s)
        if state.driver == "hand":
            raise EnvironmentUnfit("A load by hand is under way. Stop it on Locust's page first.")
        if state.runner == "running" and state.users == users:
            return state
        form = {"user_count": users, "spawn_rate": SPAWN_RATE, "host": "", "run_time": ""}
        status, body = self._post(
            "/swarm", urlencode(form).encode(), "application/x-www-form-urlencoded"
        )
        if status != http.client.OK or not json.loads(body).get("success"):
            raise EnvironmentUnfit(f"Locust does not start: {body[:200]!r}")
        while time.monotonic() < deadline:
            state = self.state()
            if state.runner == "running" and state.users == users:
                return state
            time.sleep(POLL_S)
        raise EnvironmentUnfit(f"Locust is {state.runner} with {state.users} of {users} tokens")

    def knock(self) -> None:
        """Ask whether the token is right. Raises EnvironmentUnfit, OSError."""
        status, body = self._request("POST", "/lab/note", b"a lab looks")
        if status == http.client.FORBIDDEN:
            why = json.loads(body).get("error", "") if body.startswith(b"{") else ""
            raise EnvironmentUnfit(
                f"the Locust master at {self.host}:{self.port} refuses this lab: {why}. Give its "
                "token: --token, or LAB_TOKEN in the environment"
            )

    def note(self, text: str) -> None:
        """Leave a line for people who look at the master."""
        self._post("/lab/note", text.encode())

    def verdicts(self, run: str, rows: Sequence[Mapping[str, str]]) -> None:
        """Show what has been found so far on the page; rows replace those of the same run before.

        Never raises: a page that nobody looks at is no reason to lose a run.
        """
        with contextlib.suppress(OSError):
            path = f"/lab/verdicts?{urlencode({'run': run})}"
            self._request("POST", path, json.dumps(rows).encode())

    def stop(self) -> None:
        """Stop the Locust test; the master stays up. Takes Locust a second. Never raises."""
        with contextlib.suppress(OSError):  # nobody there: nothing runs
            self._request("POST", "/stop", b"", wait=STOP_S)
        self.close()

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # a trial

    def prepare(self, order: Order | Mapping[str, Any], deadline_s: float | None = None) -> Ready:
        """Hand out a trial; return when every engine has its connections. Aborts on timeout."""
        order = order if isinstance(order, Order) else Order.model_validate(order)
        deadline_s = order.deadline + ANSWER_S if deadline_s is None else deadline_s
        deadline = time.monotonic() + deadline_s
        self._trial, self._engines = order.trial, 0
        body = order.model_dump_json().encode()
        view = self._ask("POST", _path("", wait=min(deadline_s, LONG_POLL_S)), body)
        view = self._reach(view, order.trial, "ready", deadline)
        self._engines = len(view.ready)
        return Ready(
            _add([ready.established for ready in view.ready]),
            _add([{n: sum(k.values()) for n, k in ready.failed.items()} for ready in view.ready]),
        )

    def go(
        self, trial: str, start_ns: int | None = None, deadline_s: float = 10.0
    ) -> tuple[int, int]:
        """Start the load. Returns the window's planned edges, ns of the engines' monotonic clock.

        start_ns: when the warm-up begins, on a clock that all engines share. None: at once; but
        several engines beside the master on this host start at one instant, to cover one window.
        """
        deadline = time.monotonic() + deadline_s
        if start_ns is None and self._engines > 1 and self.beside:
            start_ns = time.monotonic_ns() + LEAD_NS
        body = json.dumps({"start_ns": start_ns}).encode()
        view = self._ask("POST", _path(trial, "/go", wait=min(deadline_s, LONG_POLL_S)), body)
        view = self._reach(view, trial, "started", deadline)
        if view.window is None:
            raise TrialFailed("load-engine", "the load engine named no window")
        return view.window

    def result(self, trial: str, deadline_s: float) -> tuple[list[EngineResult], LocustCount]:
        """Wait for the end: one result per engine, and what Locust counted. Aborts on timeout."""
        view = self._reach(None, trial, "done", time.monotonic() + deadline_s)
        if view.locust is None or not view.results:
            raise TrialFailed(LOST, "the Locust master has no result of a trial that is done")
        self._trial = ""
        return view.results, view.locust

    def release(self, trial: str) -> None:
        """Let the connections of a trial go: what they mean for the server has been counted."""
        self._ask("POST", _path(trial, "/release", wait=0.0), b"{}")

    def abort(self, deadline_s: float = ANSWER_S) -> None:
        """End the trial that was prepared last; return when all engines have let go. Never raises.

        Harmless when there is none, when it has ended, when nobody answers.
        """
        trial, self._trial = self._trial, ""
        if trial:
            with contextlib.suppress(OSError):  # nobody there: nothing runs
                self._request("POST", _path(trial, "/abort", wait=deadline_s), b"{}", deadline_s)

    # inside

    def _reach(self, view: View | None, trial: str, state: str, deadline: float) -> View:
        """Poll until the trial is at `state`. Raises TrialFailed when it ended otherwise, or in
        time.
        """
        while view is None or view.state not in (state, "done", "failed", "aborted"):
            left = deadline - time.monotonic()
            if left <= 0:
                self.abort()
                raise TrialFailed(
                    "load-engine", f"trial not {state} in time: the load engine hangs"
                )
            view = self._ask("GET", _path(trial, wait=min(left, LONG_POLL_S), state=state))
        if view.state in ("failed", "aborted"):
            raise TrialFailed(view.gate or "load-engine", view.why)
        return view

    def _ask(self, method: str, path: str, body: bytes | None = None) -> View:
        """Send one request about a trial and map everything that is not a trial to TrialFailed."""
        try:
            status, text = self._request(method, path, body, LONG_POLL_S)
            if status in (http.client.OK, http.client.CREATED):
                return View.model_validate_json(text)
            why = str(json.loads(text)["error"])
        except OSError as error:
            raise TrialFailed(LOST, f"the Locust master does not answer: {error}") from error
        except (ValidationError, ValueError, KeyError, TypeError) as error:
            raise TrialFailed("load-engine", f"unreadable answer to {path}: {error}") from error
        if status == http.client.FORBIDDEN:
            raise EnvironmentUnfit(f"the Locust master refuses this lab: {why}")
        gate = "load-engine" if status in (http.client.BAD_REQUEST, http.client.CONFLICT) else LOST
        raise TrialFailed(gate, why)

    def _post(self, path: str, body: bytes, kind: str = "application/json") -> tuple[int, bytes]:
        try:
            return self._request("POST", path, body, kind=kind)
        except OSError as error:
            raise EnvironmentUnfit(f"the Locust master does not answer: {error}") from error

    def _request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        wait: float = 0.0,
        kind: str = "application/json",
    ) -> tuple[int, bytes]:
        """One exchange. A GET is tried twice, as kept connections go stale. Raises OSError."""
        headers = {"Content-Type": kind, "X-Lab-Token": self.token}
        for last in (False, True) if method == "GET" else (True,):
            connection = self._connected(wait + ANSWER_S)
            try:
                connection.request(method, self.prefix + path, body, headers)
                response = connection.getresponse()
                return response.status, response.read()
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if last or isinstance(error, TimeoutError):
                    raise OSError(str(error) or type(error).__name__) from error
            except BaseException:  # Ctrl-C: half an exchange is no connection to go on with
                self.close()
                raise
        raise AssertionError("unreachable")

    def _connected(self, timeout: float) -> http.client.HTTPConnection:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self.host, self.port)
        self._connection.timeout = timeout
        if self._connection.sock is not None:
            self._connection.sock.settimeout(timeout)
        return self._connection


def _path(trial: str, verb: str = "", *, wait: float, **query: str) -> str:
    name = f"/{quote(trial, safe='')}" if trial else ""
    return f"/lab/trials{name}{verb}?{urlencode({**query, 'wait': f'{wait:.3f}'})}"


def _add(counts: list[dict[str, int]]) -> dict[str, Any]:
    return {
        key: sum(one.get(key, 0) for one in counts) for key in {k: 0 for one in counts for k in one}
    }
