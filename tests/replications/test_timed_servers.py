"""The servers with timeouts answer, and end who is silent: else they would measure nothing."""

import socket
import time

import pytest

from lab.probes._kit import serving
from lab.replications.timeouts_reorder import SERVERS, rankings

TIMED = {row: timed for row, (_, timed) in SERVERS.items()}


@pytest.mark.parametrize("name", TIMED)
def test_who_talks_is_answered_and_who_is_silent_is_ended(name):
    with (
        serving(TIMED[name], "echo", 4) as target,
        socket.create_connection(target.address, 10) as talks,
        socket.create_connection(target.address, 10) as silent,
    ):
        silent.settimeout(15)
        begun = time.monotonic()
        for _ in range(3):
            talks.sendall(b"hello")
            assert talks.recv(100) == b"HELLO"
            time.sleep(1)
        assert silent.recv(1) == b""
        took = time.monotonic() - begun
        assert 4.5 < took < 14  # five seconds, and a slow machine
        talks.sendall(b"still here")  # two seconds after its last word
        assert talks.recv(100) == b"STILL HERE"


@pytest.mark.parametrize(
    ("threads", "epoll", "due"),
    [
        ((30, 40), (40, 30), 2),
        ((40, 30), (30, 40), 2),
        ((30, 32), (31, 30), 1),  # ties
        ((30, 40), (40, 39), 1),  # one of them
        ((30, 35), (40, 50), 1),
    ],
)
def test_a_ranking_changes_only_beyond_ties(threads, epoll, due):
    rows = {"threads": threads, "epoll": epoll, "streams": (90, 99)}
    table = {row: dict(zip(("without", "with"), pair, strict=True)) for row, pair in rows.items()}
    assert rankings(table) == due
