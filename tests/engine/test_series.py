"""A row of numbers per 100 ms: what falls where, and that nothing is lost."""

from array import array

from lab.record import SeriesData
from loadtests.engine.ledger import Failure, Ledger
from loadtests.engine.series import STEP, Series

MS = 1_000_000
BEGUN = 7_000 * MS


def ledger_of(*replies):
    """(done, response) in ms since the start."""
    ledger = Ledger(paced=True)
    for done, took in replies:
        at = BEGUN + done * MS
        ledger.add(at, at - took * MS, at - took * MS, at)
    return ledger


def test_replies_count_when_they_come():
    series = Series(BEGUN, 3 * STEP)
    series.take(ledger_of((0, 1), (99, 5), (100, 30), (299, 200)))
    found = series.to_json([], None)
    assert found["completed"] == [2, 1, 1]
    assert found["response"] == [6 * MS, 30 * MS, 200 * MS]
    assert found["most"] == [5 * MS, 30 * MS, 200 * MS]
    assert found["due"] == []
    SeriesData.model_validate(found)


def test_parts_of_a_ledger_add_up():
    whole, parts = Series(BEGUN, 2 * STEP), Series(BEGUN, 2 * STEP)
    whole.take(ledger_of((10, 1), (20, 9), (150, 2)))
    parts.take(ledger_of((10, 1)))
    parts.take(ledger_of((20, 9), (150, 2)))
    assert parts.to_json([], None) == whole.to_json([], None)


def test_what_is_due_counts_when_it_is_intended():
    schedule = array("q", [BEGUN, BEGUN + STEP - 1, BEGUN + STEP, BEGUN + 3 * STEP - 1])
    assert Series(BEGUN, 3 * STEP).to_json([], schedule)["due"] == [2, 1, 1]


def test_failures_count_when_noticed_or_when_they_were_never_sent_when_intended():
    late = BEGUN + 2 * STEP
    failures = [
        Failure(late, "reset", BEGUN, BEGUN, 0),
        Failure(late, "unsent", BEGUN, 0, 0),
        Failure(late, "timeout", BEGUN + STEP, BEGUN, 0),
        Failure(BEGUN + 5 * STEP, "reset", BEGUN, BEGUN, 0),  # after the end: nowhere
    ]
    assert Series(BEGUN, 3 * STEP).to_json(failures, None)["failed"] == [1, 1, 1]


def test_a_trial_that_changes_has_a_series_and_others_have_none(engine, serve, order):
    load = {"connections": 40, "rate": 2000.0, "start": 100, "stages": [[0.1, 100], [0, 2000]]}
    beside = {"connections": 4, "think_s": 0.01}
    server = serve()
    found = engine.run(order(server, long=load, short=beside, idle={"connections": 2})).classes
    assert found["idle"].series is None
    assert found["short"].series.due == []
    series = found["long"].series
    assert series.due[:3] == [10, 200, 100]
    assert sum(series.due) == found["long"].total.scheduled
    for name in ("long", "short"):
        assert sum(found[name].series.completed) == found[name].total.completed
        assert sum(found[name].series.failed) == sum(found[name].total.failed.values())
    still = engine.run(order(server, long={"connections": 4}))
    assert still.classes["long"].series is None
