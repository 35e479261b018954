"""The stored ceiling: what it refuses, with which words, and when it keeps out of the way."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab import host, possible
from lab.budget import Machine
from lab.cli import app
from lab.config import load
from lab.doctor import _ceiling
from lab.errors import EXIT_ENVIRONMENT
from lab.model import ClassLoad
from lab.plan import expand
from lab.selftest import ceiling as found_by
from lab.selftest import ceilings
from lab.selftest.ceilings import Ceiling
from tests.lab import records as r

MACHINE = Machine(cpus=2, nofile=100_000, ports=28_232)
LAB = """\
version: 1
profiles:
  smoke: {looks: [6], warm-up: 0.2 s, window: 0.5 s, cool-down: 0.1 s}
experiments:
  ladder:
    question: What does a request cost?
    arms: [select, epoll]
    load:
      long:
        connections: 8
        rate: $rate
    factors:
      rate: [1000, 8000]
claims:
  cheaper:
    kind: compare
    sentence: select costs more.
    experiment: ladder
    metric: cpu
    ratio: select / epoll
    at: {rate: 8000}
    at-least: 1.10
    because: a test
    profiles: [smoke]
"""


def ceiling(**changes):
    base = {
        "host": host.digest(host.facts()),
        "found": "2026-01-01 12:00 UTC",
        "version": "0.1.0",
        "closed": {1: 20_000.0, 50: 50_000.0},
        "open": 10_000.0,
        "short": 4_000.0,
    }
    return Ceiling.model_validate({**base, **changes})


def cell(**load):
    return r.cell(load={name: ClassLoad(connections=8, **one) for name, one in load.items()})


@pytest.mark.parametrize(
    ("load", "have", "ok"),
    [
        ({"long": {"rate": 6999}}, 7000, True),
        ({"long": {"rate": 7001}}, 7000, False),
        ({"short": {"rate": 2800}}, 2800, True),
        ({"short": {"rate": 2801}}, 2800, False),
        # a share of each: 0.5 of its own for the short ones leave 0.2 of 10,000
        ({"long": {"rate": 2100}, "short": {"rate": 2000}}, 1960, False),
        ({"long": {"rate": 1900}, "short": {"rate": 2000}}, 2040, True),
    ],
)
def test_a_rate_is_held_against_seventy_per_cent(load, have, ok):
    found = ceilings.line(cell(**load), ceiling())
    assert (found.have, found.ok) == (have, ok)


def test_closed_loads_ask_for_no_rate():
    assert ceilings.line(cell(long={"think_s": 0.001}), ceiling()) is None


def test_without_a_ceiling_nothing_is_refused():
    assert ceilings.refused([cell(long={"rate": 1e9})], None) == []


def test_of_each_experiment_the_worst_cell_is_refused():
    cells = [
        cell(long={"rate": rate}).model_copy(update={"id": f"ladder/epoll/{rate}"})
        for rate in (1000, 8000, 9000)
    ]
    (found,) = ceilings.refused(cells, ceiling())
    assert (found.need, found.cell) == (9000, "ladder/epoll/9000")


def test_it_is_kept_and_read_again_on_the_machine_it_was_found_on(tmp_path):
    ceilings.write(tmp_path / "results", ceiling())
    assert ceilings.read(tmp_path / "results") == ceiling()


@pytest.mark.parametrize("text", ["", "{}", '{"host": 1}', "[1]"])
def test_what_is_no_ceiling_counts_as_none(tmp_path, text):
    (tmp_path / ceilings.NAME).write_text(text)
    assert ceilings.read(tmp_path) is None


def test_that_of_another_machine_counts_as_none(tmp_path):
    ceilings.write(tmp_path, ceiling(host="0123456789abcdef"))
    assert ceilings.read(tmp_path) is None


def test_a_plan_above_it_is_refused_with_line_number_and_remedy(tmp_path):
    path = tmp_path / "lab.yaml"
    path.write_text(LAB)
    lab = load(path)
    plan = expand(lab, (), "smoke", 1)
    look = {"lab_file": path, "lab": lab, "plan": plan, "machine": MACHINE}
    assert possible.look(**look).problems == []
    (told,) = possible.look(**look, ceiling=ceiling()).problems
    line = LAB.splitlines().index("      rate: [1000, 8000]") + 1
    assert f"lab.yaml:{line}:" in told
    assert "needs 8,000 requests a second, long; 7,000 can be had here" in told
    assert "Write 7000/s at most" in told


def test_lab_run_refuses_with_the_exit_code_of_an_unfit_environment(tmp_path):
    path, results = tmp_path / "lab.yaml", tmp_path / "results"
    path.write_text(LAB)
    ceilings.write(results, ceiling())
    words = ["run", "--lab", str(path), "--profile", "smoke", "--results", str(results)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == EXIT_ENVIRONMENT
    assert "requests a second, long" in done.stderr
    assert [one.name for one in results.iterdir()] == [ceilings.NAME]


def test_doctor_says_whether_there_is_one(tmp_path):
    absent = _ceiling(tmp_path)
    assert not absent.ok
    assert not absent.fatal
    assert "lab selftest ceiling" in absent.need
    ceilings.write(tmp_path, ceiling())
    assert _ceiling(tmp_path).ok
    assert "open 10000/s" in _ceiling(tmp_path).found


class Fake:
    """A rig whose engine keeps up to a rate."""

    def __init__(self, results: Path, limit: float) -> None:
        self.results, self.limit, self.asked = results, limit, []
        self.quick = True

    def seconds(self, full, quick):
        return quick

    def trial(self, server, protocol, load, window):
        rate = load["long"].rate
        self.asked.append(rate)
        lag = 1_000 if rate <= self.limit else 1_000_000
        return r.record(
            engines=[r.of_class(r.engine(), "long", "window", lag=r.histogram(lag))],
        )


@pytest.mark.parametrize("limit", [0, 3_000, 20_000, 100_000])
def test_the_highest_rate_that_holds_is_found_by_halving(tmp_path, limit):
    rig = Fake(tmp_path, limit)
    rate = found_by.open_rate(rig, 100_000)
    step = 100_000 / 2**found_by.STEPS
    assert limit - step - 1 <= rate <= limit or limit == 0 == rate
    assert len(set(rig.asked)) == found_by.STEPS  # a rate that does not hold is asked twice


def test_a_rate_with_unsent_requests_does_not_hold():
    lost = r.of_class(r.engine(), "long", "total", failed={"unsent": 1})
    assert not found_by.keeps_up(r.record(engines=[lost]))
    assert found_by.keeps_up(r.record())


@pytest.mark.parametrize(
    ("engine", "server", "bound"), [(0.5, 0.99, True), (0.99, 0.99, False), (0.9, 0.5, False)]
)
def test_a_server_that_gives_out_first_makes_a_lower_bound(engine, server, bound):
    assert found_by.Reached(1.0, engine, server).bound is bound
