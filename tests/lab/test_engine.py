"""The walk over a plan: order, repeats, spare blocks, early ends."""

import pytest

from lab.engine import ATTEMPTS, Walk
from tests.lab import fakes
from tests.lab import records as r

CELLS = [
    r.cell(id="ladder/epoll/idle=20", arm="epoll"),
    r.cell(id="ladder/select/idle=20", arm="select", server="select"),
]
ALL = {cell.id for cell in CELLS}


def walk(plan, needed=None, world=None):
    world = world or fakes.World()
    stored, pins = [], []
    walked = Walk(
        plan=plan,
        stage=world.stage,
        place=fakes.PLACE,
        store=stored.append,
        progress=fakes.Watcher(),
        needed=needed or (lambda _, block: ALL if block < max(plan.looks) else set()),
        seconds=lambda _: 1.0,
        pin=pins.append,
    )
    return walked, stored, pins, world


def ran(stored):
    return [(record.block, record.cell.split("/")[1]) for record in stored]


def test_every_cell_once_a_block_in_the_planned_order():
    walked, stored, _, _ = walk(fakes.plan(CELLS, blocks=2))
    walked.run()
    assert ran(stored) == [(0, "epoll"), (0, "select"), (1, "epoll"), (1, "select")]


def test_the_cpus_are_swapped_as_planned():
    walked, stored, pins, _ = walk(fakes.plan(CELLS, blocks=2))
    walked.run()
    assert [record.cpus for record in stored] == [(1, 0), (1, 0), (0, 1), (0, 1)]
    assert [place.control for place in pins] == [0, 0, 1, 1]  # the control goes with the engine


def test_a_record_is_stored_before_the_next_trial_starts():
    world = fakes.World()
    walked, stored, _, _ = walk(fakes.plan(CELLS, blocks=1), world=world)
    starts = []
    walked.store = lambda record: (stored.append(record), starts.append(world.said.count("go")))
    walked.run()
    assert starts == [1, 2]


def test_a_void_trial_is_repeated_inside_its_block_at_most_twice():
    world = fakes.World()
    walked, stored, _, _ = walk(fakes.plan(CELLS, blocks=1), world=world)
    bad = fakes.trial(CELLS[0]).id
    world.load.results[bad] = {"cpu_ns": int(0.95 * r.WINDOW)}
    walked.run()
    assert ran(stored) == [(0, "epoll")] * ATTEMPTS + [(0, "select")]
    assert [record.attempt for record in stored] == [0, 1, 2, 0]


def test_a_trial_that_heals_is_not_repeated_again():
    world = fakes.World()
    world.load.fail_in["go"] = fakes.lost_engine()
    walked, stored, _, _ = walk(fakes.plan(CELLS, blocks=1), world=world)
    walked.run()
    assert ran(stored) == [(0, "epoll"), (0, "epoll"), (0, "select")]


def test_spare_blocks_run_only_what_is_needed():
    def needed(_, block):
        return ALL if block < 2 else {CELLS[1].id}

    walked, stored, _, _ = walk(fakes.plan(CELLS, blocks=2, spare=1), needed)
    walked.run()
    assert ran(stored)[4:] == [(2, "select")]


def test_a_decided_experiment_ends():
    walked, stored, _, _ = walk(
        fakes.plan(CELLS, blocks=4), lambda _, block: ALL if block < 2 else set()
    )
    walked.run()
    assert {block for block, _ in ran(stored)} == {0, 1}


def test_the_judge_is_asked_before_each_block_when_all_records_are_stored():
    seen = []

    def needed(experiment, block):
        seen.append((experiment, block, len(stored)))
        return ALL if block < 2 else set()

    walked, stored, _, _ = walk(fakes.plan(CELLS, blocks=2), needed)
    walked.run()
    assert seen == [("ladder", 0, 0), ("ladder", 1, 2), ("ladder", 2, 4)]


def test_the_display_counts_planned_trials_only():
    walked, _, _, _ = walk(fakes.plan(CELLS, blocks=2, spare=1))
    walked.run()
    assert [entry[:2] for entry in walked.progress.said if isinstance(entry[0], int)] == [
        (1, 4),
        (2, 4),
        (3, 4),
        (4, 4),
    ]


def test_the_display_no_longer_counts_what_is_decided():
    """A cell whose claims are decided is passed over, while others of its experiment go on."""

    def needed(_, block):
        return ALL if block == 0 else {CELLS[1].id}

    walked, stored, _, _ = walk(fakes.plan(CELLS, blocks=3, spare=0), needed)
    left = []
    walked.progress.trial = lambda number, total, _, left_s: left.append((number, total, left_s))
    walked.run()
    assert len(stored) == 4
    assert left == [(1, 6, 6.0), (2, 6, 5.0), (3, 5, 3.0), (4, 4, 1.0)]


def test_interruption_keeps_what_was_stored():
    world = fakes.World()
    walked, stored, _, _ = walk(fakes.plan(CELLS, blocks=2), world=world)

    def store(record):
        stored.append(record)
        if len(stored) == 3:
            world.load.fail_in["go"] = KeyboardInterrupt()

    walked.store = store
    with pytest.raises(KeyboardInterrupt):
        walked.run()
    assert len(stored) == 3
