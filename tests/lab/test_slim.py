"""A slim record measures as the whole one does."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.measure import Unmeasured, completed_between, cpu_ns, edge_gap, ends, value
from lab.metrics import METRICS
from lab.record import as_json
from lab.slim import slim
from tests.lab import records as r


def measured(record, metric):
    try:
        return value(record, metric)
    except (Unmeasured, KeyError) as error:
        return type(error)


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_is_the_same(metric):
    assert measured(slim(r.record()), metric) == measured(r.record(), metric)


@given(st.lists(st.integers(0, r.WINDOW), min_size=1, max_size=400, unique=True))
def test_counts_at_the_meters_instants_are_the_same(stamps):
    marks = [(r.START + at, 3 * n) for n, at in enumerate(sorted(stamps))]
    whole = r.record(engines=[r.engine(marks=marks)])
    thin = slim(whole)
    times = [reading.at_ns for reading in whole.meter.slices]
    for first, last in pairwise(times):
        assert completed_between(thin.engines, first, last) == completed_between(
            whole.engines, first, last
        )
    for reading in ends(whole):
        assert edge_gap(thin.engines[0].marks, reading.at_ns) == edge_gap(marks, reading.at_ns)
    assert len(thin.engines[0].marks) <= 2 * (len(times) + 4) + 2


def test_it_is_smaller_and_a_record_without_numbers_stays_as_it_is():
    whole = r.record(engines=[r.engine(marks=[(r.START + n * r.MS, n) for n in range(1000)])])
    assert len(as_json(slim(whole))) < len(as_json(whole)) / 2
    assert cpu_ns(slim(whole)) == cpu_ns(whole)
    broken = r.record(engines=[], meter=None, error="gone", error_gate="trial-broke")
    assert slim(broken) == broken
