"""Who makes the load: what lab.yaml may say of it, what it leaves in plans, and what gates make
of it."""

import json
from pathlib import Path

import pytest

from lab import gates, guests
from lab.cells import cells
from lab.config import load, parse
from lab.context import cell_words
from lab.drivers import Locustfile, placed, unseen
from lab.errors import ConfigErrors, UsageError
from lab.forecast import USERS_S, trial_seconds
from lab.model import ClassLoad, Plan
from lab.orders import Order
from lab.plan import expand
from lab.record import Named, as_json, read
from lab.schema import Lab
from lab.wishes import Wishes
from tests.lab import records as r

BASE = """
version: 1
profiles:
  quick: {{looks: [12], warm-up: 0.3 s, window: 0.5 s, cool-down: 0.05 s}}
experiments:
  who:
    question: Who asks?
    protocol: http
    {experiment}
claims:
  c:
    kind: limit
    probe: select-1024
    sentence: A claim.
    profiles: [quick]
"""
USERS = """
from locust import HttpUser, task
class Mine(HttpUser):
    @task
    def ask(self):
        self.client.get("/")
"""


def text(**keys: str) -> str:
    keys = {"arms": "[epoll]", "load": "{long: {connections: 4, think: 1 ms}}", **keys}
    return BASE.format(experiment="\n    ".join(f"{key}: {value}" for key, value in keys.items()))


@pytest.fixture
def write(tmp_path):
    """write(**keys) → the path of a lab.yaml beside users.py."""
    (tmp_path / "users.py").write_text(USERS)

    def make(**keys):
        path = tmp_path / "lab.yaml"
        path.write_text(text(**keys))
        return path

    return make


def mistakes(path: Path) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        load(path)
    return [line.partition("experiments.who.")[2] for line in caught.value.problems]


def test_the_driver_is_the_experiments_or_the_arms_own(write):
    lab = load(
        write(
            driver="greenlets",
            arms="{a: epoll, b: {server: epoll, driver: engine}, "
            "c: {server: epoll, driver: {locustfile: users.py, users: [Mine], options: {x: 7}}}}",
        )
    )
    a, b, c = cells(lab, "quick", "who")
    assert (a.driver, b.driver) == ("greenlets", "engine")
    assert c.driver == Locustfile(locustfile="users.py", users=["Mine"], options={"x": "7"})
    assert cell_words(a).endswith("; plain Locust users")
    assert cell_words(b) == "4 long, closed, think 1000 us, 64 B"
    assert cell_words(c) == "4 users: Mine of users.py"
    assert trial_seconds(a) == pytest.approx(trial_seconds(b) + USERS_S)


def test_the_load_engine_leaves_no_trace_in_hashes_and_plans(write):
    silent, said = load(write()), load(write(driver="engine"))
    assert silent.sha256 == said.sha256
    for made in (silent.model_dump_json(), expand(silent, [], "quick", 1).model_dump_json()):
        assert "driver" not in made
    order = json.loads(Order.model_validate(ORDER).model_dump_json())
    assert "driver" not in order


ORDER = {
    "trial": "t",
    "label": "l",
    "target": ("127.0.0.1", 1),
    "protocol": "http",
    "classes": {"long": {"connections": 1}},
    "seed": 1,
    "timing": {"warm_up": 1, "window": 1, "cool_down": 0},
}


@pytest.mark.parametrize("driver", ["greenlets", "{locustfile: users.py, options: {loud: true}}"])
def test_a_lab_and_a_plan_with_plain_users_survive_json(write, driver):
    lab = (
        load(write(driver=driver, load="{long: {connections: 4, think: 1 ms}}"))
        if (driver == "greenlets")
        else load(write(driver=driver, load="{long: {connections: 4}}"))
    )
    assert Lab.model_validate_json(lab.model_dump_json(by_alias=True)) == lab
    plan = expand(lab, [], "quick", 1)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    assert lab.sha256 != load(write()).sha256


def test_users_of_a_locustfile_need_no_think_and_no_rate(write):
    lab = load(write(driver="{locustfile: users.py}", load="{long: {connections: 4}}"))
    (cell,) = cells(lab, "quick", "who")
    assert cell.load["long"].think_s == 0
    shared = "{a: epoll, b: {server: epoll, driver: {locustfile: users.py}}}"
    (line,) = mistakes(write(arms=shared, load="{long: {connections: 4}}"))
    assert line.startswith("load.long: has neither rate nor think. Write one: rate: 1000/s (open)")
    own = (
        "{a: epoll, b: {server: epoll, driver: {locustfile: users.py}, "
        "load: {long: {connections: 4}}}}"
    )
    assert len(cells(load(write(arms=own)), "quick", "who")) == 2


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"driver": "greenlet"}, 'driver: "greenlet" is no driver. Write engine, greenlets, or'),
        ({"driver": "[a]"}, "driver: a list is no driver"),
        ({"driver": "{locustfile: users.py, user: [A]}"}, 'driver: unknown key "user"'),
        ({"driver": "{users: [A]}"}, 'driver: "locustfile" is missing'),
        ({"driver": "{locustfile: users.py, users: A}"}, "users are names of classes"),
        ({"driver": "{locustfile: users.py, options: [a]}"}, "options are names with"),
        (
            {"driver": "{locustfile: none.py}", "load": "{long: {connections: 4}}"},
            'driver.locustfile: "none.py" cannot be read: No such file',
        ),
        (
            {"driver": "{locustfile: bad.py}", "load": "{long: {connections: 4}}"},
            "driver.locustfile: bad.py:2: invalid syntax",
        ),
        (
            {"driver": "greenlets", "load": "{long: {connections: 4, rate: 5/s}}"},
            "they have no rate. Write think: 1 ms, or write driver: engine.",
        ),
        (
            {"driver": "greenlets", "load": "{long: {connections: 4, think: 0 s, requests: 5}}"},
            'load.long.requests: plain Locust users do not know "requests"',
        ),
        (
            {
                "driver": "greenlets",
                "load": "{long: {connections: 4, think: 0 s}, storm: {connections: 4, at: 1 ms}}",
            },
            "load.storm: Plain Locust users are long or short or idle. Leave storm out",
        ),
        (
            {
                "driver": "{locustfile: users.py}",
                "load": "{long: {connections: 4}, short: {connections: 4, think: 0 s}}",
            },
            "load.short: Users of a locustfile are long or idle",
        ),
        (
            {"driver": "{locustfile: users.py}", "load": "{short: {connections: 4, think: 0 s}}"},
            "load: the users of a locustfile are counted as long",
        ),
        (
            {"driver": "{locustfile: users.py}", "load": "{long: {connections: 4, think: 0 s}}"},
            "load.long.think: users of a locustfile ask what that says, as often",
        ),
    ],
)
def test_what_plain_users_cannot_do_is_refused_at_its_place(write, keys, words):
    path = write(**keys)
    (path.parent / "bad.py").write_text("x = 1\ndef")
    assert any(words in line for line in mistakes(path))


def test_without_a_folder_no_file_is_looked_for():
    lab = parse(text(driver="{locustfile: no.py}", load="{long: {connections: 4}}").encode())
    assert lab.experiments["who"].driver == Locustfile(locustfile="no.py")


# before a run


def wishes(path: Path, **changes: object) -> Wishes:
    base = {
        "lab_file": path,
        "select": (),
        "profile": "quick",
        "seed": None,
        "order": "hashed",
        "results": path.parent,
    }
    return Wishes(**{**base, **changes})  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "driver", "words"),
    [
        (USERS, "{locustfile: users.py, users: [Yours]}", "users.py: no user class Yours"),
        ("import nothing_like_it", "{locustfile: users.py}", "users.py:1: ModuleNotFoundError"),
        ("import os; os._exit(3)", "{locustfile: users.py}", "ended everything (3)"),
        ("while True: pass", "{locustfile: users.py}", "still loading after 3 s"),
        (USERS, "{locustfile: users.py}", ""),
    ],
)
def test_a_locustfile_is_loaded_once_before_anything_starts(
    write, monkeypatch, source, driver, words
):
    monkeypatch.setattr(guests, "LOADING_S", 3.0)
    path = write(driver=driver, load="{long: {connections: 4}}")
    (path.parent / "users.py").write_text(source)
    plan = expand(load(path), [], "quick", 1)
    if not words:
        guests.examine(plan, wishes(path))
        return
    with pytest.raises(UsageError) as refused:
        guests.examine(plan, wishes(path))
    (line,) = str(refused.value).splitlines()
    assert words in line
    assert line.startswith(f"{path}: experiments.who, arm epoll: ")


@pytest.mark.parametrize("changes", [{"backend": "attach"}, {"locust": "docker"}])
def test_a_locustfile_runs_in_local_processes_only(write, changes):
    path = write(driver="{locustfile: users.py}", load="{long: {connections: 4}}")
    plan = expand(load(path), [], "quick", 1)
    with pytest.raises(UsageError, match="a local process"):
        guests.examine(plan, wishes(path, **changes))
    guests.examine(expand(load(write(driver="greenlets")), [], "quick", 1), wishes(path, **changes))


def test_what_was_run_is_kept_by_its_hash(write):
    path = write(driver="{locustfile: users.py}", load="{long: {connections: 4}}")
    plan = expand(load(path), [], "quick", 1)
    before = guests.facts(plan, path.parent)
    assert before.keys() == {"locustfile users.py"}
    (path.parent / "users.py").write_text(USERS + "# changed")
    assert guests.facts(plan, path.parent) != before
    (only,) = guests.files(plan.cells, path.parent)
    assert only == str(path.parent / "users.py")


# records


THEIRS = Locustfile(locustfile="users.py")


def test_an_order_names_a_locustfile_by_its_absolute_path(tmp_path):
    found = placed(THEIRS, tmp_path)
    assert isinstance(found, Locustfile)
    assert found.locustfile == str(tmp_path / "users.py")
    assert placed("greenlets", tmp_path) == "greenlets"
    assert Order.model_validate(ORDER | {"driver": found}).driver == found


def states(record, cell):
    return {found.gate: found.state for found in gates.check(record, cell)}


def test_pauses_and_connections_of_a_locustfile_are_its_own():
    """Nobody knows them: the gates judge what is known, the number of users."""
    assert unseen(THEIRS) == {"long"}
    load = {"long": ClassLoad(connections=r.LONG), "idle": ClassLoad(connections=r.IDLE)}
    cell, theirs = r.cell(load=load), r.cell(load=load, driver=THEIRS)
    meter = r.record().meter
    record = r.record(
        meter=meter.model_copy(
            update={"ready": r.footprint(8 + r.IDLE), "after": r.footprint(8 + r.IDLE + 9)}
        )
    )
    assert (states(record, cell)["census"], states(record, theirs)["census"]) == ("void", "ok")
    assert states(record, cell)["littles-law"] == "void"  # 2000/s of 100 us, and no pause
    assert states(record, theirs)["littles-law"] == "ok"
    asked = {**load, "long": ClassLoad(connections=r.LONG + 1)}
    assert states(record, r.cell(load=asked, driver=THEIRS))["census"] == "void"
    asked = {**load, "idle": ClassLoad(connections=r.IDLE + 1)}
    assert states(record, r.cell(load=asked, driver=THEIRS))["census"] == "void"


def test_names_of_a_locustfile_are_in_the_record_and_old_records_have_none():
    engine = r.record().engines[0]
    assert "names" not in engine.model_dump_json()
    assert "driver" not in engine.model_dump_json()
    named = Named(
        method="GET",
        name="/",
        completed=1,
        untimed=0,
        failed={"raised": 2},
        errors={"ValueError: x": 2},
        response=r.histogram(5, 1),
    )
    record = r.record(
        engines=[engine.model_copy(update={"driver": "locustfile", "names": [named]})]
    )
    assert read(as_json(record)) == record
