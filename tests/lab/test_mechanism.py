"""The mechanism ledger: from lines of strace to counts, to figures, to what fits a family."""

import dataclasses

import pytest

from lab import mechanism, store
from lab.mechanism import Counts, contradiction, figures, read
from servers.catalog import SERVERS
from tests.lab.traces import (
    ACCEPTS,
    AT,
    EPOLL,
    NONBLOCKING,
    POLL,
    RING,
    SELECT,
    SIGNALS,
    THREADS,
    ledger,
    whole,
)

# lines to counts


def test_a_readiness_loop_is_counted_call_by_call():
    counts = whole(EPOLL)
    assert counts.calls == {"epoll_wait": 2, "recvfrom": 2, "sendto": 2, "epoll_ctl": 1}
    assert (counts.waits, counts.events, counts.empty) == (2, 2, 1)
    assert (counts.handed, counts.tasks, counts.refused) == (0, 1, {})


def test_select_is_read_raw_and_hands_over_its_highest_descriptor():
    counts = whole(SELECT)
    assert (counts.waits, counts.events, counts.handed) == (2, 3, 8 + 18)
    assert counts.waits_in() == ["pselect6", "select"]


def test_poll_hands_over_its_list_also_where_the_line_is_broken():
    counts = whole(POLL)
    assert (counts.waits, counts.events, counts.empty, counts.handed) == (3, 3, 1, 204)


def test_broken_lines_are_joined_by_task_and_what_never_came_back_is_not_counted():
    counts = whole(THREADS)
    assert counts.calls == {"sendto": 1, "recvfrom": 1, "futex": 1}
    assert counts.tasks == 3
    assert counts.waits == 0


def test_eagain_of_a_futex_is_none_of_a_socket():
    assert whole(THREADS).refused == {"futex": {"EAGAIN": 1}}
    assert whole(THREADS).not_now() == 0


def test_what_a_signal_broke_off_counts_when_it_is_made_again():
    counts = whole(SIGNALS)
    assert counts.calls == {"poll": 1}
    assert (counts.waits, counts.events) == (1, 1)


def test_what_came_back_with_not_now():
    counts = whole(NONBLOCKING)
    assert counts.not_now() == 2
    assert counts.calls == {"recvfrom": 2, "accept4": 1, "close": 1}


def test_accepts_are_counted_by_the_wake_that_brought_them():
    counts = whole(ACCEPTS)
    assert (counts.accepting, counts.accepted) == (2, 3)
    assert figures(ledger(ACCEPTS))["accepts per wake"] == 1.5


def test_a_ring_hands_operations_in_and_a_signal_is_one_event():
    counts = whole(RING)
    assert (counts.waits, counts.events, counts.empty) == (4, 3, 1)


@pytest.mark.parametrize(
    ("start", "end", "calls"),
    [
        (AT, AT + 679_654, {}),  # the wait began inside, and came back behind the window
        (AT, AT + 679_656, {"pselect6": 1}),
        (AT + 679_655, AT + 679_700, {"pselect6": 1, "recvfrom": 1}),
        (AT + 679_656, AT + 679_700, {"recvfrom": 1}),
    ],
)
def test_a_call_belongs_to_the_window_in_which_it_came_back(start, end, calls):
    assert read(SELECT.splitlines(), start, end).calls == calls


def test_a_trace_without_process_ids_is_read_too():
    bare = [line.split(maxsplit=1)[1] for line in EPOLL.splitlines()]
    assert read(bare, AT, AT + 2_000_000) == whole(EPOLL)


def test_a_torn_line_is_left_out():
    assert whole(EPOLL[:-60]).calls["epoll_wait"] == 2


# counts to figures


def test_figures_are_per_request():
    found = figures(ledger(EPOLL, requests=2))
    assert found == {
        "calls": 3.5,
        "waits": 1.0,
        "events per wait": 1.0,
        "descriptors per wait": 0.0,
        "empty waits": 0.5,
        "epoll_ctl": 0.5,
        "EAGAIN": 0.0,
    }
    assert list(found) == [name for name in mechanism.FIGURES if name in found]


def test_without_waits_there_are_no_events_per_wait():
    assert "events per wait" not in figures(ledger(NONBLOCKING))


@pytest.mark.parametrize("lacking", [{"counts": None}, {"requests": 0.0}])
def test_without_counts_or_requests_there_are_no_figures(lacking):
    assert figures(ledger(EPOLL, **lacking)) == {}


def test_a_ledger_survives_the_file(tmp_path):
    kept = store.Run(tmp_path)
    kept.add_ledger(ledger(ACCEPTS))
    assert kept.ledgers() == [ledger(ACCEPTS)]


def test_a_run_without_traces_has_no_ledgers(tmp_path):
    assert store.Run(tmp_path).ledgers() == []


# the family


@pytest.mark.parametrize(
    ("server", "trace"),
    [
        ("epoll", ACCEPTS),
        ("select", SELECT),
        ("poll", POLL),
        ("threads", THREADS),
        ("nonblocking", NONBLOCKING),
    ],
)
def test_what_keeps_to_its_family_is_not_contradicted(server, trace):
    assert contradiction(SERVERS[server], ledger(trace)) == ""


@pytest.mark.parametrize(
    ("server", "trace", "why"),
    [
        ("epoll", SELECT, "waits in pselect6, select, but is declared to wait in epoll_wait"),
        ("epoll", EPOLL + POLL, "waits in poll, ppoll, but is declared"),
        ("threads", EPOLL, "waits in epoll_wait, but is declared to wait for one client at a time"),
        ("nonblocking", EPOLL, "waits in epoll_wait"),
        ("epoll", THREADS, "never waits in epoll_wait"),
        ("threads", NONBLOCKING, "was told EAGAIN by 2 calls, but a blocking server has to wait"),
        ("nonblocking", THREADS, "was never told EAGAIN"),
    ],
)
def test_what_waits_otherwise_contradicts_its_family(server, trace, why):
    assert contradiction(SERVERS[server], ledger(trace)).startswith(why)


def test_a_loop_that_polls_is_no_wait():
    empty = EPOLL.splitlines()[5]
    busy = ledger("\n".join([EPOLL, *[empty] * 100]))
    assert contradiction(SERVERS["epoll"], busy).startswith("waits in vain 50 times per request")
    ticking = ledger("\n".join([EPOLL, *[empty] * 10]))
    assert contradiction(SERVERS["epoll"], ticking) == ""
    spins = dataclasses.replace(SERVERS["epoll"], spins=True)
    assert contradiction(spins, busy) == ""


def test_a_ledger_that_failed_contradicts_nothing():
    assert contradiction(SERVERS["epoll"], ledger(SELECT, counts=None)) == ""


def test_counts_are_empty_of_an_empty_trace():
    assert read([], 0, 1) == Counts()
