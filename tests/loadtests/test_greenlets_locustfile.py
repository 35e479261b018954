"""Somebody's own locustfile in the lab: unmodified, counted by its events, held to its bounds."""

import os
from pathlib import Path

import pytest

from tests.engine.conftest import Server, talk
from tests.loadtests.plain_users import Users, order

pytestmark = pytest.mark.slow

GOOD = """
import sys
from locust import FastHttpUser, HttpUser, between, constant, events, task

started = []

@events.init_command_line_parser.add_listener
def arguments(parser):
    parser.add_argument("--word", default="none")

@events.init.add_listener
def on_init(environment, runner, web_ui, **_):
    assert runner is not None and web_ui is None
    started.append(environment.parsed_options.word)

@events.test_start.add_listener
def on_start(environment, **_):
    started.append(environment.host)

class Shopper(HttpUser):
    wait_time = constant(0.001)

    @task
    def buy(self):
        print("users may print", sys.stdin.read())
        assert started[0] == "hello", started
        assert started[1] == self.host
        answer = self.client.post("/echo", data=b"bread", name="buy")
        assert answer.content == b"BREAD"

class Quick(FastHttpUser):
    @task(3)
    def look(self):
        self.client.get("/bytes/10", name="look")

    @task(1)
    def miss(self):
        self.client.get("/nowhere", name="miss")
"""
QUIET = {"long": {"connections": 4, "think_s": 0.0}}


def http(client, number):
    connection = talk("http")
    while data := client.recv(65536):
        if answer := connection.receive(data):
            client.sendall(answer)
        if connection.closed:
            return


@pytest.fixture
def server():
    running = Server(http)
    yield running
    running.close()


@pytest.fixture
def go(tmp_path):
    """go(text) → the process, and the driver of a locustfile with that text."""
    running = []

    def start(text, **more):
        file = tmp_path / "their_users.py"
        file.write_text(text)
        running.append(Users(locustfiles=f"{tmp_path / 'other.py'}{os.pathsep}{file}"))
        return running[0], {"locustfile": str(file), **more}

    yield start
    for users in running:
        users.close()


def test_unmodified_users_run_in_the_lab(go, server):
    users, driver = go(GOOD, options={"word": "hello"})
    made = order(server, driver, protocol="http", **QUIET, idle={"connections": 3})
    result = users.run(made)
    assert users.ready["established"] == {"long": 4, "idle": 3}
    assert result.driver == "locustfile"
    found = result.classes["long"]
    census = found.connections
    assert census.asked == census.established == census.held_at_start == census.held_at_end == 4
    assert result.classes["idle"].connections.held_at_end == 3
    rows = {row.name: row for row in result.names}
    assert rows.keys() == {"buy", "look", "miss"}
    assert rows["buy"].method == "POST"
    assert rows["buy"].completed
    assert rows["look"].response.count == rows["look"].completed > 0
    assert rows["miss"].failed == {"wrong": rows["miss"].failed["wrong"]}
    assert any("404" in text for text in rows["miss"].errors)
    assert found.window.completed == rows["buy"].completed + rows["look"].completed
    assert found.total.bytes_received > 0
    for untold in (found.window.first_byte, found.window.lag):
        assert untold.count == 0
    assert (found.total.bytes_sent, result.in_flight) == (0, [])


def test_one_class_of_several(go, server):
    users, driver = go(GOOD, users=["Quick"])
    result = users.run(order(server, driver, protocol="http", **QUIET))
    assert {row.name for row in result.names} == {"look", "miss"}


USER = "from locust import User, task, constant\nclass Mine(User):\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "there is no such file"),
        ("def", r"their_users.py:1: SyntaxError"),
        ("import nothing_of_that_name", "their_users.py:1: ModuleNotFoundError"),
        ("x = 1\n1 / 0", "their_users.py:2: ZeroDivisionError"),
        ("import sys\nsys.exit('enough')", "SystemExit: enough"),
        ("from locust import User", "no user class in it"),
        (USER + "    pass", "Mine has no task"),
        (USER + "    @task\n    def a(self): pass", "no user class Yours; it has Mine"),
        (
            USER + "    def __init__(self, env):\n        1 / 0\n    @task\n    def a(self): pass",
            "their_users.py:4: ZeroDivisionError",
        ),
        (
            "from locust import events\n@events.init.add_listener\n"
            "def a(**_): 1 / 0\n" + USER + "    @task\n    def a(self): pass",
            "one of its listeners failed",
        ),
    ],
)
def test_a_file_that_cannot_be_used_fails_in_one_line_that_names_it(go, server, text, words):
    users, driver = go(text or "", **({"users": ["Yours"]} if "Yours" in words else {}))
    if text is None:
        Path(driver["locustfile"]).unlink()
    answer = users.prepare(order(server, driver, protocol="http", **QUIET))
    assert answer["event"] == "failed"
    assert words in answer["error"]
    assert answer["error"].startswith("their_users.py")
    assert "\n" not in answer["error"]
    assert server.accepted == 0


def test_an_option_that_the_file_has_not_is_named(go, server):
    users, driver = go(GOOD, options={"wrod": "hello"})
    answer = users.prepare(order(server, driver, protocol="http", **QUIET))
    assert "their_users.py: ValueError: unrecognized arguments: --wrod=hello" in answer["error"]


def test_a_flag_takes_no_value(go, server):
    text = (
        "from locust import events\n@events.init_command_line_parser.add_listener\n"
        "def a(parser): parser.add_argument('--loud', action='store_true')\n"
        "@events.test_start.add_listener\n"
        "def b(environment, **_): assert environment.parsed_options.loud\n"
    ) + (USER + "    @task\n    def a(self): pass")
    users, driver = go(text, options={"loud": ""})
    assert users.prepare(order(server, driver, protocol="http", **QUIET))["event"] == "ready"


def test_only_files_that_were_named_at_the_start_are_run(go, server, tmp_path):
    users, _ = go(GOOD)
    other = tmp_path / "wanted.py"
    other.write_text(f"open({str(tmp_path / 'it ran')!r}, 'w')")
    answer = users.prepare(order(server, {"locustfile": str(other)}, protocol="http", **QUIET))
    assert "LAB_LOCUSTFILES" in answer["error"]
    assert not (tmp_path / "it ran").exists()


def test_exceptions_of_users_are_counted_by_kind_and_users_that_stop_are_missed(go, server):
    text = USER + (
        "    wait_time = constant(0.005)\n"
        "    turns = 0\n"
        "    @task\n"
        "    def a(self):\n"
        "        Mine.turns += 1\n"
        "        if Mine.turns > 8:\n"
        "            from locust.exception import StopUser\n"
        "            raise StopUser\n"
        "        raise KeyError('where')\n"
    )
    users, driver = go(text)
    users.prepare(order(server, driver, **QUIET))
    users.say(go="a trial")
    users.hear()
    result, _ = users.finish()
    found = result.classes["long"]
    assert found.total.failed == {"raised": 8}
    assert found.connections.held_at_end == 0
    assert found.connections.lost == 4
    users.close()
    errors = [line for line in users.log.splitlines() if line.startswith("Traceback")]
    assert 1 <= len(errors) <= 3  # in the log, and no flood


def test_nobody_begins_before_the_load_does(go, server, tmp_path):
    mark = tmp_path / "begun"
    text = USER + (
        "    wait_time = constant(1)\n"
        "    def on_start(self):\n"
        f"        open({str(mark)!r}, 'a').close()\n"
        "    @task\n"
        "    def a(self): pass\n"
    )
    users, driver = go(text)
    assert users.prepare(order(server, driver, **QUIET))["event"] == "ready"
    assert not mark.exists()
    users.say(go="a trial")
    users.hear()
    users.finish()
    assert mark.exists()


def test_a_user_that_keeps_all_others_waiting_is_seen(go, server):
    text = USER + (
        "    wait_time = constant(1)\n"
        "    @task\n"
        "    def a(self):\n"
        "        import time\n"
        "        until = time.monotonic() + 0.12\n"
        "        while time.monotonic() < until: pass\n"
    )
    users, driver = go(text)
    made = order(server, driver, **QUIET, timing=(0.05, 0.6, 0.05))
    assert users.run(made).stalled_ns > 100_000_000


def test_a_look_at_a_file_makes_no_user(tmp_path):
    file = tmp_path / "their_users.py"
    file.write_text(GOOD)
    looking = Users("--check", str(file), "--user", "Quick", "--option", "word", "hello")
    assert looking.hear() == {"users": ["Quick"]}
    looking.close()
    file.write_text("print('x')\nnonsense")
    looking = Users("--check", str(file))
    assert looking.hear() == {
        "error": "their_users.py:2: NameError: name 'nonsense' is not defined"
    }
    looking.close()
