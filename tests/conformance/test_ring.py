"""The ring by itself, on socket pairs: what is ordered is done, once, whole, and in its buffer."""

import os
import signal
import socket
import sys
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from servers.core import ring as module
from servers.core.ring import SUBMISSIONS, Buffer, Ring, checked
from servers.needs import missing

WHY = missing("io_uring")
pytestmark = pytest.mark.skipif(bool(WHY), reason=f"io_uring: {WHY}")

MUCH = 8 << 20  # bytes; no socket buffer holds them


@pytest.fixture
def ring():
    made = Ring()
    yield made
    os.close(made.descriptor)


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def results(ring, count):
    """So many results, and no more than have come."""
    found = []
    while len(found) < count:
        found += ring.wait()
    return found


@contextmanager
def reading(client, count):
    """Read so many bytes meanwhile, into the list."""
    found = []
    reader = Thread(target=lambda: found.append(client.recv(count, socket.MSG_WAITALL)))
    reader.start()
    yield found
    reader.join()


def test_a_client_in_the_backlog_is_accepted(ring):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ring.accept(listener.fileno(), "door")
        with socket.create_connection(listener.getsockname()) as client:
            ((token, descriptor),) = results(ring, 1)
            assert token == "door"
            assert not os.get_inheritable(descriptor)
            with socket.socket(fileno=descriptor) as accepted:
                assert accepted.getpeername() == client.getsockname()


def test_what_is_received_is_in_the_buffer_and_its_length_is_the_result(ring, pair):
    ours, theirs = pair
    buffer = Buffer()
    theirs.sendall(b"one")
    ring.receive(ours.fileno(), buffer, "token")
    assert results(ring, 1) == [("token", 3)]
    assert buffer.memory[:3] == b"one"
    theirs.shutdown(socket.SHUT_WR)
    ring.receive(ours.fileno(), buffer, "end")
    assert results(ring, 1) == [("end", 0)]


def test_all_that_is_ordered_is_done_in_one_wait(ring):
    pairs = [socket.socketpair() for _ in range(20)]
    buffers = [Buffer() for _ in pairs]
    for number, (ours, theirs) in enumerate(pairs):
        theirs.sendall(b"x" * number + b"!")
        ring.receive(ours.fileno(), buffers[number], number)
    assert sorted(ring.wait()) == [(number, number + 1) for number in range(20)]
    for both in pairs:
        for end in both:
            end.close()


def test_a_send_is_done_when_all_is_sent(ring, pair):
    ours, theirs = pair
    data = os.urandom(MUCH)
    with reading(theirs, MUCH) as found:
        ring.send(ours.fileno(), data, "token")
        assert results(ring, 1) == [("token", MUCH)]
    assert found == [data]


@pytest.mark.parametrize("before", [0, 1, SUBMISSIONS - 2, SUBMISSIONS - 1, SUBMISSIONS])
def test_an_answer_receives_only_after_all_is_sent(ring, pair, before):
    """Wherever in the queue it stands: a link is torn if its two orders go in two hand-overs."""
    ours, theirs = pair
    buffer, data = Buffer(), os.urandom(MUCH)
    theirs.sendall(b"next")
    with socket.socket() as unconnected:  # so it fails at once
        for number in range(before):
            ring.receive(unconnected.fileno(), buffer, number)
        ring.answer(ours.fileno(), data, buffer, "answer")
        ring.receive(unconnected.fileno(), buffer, before)
        assert [token for token, _ in results(ring, before + 1)] == [*range(before + 1)]
    with reading(theirs, MUCH) as found:
        assert results(ring, 1) == [("answer", 4)]
    assert (found, buffer.memory[:4]) == ([data], b"next")


def test_an_answer_that_cannot_be_sent_has_one_result_and_receives_nothing(ring, pair):
    ours, theirs = pair
    theirs.sendall(b"next")
    theirs.close()
    buffer = Buffer()
    ring.answer(ours.fileno(), b"answer", buffer, "answer")
    ((token, result),) = results(ring, 1)
    assert token == "answer"
    with pytest.raises(BrokenPipeError):
        checked(result)
    ring.receive(ours.fileno(), buffer, "then")
    assert results(ring, 1) == [("then", 4)]


def test_an_error_is_a_result_and_that_of_a_blocking_call(ring):
    with socket.socket() as unconnected:
        ring.receive(unconnected.fileno(), Buffer(), "token")
        ((_, result),) = results(ring, 1)
    with pytest.raises(OSError, match="not connected"):
        checked(result)
    assert checked(0) == 0


def test_more_can_be_ordered_than_the_queue_holds(ring, pair):
    ours, theirs = pair
    count = 3 * SUBMISSIONS + 7
    with reading(theirs, count):
        for number in range(count):
            ring.send(ours.fileno(), b"x", number)
        assert sorted(results(ring, count)) == [(number, 1) for number in range(count)]


def test_more_can_be_done_at_once_than_the_queue_holds(monkeypatch):
    monkeypatch.setattr(module, "SUBMISSIONS", 8)
    monkeypatch.setattr(module, "COMPLETIONS", 16)
    ring, pairs = Ring(), [socket.socketpair() for _ in range(200)]
    buffers = [Buffer() for _ in pairs]
    for number, (ours, _) in enumerate(pairs):
        ring.receive(ours.fileno(), buffers[number], number)
    for _, theirs in pairs:
        theirs.sendall(b"x")
    assert sorted(results(ring, 200)) == [(number, 1) for number in range(200)]
    os.close(ring.descriptor)
    for both in pairs:
        for end in both:
            end.close()


def test_a_signal_ends_the_wait_so_that_its_handler_runs(ring, pair):
    came = []
    before = signal.signal(signal.SIGALRM, lambda *_: came.append(True))
    ring.receive(pair[0].fileno(), Buffer(), "never")
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)  # again, should it come before the wait
    try:
        assert ring.wait() == []  # with an order to hand over, and then without
        assert ring.wait() == []
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert came


def test_the_ring_holds_what_the_kernel_works_on_and_no_longer(ring, pair):
    ours, theirs = pair
    buffer, data = Buffer(), bytes(MUCH)
    free = sys.getrefcount(buffer), sys.getrefcount(data)
    ring.answer(ours.fileno(), data, buffer, "token")
    assert sys.getrefcount(buffer) > free[0]
    assert sys.getrefcount(data) > free[1]
    theirs.close()
    results(ring, 1)
    ring.send(ours.fileno(), b"another", "token")
    results(ring, 1)
    assert (sys.getrefcount(buffer), sys.getrefcount(data)) == free


def test_a_buffer_that_waits_costs_no_memory():
    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    before = resident()
    buffers = [Buffer() for _ in range(1000)]
    assert resident() - before < 1000 * len(buffers[0].memory) / 20
