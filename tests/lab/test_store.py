"""Files of a run: whole or not at all; torn lines dropped; a full disk is one clear line."""

import errno
import os

import pytest

from lab import store
from lab.errors import EnvironmentUnfit, UsageError
from lab.slim import slim
from tests.lab import records as r


@pytest.fixture
def run(tmp_path):
    return store.create(tmp_path / "results", "20260101-000000-quick-1")


def facts(run, **changes):
    base = {
        "id": run.id,
        "profile": "quick",
        "seed": 1,
        "order": "hashed",
        "backend": "process",
        "command": [],
        "started_unix": 0.0,
        "ended_unix": None,
        "how": "running",
        "host": "abc",
        "machine": {},
        "version": "0",
    }
    return store.RunFacts.model_validate({**base, **changes})


def test_records_come_back_in_order(run):
    made = [r.record(attempt=n) for n in range(3)]
    for record in made:
        run.add(record)
    assert run.records() == made


def test_a_torn_last_line_is_dropped_and_nothing_else(run):
    run.add(r.record())
    whole = run.path("trials.jsonl").read_bytes()
    run.path("trials.jsonl").write_bytes(whole + whole[: len(whole) // 2])
    assert run.records() == [r.record()]


def test_records_of_a_run_without_trials(run):
    assert run.records() == []
    assert run.probes() == []


def test_a_full_disk_is_one_clear_line_and_leaves_the_file_as_it_was(run, monkeypatch):
    run.add(r.record())
    before = run.path("trials.jsonl").read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvironmentUnfit, match="No space left on device") as caught:
        run.add(r.record(attempt=1))
    assert "\n" not in str(caught.value)
    assert run.path("trials.jsonl").read_bytes() == before


def test_a_write_that_fails_half_way_leaves_no_half_line(run, monkeypatch):
    run.add(r.record())
    before = run.path("trials.jsonl").read_bytes()
    really = os.write
    written = []

    def half(fd, data):
        if written:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        written.append(really(fd, data[: len(data) // 2]))
        return written[0]

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(EnvironmentUnfit, match="File too large"):
        run.add(r.record(attempt=1))
    monkeypatch.undo()
    assert written
    assert run.path("trials.jsonl").read_bytes() == before
    run.add(r.record(attempt=2))
    assert [record.attempt for record in run.records()] == [0, 2]


def test_a_file_is_replaced_whole_or_not_at_all(run, monkeypatch):
    run.write("report.html", "old")

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvironmentUnfit):
        run.write("report.html", "new")
    assert run.path("report.html").read_text() == "old"


def test_results_that_cannot_be_written_there(tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(EnvironmentUnfit, match="--results"):
        store.create(tmp_path / "results", "x")


def test_last_is_the_newest(tmp_path):
    for name in ("a", "b"):
        run = store.create(tmp_path, name)
        run.write_facts(facts(run))
    assert store.open_run(tmp_path, "last").id == "b"
    assert store.open_run(tmp_path, "a").id == "a"
    assert store.open_run(tmp_path, str(tmp_path / "a")).id == "a"


def test_two_runs_in_one_second_do_not_mix(tmp_path):
    assert store.create(tmp_path, "x").id == "x"
    assert store.create(tmp_path, "x").id == "x-2"


def test_an_unknown_run_names_those_there_are(tmp_path):
    run = store.create(tmp_path, "a")
    run.write_facts(facts(run))
    with pytest.raises(UsageError, match=r"no run 'b'\. There are: a\."):
        store.open_run(tmp_path, "b")
    with pytest.raises(UsageError, match="There is none"):
        store.open_run(tmp_path / "empty", "last")


def test_facts_survive(run):
    run.write_facts(facts(run))
    assert run.facts() == facts(run)


def test_a_kept_run_is_small_and_is_read_like_any_other(run, tmp_path):
    run.write_facts(facts(run))
    for name in ("plan.json", "lab.json"):
        run.write(name, "{}\n")
    marks = [(at_ns, at_ns // 1000) for at_ns in range(0, 2_000_000_000, 1_000_000)]
    long = r.record(engines=[r.engine(marks=marks)])
    for _ in range(20):
        run.add(long)

    kept = store.keep(run, tmp_path / "kept")

    assert kept.facts() == run.facts()
    assert kept.records() == [slim(long)] * 20
    assert not kept.path("trials.jsonl").exists()
    size = kept.path("trials.jsonl.xz").stat().st_size
    assert size < run.path("trials.jsonl").stat().st_size / 10
    assert store.open_run(tmp_path, "kept").directory == kept.directory.resolve()


def test_a_kept_run_is_replaced_and_nothing_else_is(run, tmp_path):
    run.write_facts(facts(run))
    run.write("probes.jsonl", "")
    store.keep(run, tmp_path / "kept")
    run.path("probes.jsonl").unlink()
    run.add(r.record())

    kept = store.keep(run, tmp_path / "kept")

    assert len(kept.records()) == 1
    assert not kept.path("probes.jsonl").exists()  # not of another run
    for taken in (run.directory, tmp_path):
        with pytest.raises(UsageError, match="something else than a kept run"):
            store.keep(run, taken)


def test_a_damaged_kept_run_is_one_clear_line(run, tmp_path):
    run.write_facts(facts(run))
    run.add(r.record())
    kept = store.keep(run, tmp_path / "kept")
    packed = kept.path("trials.jsonl.xz")
    packed.write_bytes(packed.read_bytes()[:-20])

    with pytest.raises(UsageError, match=r"trials\.jsonl\.xz cannot be unpacked"):
        kept.records()
