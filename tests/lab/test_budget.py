"""What a plan takes of a machine: each resource by itself, on tables with the sums spelled out."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab import budget, possible, turnover
from lab.budget import SPARE, Machine, Place
from lab.cli import app
from lab.config import load
from lab.machine import inspect
from lab.model import ClassLoad, Timing
from lab.plan import expand
from tests.lab import fakes
from tests.lab import records as r

MACHINE = Machine(
    cpus=2,
    nofile=20_000,
    ports=28_232,
    files=1_000_000,
    tasks=32_000,
    maps=65_530,
    memory=8 * 2**30,
    tracked=262_144,
    time_waits=131_072,
)
LOCAL, AWAY = Place(), Place(local=lambda _: False)
TEN = Timing(warm_up=1, window=8, cool_down=1)


def cell(timing=TEN, server="epoll", **classes):
    given = {name.replace("_", "-"): ClassLoad(**fields) for name, fields in classes.items()}
    return r.cell(load=given, timing=timing, server=server)


def line(what, found, machine=MACHINE, place=LOCAL):
    (one,) = [each for each in budget.lines(found, machine, place) if each.what == what]
    return one


def ports(found, place=LOCAL):
    return line("ports of a source address", found, place=place)


@pytest.mark.parametrize(
    ("classes", "local", "away"),
    [
        # held: 100 long share the kernel's choice; 15 000 idle have two addresses
        ({"long": {"connections": 100}, "idle": {"connections": 15_000}}, 7_500, 15_100),
        ({"long": {"connections": 100}}, 100, 100),
        # 2000/s for 10 s, three attempts to one port: 60 000 in TIME_WAIT, and 64; 16 addresses
        ({"short": {"connections": 64, "rate": 2000}}, 3_754, 60_064),
        # a reset leaves nothing
        ({"short": {"connections": 64, "rate": 2000, "ends": "reset"}}, 4, 64),
        # 100 held, 20 000 asked for, 100 on each: 200 connections end, times three
        ({"long": {"connections": 100, "rate": 2000, "requests": 100}}, 44, 700),
        ({"churn": {"connections": 160, "rate": 16}, "long": {"connections": 1}}, 40, 641),
        ({"storm": {"connections": 160}, "long": {"connections": 1}}, 40, 641),
    ],
)
def test_ports_are_counted_by_source_address(classes, local, away):
    assert ports(cell(**classes)).need == local
    assert ports(cell(**classes), AWAY).need == away


def test_a_rate_that_climbs_is_counted_by_its_area():
    """From 0 to 1000/s in 4 s, then steady: 2000 in the first four seconds, 6000 behind them."""
    load = ClassLoad(connections=10, rate=1000, start=0, stages=[(4, 1000)])
    assert turnover.opened("short", load, 10) == 8000
    assert turnover.opened("short", load, 2) == 500


def test_more_engines_have_more_addresses():
    short = cell(short={"connections": 64, "rate": 20_000})
    assert not ports(short).ok
    assert ports(short, Place(engines=2)).need == -(-ports(short).need // 2)
    assert ports(short, Place(engines=2)).ok


def test_a_minute_of_time_wait_is_all_there_is():
    """Behind a minute the first ports come back: a longer trial needs no more of them."""
    hour = Timing(warm_up=1, window=3600, cool_down=1)
    short = {"connections": 16, "rate": 1000}
    assert ports(cell(hour, short=short)).need == (60_000 + 16) / 16
    assert turnover.tracked(cell(hour, short=short)) == 3_602_016


def test_who_is_at_fault():
    mixed = cell(idle={"connections": 15_000}, short={"connections": 64, "rate": 9_000})
    assert ports(mixed).by == ("short", "rate")
    assert ports(cell(idle={"connections": 500}, long={"connections": 3})).by == (
        "idle",
        "connections",
    )
    assert line("open files of the server", mixed).by == ("idle", "connections")


def test_a_closed_class_is_counted_by_what_one_engine_can_do():
    eager = ClassLoad(connections=1000)
    assert turnover.opened("short", eager, 10) == 200_000
    assert turnover.opened("short", eager, 10, engines=3) == 600_000
    thinking = ClassLoad(connections=100, think_s=0.1)
    assert turnover.opened("short", thinking, 10) == 10_000


@pytest.mark.parametrize(("nofile", "fits"), [(15_100 + SPARE, True), (15_099 + SPARE, False)])
def test_open_files_of_server_and_engine(nofile, fits):
    big = cell(long={"connections": 100}, idle={"connections": 15_000})
    found = replace(MACHINE, nofile=nofile)
    assert line("open files of the server", big, found).ok is fits
    assert line("open files of a load engine", big, found).ok is fits
    assert line("open files of a load engine", big, found, Place(engines=2)).ok


def test_the_advice_on_open_files_works():
    huge = cell(idle={"connections": 50_000}, long={"connections": 1})
    found = line("open files of a load engine", huge)
    assert "--workers 3" in found.mend
    assert line("open files of a load engine", huge, place=Place(engines=3)).ok
    server = line("open files of the server", huge)
    assert f"ulimit -Hn {server.need}" in server.mend
    assert line("open files of the server", huge, replace(MACHINE, nofile=server.need)).ok


def test_a_thread_or_a_process_each_needs_tasks_maps_and_memory():
    load = {"long": {"connections": 40_000}}
    threads = {
        one.what: one for one in budget.lines(cell(server="threads", **load), MACHINE, LOCAL)
    }
    assert not threads["threads and processes"].ok
    assert (threads["memory maps of the server"].need, MACHINE.maps) == (80_000, 65_530)
    processes = line("MiB of memory", cell(server="processes", **load))
    assert not processes.ok
    assert processes.need > 40_000
    events = {one.what for one in budget.lines(cell(**load), MACHINE, LOCAL)}
    assert not events & {"threads and processes", "memory maps of the server"}


def test_what_is_not_known_is_not_counted():
    blank = Machine(cpus=2, nofile=20_000, ports=28_232)
    found = {one.what for one in budget.lines(cell(long={"connections": 1}), blank, LOCAL)}
    assert found == {
        "ports of a source address",
        "open files of the server",
        "open files of a load engine",
    }


def test_a_storm_above_the_backlog_is_told_and_not_refused():
    storm = cell(storm={"connections": 2000}, long={"connections": 1})
    found = line("backlog", storm)
    assert (found.ok, found.fatal, found.have) == (False, False, 1024)
    assert budget.refused([storm], MACHINE, LOCAL) == []
    assert line("backlog", storm, replace(MACHINE, somaxconn=128)).have == 128


def test_one_trial_may_not_need_more_tracked_connections_than_there_are():
    short = cell(short={"connections": 10, "rate": 1000})
    assert line("tracked connections", short).need == 10_010
    assert not line("tracked connections", short, replace(MACHINE, tracked=10_009)).ok


def test_refusals_name_the_worst_cell_of_each_experiment_once():
    cells = [
        r.cell(id=f"e/epoll/idle={n}", load={"idle": ClassLoad(connections=n)})
        for n in (30_000, 50_000, 40_000)
    ]
    found = budget.refused(cells, MACHINE, LOCAL)
    assert {one.cell for one in found} == {"e/epoll/idle=50000"}
    assert [one.what for one in found] == [
        "open files of the server",
        "open files of a load engine",
    ]


def test_what_trials_leave_to_those_behind_them_is_a_sliding_sum():
    """Trials of 10.1 s and 10 000 connections: a minute holds less than six, two less than 12."""
    plan = fakes.plan([cell(short={"connections": 1, "rate": 1000})], blocks=20)
    found = {one.what: one.need for one in budget.waiting(plan, MACHINE, LOCAL)}
    assert found == {"TIME_WAIT, in a minute": 60_000, "tracked, in two minutes": 120_012}
    few = fakes.plan([cell(short={"connections": 1, "rate": 1000})], blocks=2)
    found = {one.what: one.need for one in budget.waiting(few, MACHINE, LOCAL)}
    assert found == {"TIME_WAIT, in a minute": 20_000, "tracked, in two minutes": 20_002}


LAB = """version: 1
profiles: {one: {looks: [2], warm-up: 1 s, window: 8 s, cool-down: 1 s}}
experiments:
  crowd:
    question: Who can hold that many?
    arms: [epoll, poll]
    load: {long: {connections: 100, rate: 500/s}, idle: {connections: $idle}}
    factors: {idle: [100, MANY]}
  brief:
    question: And who can open that many?
    arms: [epoll]
    load:
      short: {connections: 64, rate: RATE/s}
claims:
  held:
    {kind: compare, sentence: It is., experiment: crowd, metric: cpu, ratio: poll / epoll,
     at: {idle: MANY}, at-least: 1.1, because: it is a test, profiles: [one]}
"""


def plan_of(folder: Path, *words: str, many=15_000, rate=2000):
    path = folder / "lab.yaml"
    path.write_text(LAB.replace("MANY", str(many)).replace("RATE", str(rate)))
    return path, CliRunner().invoke(app, ["plan", "--lab", str(path), "--profile", "one", *words])


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """The same limits everywhere, and no ceiling that a self-test has stored in results/."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lab.machine.inspect", lambda: MACHINE)
    monkeypatch.setattr("lab.possible.inspect", lambda: MACHINE)


def test_lab_plan_shows_the_budget(tmp_path, machine):
    _, done = plan_of(tmp_path)
    assert done.exit_code == 0, done.output
    assert "budget of this machine, 1 load engine" in done.stdout
    assert "15,164 of      20,000  crowd/epoll/idle=15000" in done.stdout


@pytest.mark.parametrize(
    ("change", "place", "number", "advice"),
    [
        ({"many": 30_000}, "8:27: experiments.crowd.factors.idle[1]", "30,164", "ulimit -Hn 30164"),
        ({"rate": 20_000}, "13:38: experiments.brief.load.short.rate", "37,504", "--workers"),
    ],
)
def test_lab_plan_refuses_what_cannot_be_with_line_numbers_and_advice(
    tmp_path, machine, change, place, number, advice
):
    path, done = plan_of(tmp_path, **change)
    assert done.exit_code == 5
    told = [each for each in done.stderr.splitlines() if place in each]
    assert told, done.stderr
    assert f"{path}:{place}" in told[0]
    assert number in told[0]
    assert advice in "".join(told)


def test_the_advice_makes_it_possible(tmp_path, machine):
    _, done = plan_of(tmp_path, "--workers", "2", rate=20_000)
    assert done.exit_code == 0, done.stderr
    assert "2 load engines" in done.stdout


def test_lab_run_refuses_before_anything_starts(tmp_path, machine):
    path, _ = plan_of(tmp_path, many=30_000)
    words = ["run", "--lab", str(path), "--profile", "one", "--results", str(tmp_path / "results")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 5
    assert "experiments.crowd.factors.idle[1]" in done.stderr
    assert not (tmp_path / "results").exists()


def test_the_own_lab_yaml_can_be_run_where_it_was_written_for():
    path = Path(__file__).parents[2] / "lab.yaml"
    lab = load(path)
    for profile in ("smoke", "quick", "full"):
        plan = expand(lab, (), profile, 1)
        assert possible.look(path, lab, plan, MACHINE).problems == []


@pytest.mark.parametrize("profile", ["once", "scale"])
def test_the_example_can_be_run_with_two_workers(profile):
    path = Path(__file__).parents[2] / "examples" / "scale" / "lab.yaml"
    lab = load(path)
    plan = expand(lab, ("crowd", "passing"), profile, 1)
    assert possible.look(path, lab, plan, MACHINE, engines=2).problems == []
    most = max(turnover.held(one) for one in plan.cells)
    assert most == 15_100
    assert max(turnover.waits(one) for one in plan.cells) >= 40_000


def test_this_machine_has_limits():
    found = inspect()
    assert 0 < found.nofile <= found.nr_open
    assert found.ports > 0
    assert (found.files or 0) > 0
    assert (found.tasks or 0) > 0
    assert (found.memory or 0) > 2**20
