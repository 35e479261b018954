"""Parsers of /proc, placement of CPUs, and what a plan demands of a machine."""

import pytest

from lab import fitness, host
from lab.budget import SPARE, Machine
from lab.host import Placement
from lab.model import ClassLoad
from tests.lab import records as r

STAT = """cpu  30 0 30 500 0 0 0 9
cpu0 10 1 20 300 5 2 3 4 0 0
cpu1 20 0 10 200 0 0 0 5 0 0
cpu2 99 99 99 99 99 99 99 99 0 0
intr 12345
"""
PRESSURE = """some avg10=0.15 avg60=1.19 avg300=0.48 total=1965078
full avg10=0.00 avg60=0.00 avg300=0.00 total=0
"""


def test_ticks_of_our_cpus_only():
    busy, steal = host.parse_ticks(STAT, {0, 1})
    assert busy == (10 + 1 + 20 + 2 + 3 + 20 + 10) * host.TICK_NS
    assert steal == 9 * host.TICK_NS


def test_pressure_and_a_kernel_without_it():
    assert host.parse_pressure(PRESSURE) == 1965078
    assert host.parse_pressure("") == -1


@pytest.mark.parametrize(
    ("cpus", "due"),
    [
        ([0], None),
        ([0, 1], Placement(1, 0, 0)),
        ([2, 5, 7, 9], Placement(9, 7, 2)),
    ],
)
def test_placement(cpus, due):
    assert host.placement(cpus) == due


def test_swapping_keeps_server_and_engine_apart_and_the_control_off_the_server():
    for place in (Placement(1, 0, 0), Placement(9, 7, 2)):
        swapped = place.swapped()
        assert (swapped.server, swapped.engine) == (place.engine, place.server)
        assert swapped.control != swapped.server
        assert swapped.swapped() == place


def test_the_digest_depends_on_every_fact():
    assert host.digest({"a": "1", "b": "2"}) == host.digest({"b": "2", "a": "1"})
    assert host.digest({"a": "1"}) != host.digest({"a": "2"})


def test_spin_takes_time_and_leaves_the_affinity_alone():
    before = host.usable_cpus()
    assert host.spin(before[-1]) > 0
    assert host.usable_cpus() == before


def idle_cell(n):
    return r.cell(load={**r.cell().load, "idle": ClassLoad(connections=n)})


FIT = Machine(cpus=2, nofile=20_000, ports=28_232)


def unfit(machine, cells):
    return fitness.unfit(fitness.check(machine, cells))


def test_a_fit_machine_has_nothing_to_say():
    assert unfit(FIT, [idle_cell(900)]) == []


def test_one_cpu_is_too_few():
    (line,) = unfit(Machine(1, 20_000, 28_232), [idle_cell(900)])
    assert line.startswith("CPUs: 1. Two at least")


@pytest.mark.parametrize(("nofile", "fits"), [(904 + SPARE, True), (967, False)])
def test_descriptors_are_counted_before_the_run(nofile, fits):
    found = unfit(Machine(2, nofile, 28_232), [idle_cell(10), idle_cell(900)])
    assert (found == []) is fits
    assert fits or "ulimit -Hn 968" in found[0]


def test_all_that_is_missing_is_said_at_once():
    found = unfit(Machine(1, 10, 10), [idle_cell(900)])
    wanted = ["CPUs", "ports of a source address", "open files of the server"]
    assert [line.partition(":")[0] for line in found] == [*wanted, "open files of a load engine"]
