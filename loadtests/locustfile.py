"""What Locust loads: the tokens, and the wiring of the lab into master and workers. No logic in
here.

    locust -f loadtests/locustfile.py --master --expect-workers 1
    locust -f loadtests/locustfile.py --worker

Environment: LAB_TOKEN, LAB_PUBLISHED and LAB_HOSTS (web.guard), LAB_ALLOW_TARGETS (targets),
LAB_ENGINE_COMMAND (conductor), LAB_LEASH (below).
"""

import os
import signal
from typing import Any

import gevent
import gevent.socket
import locust.stats
from locust import events
from locust.runners import MasterRunner, WorkerRunner

from loadtests import handover
from loadtests.conductor import Conductor
from loadtests.desk import Desk
from loadtests.routes import Routes
from loadtests.users import (
    ChurnToken,
    IdleToken,
    LongToken,
    NeverFinishingToken,
    ShortToken,
    SlowReaderToken,
    SlowSenderToken,
    StormToken,
    VictimToken,
)
from loadtests.web.guard import Exposed, protect
from loadtests.web.hand import Hand
from loadtests.web.pages import Pages, add_options

__all__ = [
    "ChurnToken",
    "IdleToken",
    "LongToken",
    "NeverFinishingToken",
    "ShortToken",
    "SlowReaderToken",
    "SlowSenderToken",
    "StormToken",
    "VictimToken",
]  # Locust looks for User classes among this file's names

LAST_GASP_S = 5.0  # to end by itself once the leash is cut; then the hard way


def wire(environment: Any, runner: Any, web_ui: Any, **_: Any) -> None:
    """Locust's `init` event: make the master a desk, a worker a conductor."""
    if web_ui is not None:
        try:
            protect(web_ui)
        except Exposed as why:
            raise SystemExit(str(why)) from None
    if isinstance(runner, WorkerRunner):
        Conductor(runner)
    elif isinstance(runner, MasterRunner) and web_ui is not None:
        gevent.spawn(handover.answer_at_once, web_ui)
        desk = Desk(runner)
        hand = Hand(runner, desk, os.environ)
        routes = Routes(desk, hand)
        web_ui.app.register_blueprint(routes.blueprint(web_ui.auth_required_if_enabled))
        Pages(desk, hand, routes.check_token).add_to(web_ui)
        if isinstance(web_ui.stats_csv_writer, locust.stats.StatsCSVFileWriter):
            handover.hold_csv(web_ui.stats_csv_writer, desk.wait_until_quiet)
            environment.events.quitting.add_listener(
                lambda **_: handover.finish_csv(web_ui.stats_csv_writer)
            )


def follow_leash() -> None:
    """End this process when the lab is gone, even killed by SIGKILL: end of file on standard input.

    Whoever starts Locust with LAB_LEASH=1 holds the other end of that pipe. Rather than
    PR_SET_PDEATHSIG, which fires when the *thread* that started us ends (prctl(2)), or polling
    getppid(), which costs wake-ups.
    """
    gevent.socket.wait_read(0)  # nobody ever writes: readable means end of file
    gevent.spawn_later(LAST_GASP_S, os._exit, 1)
    os.kill(os.getpid(), signal.SIGTERM)


locust.stats.bucket_response_time = handover.bucket  # fractions of a millisecond survive
events.init.add_listener(wire)
events.init_command_line_parser.add_listener(add_options)
if os.environ.get("LAB_LEASH"):
    gevent.spawn(follow_leash)
