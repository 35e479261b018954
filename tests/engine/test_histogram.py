"""The histogram against its own definition, and against a sorted list."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.record import HistogramData
from loadtests.engine.histogram import Histogram, S, bounds, index_of, rank, supports

calm = settings(derandomize=True, deadline=None)

values = st.integers(0, 1 << 45)
samples = st.lists(st.one_of(values, st.integers(0, 5000)), max_size=60)


def of(numbers):
    made = Histogram()
    made.add_all(numbers)
    return made


@pytest.mark.parametrize(
    ("value", "index"),
    [
        (0, 0),
        (1, 1),
        (2047, 2047),
        (2048, 2048),
        (2049, 2048),
        (2050, 2049),
        (4095, 3071),
        (4096, 3072),
        (1 << 20, 10 * S + (1 << 10)),
    ],
)
def test_index(value, index):
    assert index_of(value) == index


def test_index_is_contiguous_and_its_inverse_exact():
    low = 0
    for index in range(20 * S):
        assert bounds(index)[0] == low
        width = bounds(index)[1]
        assert index_of(low) == index == index_of(low + width - 1)
        assert width == 1 or width * S <= low
        low += width


@calm
@given(values, values)
def test_index_is_monotone(one, other):
    low, high = sorted((one, other))
    assert index_of(low) <= index_of(high)


@calm
@given(values)
def test_a_value_lies_in_its_bucket(value):
    low, width = bounds(index_of(value))
    assert low <= value < low + width


@pytest.mark.parametrize(
    ("p", "count", "expected"),
    [
        (7000, 100, 7),
        (50_000, 1, 1),
        (50_000, 2, 1),
        (50_000, 3, 2),
        (99_000, 100, 99),
        (100_000, 7, 7),
        (0, 7, 1),
        (99_900, 1000, 999),
        (99_900, 1001, 1000),
    ],
)
def test_rank_is_exact_where_floats_are_not(p, count, expected):
    assert rank(p, count) == expected


@calm
@given(samples.filter(bool), st.integers(0, 100_000))
def test_quantile_against_the_sorted_list(numbers, p):
    exact = sorted(numbers)[rank(p, len(numbers)) - 1]
    found = of(numbers).quantile(p)
    assert exact <= found <= max(numbers)
    assert found - exact <= exact / S


@calm
@given(samples)
def test_count_sum_and_ends_are_exact(numbers):
    made = of(numbers)
    assert (made.count, made.sum) == (len(numbers), sum(numbers))
    assert (made.min, made.max) == (min(numbers, default=0), max(numbers, default=0))
    assert made.buckets.total() == len(numbers)


@calm
@given(samples)
def test_adding_many_is_adding_each(numbers):
    singly = Histogram()
    for number in numbers:
        singly.add(number)
    assert of(numbers) == singly


@calm
@given(samples, samples, samples)
def test_merging_is_adding_and_associative(a, b, c):
    left = of(a).merge(of(b)).merge(of(c))
    right = of(a).merge(of(b).merge(of(c)))
    assert left == right == of(c).merge(of(a)).merge(of(b)) == of(a + b + c)


@calm
@given(samples)
def test_json_round_trip_fits_the_record(numbers):
    made = of(numbers)
    text = json.dumps(made.to_json())
    assert Histogram.from_json(json.loads(text)) == made
    data = HistogramData.model_validate_json(text)
    assert Histogram.from_json(data.model_dump()) == made
    assert list(data.buckets) == sorted(data.buckets)


def test_counts_that_do_not_add_up_are_refused():
    broken = of([1, 2, 3]).to_json() | {"count": 4}
    with pytest.raises(ValueError, match="4 holds 3"):
        Histogram.from_json(broken)


def test_the_empty_histogram():
    with pytest.raises(ValueError, match="empty"):
        Histogram().quantile(50_000)
    assert Histogram().merge(Histogram()).to_json() == HistogramData().model_dump()


def test_mean_comes_from_the_exact_sum():
    assert of([1, 2, 10_000_001]).mean() == 10_000_004 / 3


@pytest.mark.parametrize(
    ("q", "least"), [(0.5, 20), (0.9, 100), (0.99, 1000), (0.999, 10_000), (0.9999, 100_000)]
)
def test_a_quantile_needs_ten_values_beyond(q, least):
    assert supports(q, least)
    assert not supports(q, least - 1)
