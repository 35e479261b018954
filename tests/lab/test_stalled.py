"""A load engine that stood still inside its window."""

import pytest

from lab import gates
from lab.gates.stalled import LEAST_NS
from lab.record import read
from tests.lab import records as r


def found(record):
    return [one for one in gates.check(record, r.cell()) if one.gate == "engine-stalled"]


@pytest.mark.parametrize(
    ("late", "window", "state"),
    [
        (0, r.WINDOW, "ok"),
        (LEAST_NS, 500_000_000, "ok"),
        (LEAST_NS + 1, 500_000_000, "void"),
        (LEAST_NS + 1, 2_000_000_000, "ok"),
        (200_000_001, 2_000_000_000, "void"),
    ],
)
def test_longer_than_a_tenth_of_the_window_and_than_the_noise(late, window, state):
    still = r.engine(stalled_ns=late, window=(r.START, r.START + window))
    (one,) = found(r.record(engines=[r.engine(), still]))
    assert one.state == state


def test_where_no_engine_reported_it_says_nothing():
    assert found(r.record(engines=[], error="gone", error_gate="load-engine")) == []


def test_an_old_record_has_no_stall():
    text = (
        r.record().model_dump_json().replace('"stalled_ns":0,', "").replace(',"stalled_ns":0', "")
    )
    assert "stalled_ns" not in text
    assert read(text).engines[0].stalled_ns == 0
