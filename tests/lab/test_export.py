"""What `lab export` writes, read back by HdrHistogram's own Python port, which is the oracle."""

import csv
import struct

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from lab import hdr
from lab.cli import app
from lab.store import RunFacts, create
from loadtests.engine.histogram import Histogram, bounds
from tests.lab import fakes
from tests.lab import records as r

NS_PER_HOUR = 3_600_000_000_000


def made(values):
    histogram = Histogram()
    histogram.add_all(values)
    return histogram


def buckets(decoded):
    """The oracle's recorded values: (lowest of the bucket, how many)."""
    found = decoded.get_recorded_iterator()
    return [
        (decoded.get_lowest_equivalent_value(one.value_iterated_to), one.count_at_value_iterated_to)
        for one in found
    ]


@settings(max_examples=25, deadline=None)  # the oracle walks all buckets in Python
@given(st.lists(st.integers(0, NS_PER_HOUR - 1), min_size=1, max_size=300))
def test_every_bucket_is_read_back_where_it_was(values):
    histogram = made(values)
    decoded = HdrHistogram.decode(hdr.encode(histogram))
    wanted = [(bounds(index)[0], times) for index, times in sorted(histogram.buckets.items())]
    assert buckets(decoded) == wanted
    assert decoded.get_total_count() == len(values)


@settings(max_examples=25, deadline=None)  # the oracle walks all buckets in Python
@given(st.lists(st.integers(1, 10**9), min_size=100, max_size=400))
def test_quantiles_agree(values):
    histogram = made(values[: len(values) // 10 * 10])  # the oracle rounds a rank, ours goes up
    decoded = HdrHistogram.decode(hdr.encode(histogram))
    for percent in (50, 90):
        low = decoded.get_value_at_percentile(percent)
        assert histogram.quantile(percent * 1000) == min(low, histogram.max)


def test_a_value_beyond_the_hour_widens_the_range():
    decoded = HdrHistogram.decode(hdr.encode(made([1, 30 * NS_PER_HOUR])))
    assert decoded.get_total_count() == 2
    assert decoded.get_max_value() >= 30 * NS_PER_HOUR * 0.999


def test_logs_of_several_trials_add_up():
    one, two = made([10, 5000, 10**7]), made([10, 6000])
    total = HdrHistogram(1, NS_PER_HOUR, 3)
    for part in (one, two):
        total.decode_and_add(hdr.encode(part))
    assert total.get_total_count() == 5
    assert buckets(total) == buckets(HdrHistogram.decode(hdr.encode(one.merge(two))))


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (0, b"\x00"),
        (-1, b"\x01"),
        (1, b"\x02"),
        (63, b"\x7e"),
        (-64, b"\x7f"),
        (64, b"\x80\x01"),
        (-2048, b"\xff\x1f"),
        ((1 << 63) - 1, b"\xfe" + b"\xff" * 8),
        (-(1 << 63), b"\xff" * 9),
    ],
)
def test_zigzag_by_the_table_of_its_definition(value, wanted):
    assert hdr.zigzag(value) == wanted


def test_the_header_is_that_of_version_two():
    assert hdr.encode(made([1])).startswith("HISTFAAAA")
    assert struct.calcsize(">iiiiqqd") == hdr.HEADER.size == 40


@pytest.fixture
def run(tmp_path):
    """Three attempts at two cells: two pass, one is void."""
    cells = [r.cell(), r.cell(id="ladder/select/idle=20,mix=3", arm="select")]
    plan = fakes.plan(cells)
    kept = create(tmp_path, "20260101-000000-test-1")
    kept.write("plan.json", plan.model_dump_json())
    kept.write_facts(
        RunFacts(
            id=kept.id,
            profile="test",
            seed=1,
            order="hashed",
            backend="process",
            command=["lab"],
            started_unix=1.0,
            ended_unix=2.0,
            how="finished",
            host="abc",
            machine={},
            version="1",
        )
    )
    kept.add(r.record(started_unix=1000.5))
    kept.add(r.record(started_unix=1003.25, cell=cells[1].id, trial="ladder.00.select"))
    kept.add(r.record(started_unix=1006.0, block=1, error="gone", error_gate="server-died"))
    return kept


def lab(run, *words):
    done = CliRunner().invoke(
        app, ["export", run.id, "--results", str(run.directory.parent), *words]
    )
    assert done.exit_code == 0, done.output
    return done.stdout


def read_log(path):
    reader = HistogramLogReader(str(path), HdrHistogram(1, NS_PER_HOUR, 3))
    found = []
    while (one := reader.get_next_interval_histogram()) is not None:
        found.append(one)
    reader.close()
    return found


def test_the_log_is_read_by_the_oracle(run, tmp_path):
    path = tmp_path / "run.hlog"
    assert lab(run, "--hdr", str(path)) == f"{path}\n"
    found = read_log(path)
    tags = [one.get_tag() for one in found]
    assert tags[0] == "ladder/epoll/idle=20:long:response"
    assert "ladder/select/idle=20;mix=3:long:service" in tags
    window = r.engine().classes["long"].window
    assert found[0].get_total_count() == window.response.count
    starts = {one.get_start_time_stamp() for one in found}
    assert starts == {1_000_500, 1_003_250}
    assert {one.get_end_time_stamp() - one.get_start_time_stamp() for one in found} == {
        r.WINDOW / 1e6
    }
    text = path.read_text()
    assert "#[left out as void: 1 by server-died]" in text
    assert "buckets at most 0.1 % wide" in text
    assert text.splitlines()[0] == "#[Histogram log format version 1.3]"


def test_a_directory_gets_a_log_for_each_cell(run, tmp_path):
    lab(run, "--hdr", str(tmp_path / "logs"))
    names = {path.name for path in (tmp_path / "logs").iterdir()}
    assert names == {"ladder.epoll.idle=20.hlog", "ladder.select.idle=20,mix=3.hlog"}
    tags = {one.get_tag() for one in read_log(tmp_path / "logs" / "ladder.epoll.idle=20.hlog")}
    assert all(tag.startswith("ladder/epoll/idle=20:") for tag in tags)


def test_the_table_has_all_attempts_and_says_which_are_void(run):
    rows = list(csv.DictReader(lab(run, "--csv", "-").splitlines()))
    assert [row["void"] for row in rows] == ["", "", "server-died"]
    assert rows[0]["idle"] == "20"
    assert float(rows[0]["cpu_us"]) > 0
    assert int(rows[0]["requests"]) == r.engine().classes["long"].window.response.count


def test_nothing_asked_for_is_an_error(run):
    done = CliRunner().invoke(app, ["export", run.id, "--results", str(run.directory.parent)])
    assert done.exit_code == 2
    assert "--hdr" in done.stderr
