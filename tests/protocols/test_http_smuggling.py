"""The table of HTTP cases, on bytes alone; conformance runs the same rows over the wire."""

import pytest

from lab.http_cases import CASES, NEXT, fits, statuses
from servers.protocols.http import CONTINUE, Http

SPLIT_BELOW = 400  # bytes; longer rows differ in their length only, cut them anywhere


def talk(pieces):
    http = Http()
    return b"".join(map(http.receive, pieces)), http


def cuts(said):
    yield [said]
    yield [said[at : at + 1] for at in range(len(said))]
    yield [said[at : at + 7] for at in range(0, len(said), 7)]
    for at in range(1, len(said), 1 if len(said) < SPLIT_BELOW else 509):
        yield [said[:at], said[at:]]


@pytest.mark.parametrize("name", CASES)
def test_each_row_is_answered_as_it_says_however_it_is_cut(name):
    case = CASES[name]
    first, _ = talk([case.request])
    for pieces in cuts(case.request):
        answers, http = talk(pieces)
        assert fits(case, answers), (pieces, answers)
        assert http.closed == case.closes
        assert answers.replace(CONTINUE, b"") == first.replace(CONTINUE, b"")


@pytest.mark.parametrize("name", CASES)
def test_each_row_is_answered_alike_behind_other_requests(name):
    case = CASES[name]
    alone, _ = talk([case.request])
    before, _ = talk([NEXT])
    answers, http = talk([NEXT * 2 + case.request])
    assert answers == before * 2 + alone
    assert http.closed == case.closes


REFUSED = [name for name, case in CASES.items() if case.closes and case.statuses[-1] != 200]


@pytest.mark.parametrize("name", REFUSED)
def test_who_is_refused_reads_why_and_is_told_of_the_close(name):
    answers, http = talk([CASES[name].request])
    head, _, why = answers.rpartition(b"\r\n\r\n")
    assert head.endswith(b"\r\nConnection: close")
    assert why.decode().isprintable()
    assert why
    assert http.lingers


def test_the_table_has_both_sides_of_every_limit_and_a_source_for_every_row():
    assert len(CASES) >= 60
    assert {status for case in CASES.values() for status in case.statuses} == {
        *(100, 200, 400, 404, 405, 413, 414, 417, 431, 501, 505)
    }
    assert all(case.source for case in CASES.values())
    requests = [case.request for case in CASES.values()]
    assert len(set(requests)) == len(requests)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (b"", ()),
        (b"HTTP/1.1 200 OK\r\n\r\nabcHTTP/1.1 404 Not Found\r\n\r\n", (200, 404)),
        (b"HTTP/1.0 200 OK\r\n\r\n", ()),
    ],
)
def test_statuses_are_read_from_the_answers(answers, expected):
    assert statuses(answers) == expected
