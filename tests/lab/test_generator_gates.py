"""The gates that ask whether the load engine was what was measured: each tripped, by one change."""

import pytest

from lab import gates
from lab.gates import generator
from lab.record import Record
from loadtests.engine.histogram import Histogram
from tests.lab import records as r

US = 1000
RESPONSE_NS = r.SERVICE_NS + 20_000  # of the healthy record


def found(record, name=generator.NAME):
    return next(g for g in gates.check(record, r.cell()) if g.gate == name)


def with_engine(**changes):
    return r.record(engines=[r.engine(**changes)])


def stamped(ns, count=r.REQUESTS):
    """Replies that lay so long between the kernel's stamp and the read."""
    window = {"behind": r.histogram(ns, count)}
    return r.record(engines=[r.of_class(r.engine(), "long", "window", **window)])


@pytest.mark.parametrize(
    ("share", "due"), [(0.0, "ok"), (0.09, "ok"), (0.15, "warn"), (0.26, "void")]
)
def test_an_engine_that_waits_for_its_cpu(share, due):
    one = found(with_engine(delayed_ns=int(share * r.WINDOW)))
    assert one.state == due
    assert due == "ok" or "waited for its CPU" in one.why


def test_the_engine_that_waits_longest_speaks_for_several():
    calm, starved = r.engine(delayed_ns=0), r.engine(delayed_ns=int(0.3 * r.WINDOW))
    assert found(r.record(engines=[calm, starved])).state == "void"


@pytest.mark.parametrize(
    ("full", "cpu", "due"),
    [
        (0.5, 0.80, "ok"),  # busy, but it does find an empty set
        (0.95, 0.80, "void"),  # never, and busy: a queue of its own
        (0.95, 0.50, "ok"),  # never, yet half idle: the server answers in bursts
    ],
)
def test_full_polls(full, cpu, due):
    changed = with_engine(waits=1000, full=int(1000 * full), cpu_ns=int(cpu * r.WINDOW))
    assert found(changed).state == due


@pytest.mark.parametrize(
    ("ns", "due"), [(10 * US, "ok"), (RESPONSE_NS * 4 // 10, "ok"), (RESPONSE_NS * 6 // 10, "void")]
)
def test_replies_that_lay_unread_for_most_of_the_response_time(ns, due):
    one = found(stamped(ns))
    assert one.state == due
    assert due == "ok" or "lay unread" in one.why


def test_a_wake_up_is_no_queue_however_fast_the_server():
    """40 us of 60 us are two thirds, and what a wake-up takes on a virtual machine."""
    fast = {"behind": r.histogram(40 * US), "response": r.histogram(60 * US)}
    record = r.record(engines=[r.of_class(r.engine(), "long", "window", **fast)])
    assert found(record).state == "ok"


def test_few_stamps_are_no_finding():
    assert found(stamped(RESPONSE_NS, generator.SAMPLE - 1)).state == "ok"


def tailed(ns):
    """990 replies read at once, 10 and one more after so long: p99 is the slow ones."""
    lag = Histogram()
    lag.add(5 * US, 980)
    lag.add(ns, 20)
    behind = r.HistogramData.model_validate(lag.to_json())
    return r.record(engines=[r.of_class(r.engine(), "long", "window", behind=behind)])


@pytest.mark.parametrize(("ns", "due"), [(200 * US, "ok"), (400 * US, "warn")])
def test_read_lag_at_the_tail_is_for_latency_claims_alone(ns, due):
    assert found(tailed(ns), "read-lag").state == due
    assert "read-lag" in gates.LATENCY_GATES


def test_read_lag_may_be_a_quarter_of_a_slow_response():
    slow = {"behind": r.histogram(400 * US), "response": r.histogram(2000 * US)}
    record = r.record(engines=[r.of_class(r.engine(), "long", "window", **slow)])
    assert found(record, "read-lag").state == "ok"


def test_records_from_before_stamps_and_waiting_are_judged_by_what_they_have():
    record = r.record()
    text = record.model_dump_json()
    assert "delayed_ns" not in text
    old = Record.model_validate_json(text)
    assert old.engines[0].delayed_ns == -1
    assert found(old).state == "ok"
    assert found(old, "read-lag").state == "ok"


def test_a_record_without_an_engine_is_not_judged():
    names = {g.gate for g in gates.check(r.record(engines=[], error="it broke"), r.cell())}
    assert not names & {generator.NAME, "read-lag"}
