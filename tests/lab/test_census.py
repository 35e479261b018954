"""Gates on cells with attackers, a victim, or connections that end by plan."""

import pytest

from lab.gates import GATES
from lab.gates.census import census
from lab.measure import Unmeasured
from lab.model import ClassLoad
from lab.record import ClassResult, Connections, Counts, WindowResult

from . import records as r

HELD = 5  # of each class made up here
LOADS = {
    "never-finishing": ClassLoad(connections=HELD),
    "slow-sender": ClassLoad(connections=HELD, piece=1, every_s=0.1),
    "churn": ClassLoad(connections=HELD, rate=200.0),
    "storm": ClassLoad(connections=HELD, at_s=0.1),
    "victim": ClassLoad(connections=HELD, rate=100.0),
    "long": ClassLoad(connections=HELD, requests=10),
}


def state(gate, record, cell):
    return finding(gate, record, cell).state


def finding(gate, record, cell):
    return next(one for one in GATES if one.name == gate).check(record, cell)


def counts(**changes):
    return Connections(
        asked=HELD, established=HELD, held_at_start=HELD, held_at_end=HELD
    ).model_copy(update=changes)


def trial(name, total=None, window=None, sockets=None, **changes):
    """A cell of one class, and a record of it; sockets: what the server holds behind the window."""
    load = LOADS[name]
    made = ClassResult(
        total=Counts(**(total or {})),
        window=WindowResult(**(window or {})),
        connections=counts(**changes),
    )
    found = r.record(engines=[r.engine(classes={name: made})])
    ready = 8 + (0 if name == "storm" else HELD)
    meter = found.meter.model_copy(
        update={
            "ready": r.footprint(ready),
            "after": r.footprint(ready if sockets is None else 8 + sockets),
        }
    )
    return found.model_copy(update={"meter": meter}), r.cell(load={name: load})


@pytest.mark.parametrize("name", [name for name in LOADS if name != "storm"])
def test_all_that_were_asked_for_are_held(name):
    assert state("census", *trial(name)) == "ok"
    assert state("census", *trial(name, established=HELD - 1)) == "void"
    assert state("census", *trial(name, held_at_start=HELD - 1)) == "void"
    assert state("census", *trial(name, held_at_end=HELD - 1)) == "void"


@pytest.mark.parametrize(
    ("name", "due"),
    [
        ("never-finishing", "warn"),
        ("slow-sender", "warn"),
        ("churn", "warn"),
        ("victim", "void"),
        ("long", "void"),
    ],
)
def test_hanging_up_on_who_attacks_is_the_servers_answer(name, due):
    found = finding("census", *trial(name, sockets=HELD - 2, held_at_end=HELD - 2, lost=2))
    assert found.state == due
    if due == "warn":
        assert found.why == f"the server hung up on 2 of 5 {name} connections"


def test_attackers_that_are_missing_without_a_reason_void():
    changed = trial("never-finishing", sockets=HELD - 3, held_at_end=HELD - 3, lost=2)
    assert state("census", *changed) == "void"


def test_connections_on_their_way_back_count_as_held():
    moving = {"held_at_end": HELD - 2, "renewing_at_end": 2}
    assert state("census", *trial("long", **moving)) == "ok"
    assert state("census", *trial("long", sockets=1, **moving)) == "ok"  # it has not accepted yet
    assert state("census", *trial("long", held_at_end=HELD - 2, renewing_at_end=1)) == "void"


@pytest.mark.parametrize(("more", "due"), [(0, "ok"), (HELD + 1, "ok"), (HELD + 2, "void")])
def test_a_replaced_connection_may_overlap_its_successor_at_the_server(more, due):
    assert state("census", *trial("churn", sockets=HELD + more)) == due


def test_a_storm_that_did_not_come_voids():
    came = {"scheduled": HELD, "completed": HELD}
    assert state("census", *trial("storm", came, held_at_start=0, held_at_end=0)) == "ok"
    assert state("census", *trial("storm", {"scheduled": 0})) == "void"


def test_a_record_without_engines_cannot_be_judged():
    with pytest.raises(Unmeasured):
        census(r.record(engines=[]), r.cell())


def beside_long(name, **total):
    """The usual healthy cell, and one more class that had `total`."""
    inside = {key: total[key] for key in ("scheduled", "failed") if key in total}
    other = ClassResult(total=Counts(**total), window=WindowResult(**inside), connections=counts())
    classes = {**r.engine().classes, name: other}
    cell = r.cell()
    return (
        r.record(engines=[r.engine(classes=classes)]),
        r.cell(load={**cell.load, name: LOADS[name]}),
    )


def test_failures_of_attackers_void_nothing_and_those_of_a_victim_do():
    failed = {"scheduled": 100, "completed": 50, "failed": {"reset": 50}}
    assert state("errors", *beside_long("slow-sender", **failed)) == "ok"
    assert state("errors", *beside_long("storm", **failed)) == "ok"
    assert state("errors", *beside_long("victim", **failed)) == "void"
    assert state("errors", *trial("storm", failed)) == "void"  # nobody else is there to be served


@pytest.mark.parametrize(("handed", "due"), [(1207, "ok"), (1204, "void")])
def test_abandoned_is_no_failure_and_is_conserved(handed, due):
    made, cell = beside_long("slow-sender", scheduled=7, completed=4, abandoned=3)
    assert state("errors", made, cell) == "ok"
    engine = made.engines[0].model_copy(update={"delta_requests": handed})
    locust = made.locust.model_copy(update={"requests": 1207})
    counted = made.model_copy(update={"engines": [engine], "locust": locust})
    assert state("conservation", counted, cell) == due


@pytest.mark.parametrize(("replaced", "due"), [(100, "ok"), (98, "void")])
def test_a_churn_that_did_not_keep_its_rate_voids(replaced, due):
    assert state("offered-vs-achieved", *trial("churn", due=100, replaced=replaced)) == due


@pytest.mark.parametrize(("completed", "due"), [(50, "ok"), (40, "void")])
def test_a_victim_that_was_not_served_voids(completed, due):
    window = {"scheduled": 50, "completed": completed}
    assert state("offered-vs-achieved", *trial("victim", window=window)) == due


def test_littles_law_counts_the_time_in_which_connections_come_back():
    """5 = X (R + Z) + time spent connecting: 1000 replies in 0.5 s, 2 ms each; 1 of 5 connects."""
    times = {"response": r.histogram(2_000_000), "completed": 1000, "scheduled": 1000}
    made = trial("long", window={**times, "connect": r.histogram(5_000_000, 100)})
    assert state("littles-law", *made) == "ok"
    assert state("littles-law", *trial("long", window=times)) == "void"


def test_a_storm_may_overflow_the_backlog_and_nobody_else():
    for name, due in (("storm", "warn"), ("churn", "void")):
        made, cell = trial(name)
        after = made.meter.after.model_copy(update={"listen_drops": 9})
        dropped = made.model_copy(update={"meter": made.meter.model_copy(update={"after": after})})
        assert state("accept-drops", dropped, cell) == due
        assert state("accept-drops", made, cell) == "ok"
