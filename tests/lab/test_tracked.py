"""The table of tracked connections: how much room is left, and waiting for it."""

import threading

import pytest

from lab import tracked


@pytest.fixture
def table(tmp_path):
    def write(count, most):
        (tmp_path / "nf_conntrack_max").write_text(f"{most}\n")
        (tmp_path / "nf_conntrack_count").write_text(f"{count}\n")
        return tmp_path

    return write


@pytest.mark.parametrize(("count", "most", "left"), [(0, 10, 10), (7, 10, 3), (12, 10, 0)])
def test_what_is_left(table, count, most, left):
    assert tracked.room(table(count, most)) == left


def test_where_nothing_is_tracked_there_is_room(tmp_path):
    assert tracked.room(tmp_path) is None
    assert tracked.wait_for_room(1_000_000, tmp_path, 0)


def test_a_full_table_is_told_after_the_deadline(table):
    assert not tracked.wait_for_room(4, table(7, 10), 0)
    assert tracked.wait_for_room(3, table(7, 10), 0)


def test_it_goes_on_when_entries_are_forgotten(table, monkeypatch):
    looked = threading.Event()
    monkeypatch.setattr(tracked.time, "sleep", lambda seconds: table(0, 10) and looked.set())
    assert tracked.wait_for_room(4, table(7, 10), 60)
    assert looked.is_set()
