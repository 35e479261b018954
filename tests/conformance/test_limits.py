"""Where descriptors end, a client is refused: it sees a close, and the others are served on."""

import resource
import socket
from contextlib import ExitStack

import pytest

from lab.backends.contract import StartOptions
from lab.backends.process import ProcessBackend
from lab.wire import connect
from servers.catalog import SERVERS

LIMITED = [name for name, server in SERVERS.items() if server.descriptors_below]
READINESS = [name for name, server in SERVERS.items() if server.family == "readiness"]
UNLIMITED = [name for name in READINESS if name not in LIMITED]
IDLE_CPU_NS = 50_000_000


@pytest.fixture
def descriptors():
    """Room for more clients in this process than the server may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2200:
        pytest.skip(f"needs 2200 descriptors, the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def ask(client):
    """True: served. False: refused, by an end of file and nothing else."""
    client.sendall(b"ready?")
    try:
        answer = client.recv(6)
    except ConnectionError:  # it had our bytes when it closed
        answer = b""
    assert answer in {b"READY?", b""}
    return answer != b""


@pytest.mark.parametrize("server", LIMITED)
def test_a_descriptor_number_too_high_is_refused_and_the_rest_served_on(server, descriptors):
    limit = SERVERS[server].descriptors_below
    with ProcessBackend().start(server, "echo", StartOptions()) as target:
        target.verify("echo")
        own = target.meter.fds()
        with ExitStack() as stack:
            clients = [stack.enter_context(connect(target)) for _ in range(limit)]
            served = [ask(client) for client in clients]
            assert served == [True] * (limit - own) + [False] * own
            assert all(ask(client) for client in clients[: limit - own])
            clients[0].shutdown(socket.SHUT_WR)  # one leaves, and there is a number again
            assert clients[0].recv(1) == b""
            assert ask(stack.enter_context(connect(target)))
        assert target.stop(5).counters == {"refused": own}


@pytest.mark.parametrize("server", READINESS)
def test_a_full_descriptor_table_is_survived(server):
    options = StartOptions(nofile=40)
    with ProcessBackend().start(server, "echo", options) as target, ExitStack() as stack:
        target.verify("echo")
        clients = [stack.enter_context(connect(target)) for _ in range(50)]
        served = [ask(client) for client in clients]
        room = served.index(False)
        assert 20 <= room < 40
        assert not any(served[room:])
        before = target.meter.read().cpu_ns
        assert all(ask(client) for client in clients[:room])
        assert target.meter.read().cpu_ns - before < IDLE_CPU_NS
        for client in clients[:room]:
            client.shutdown(socket.SHUT_WR)
            assert client.recv(1) == b""  # the server has closed it: there is room
        target.verify("echo")
        end = target.stop(5)
    assert (end.exit_code, end.counters, end.stderr) == (0, {"refused": 50 - room}, "")


@pytest.mark.parametrize("server", UNLIMITED)
def test_what_has_no_limit_serves_beyond_it(server, descriptors):
    with ProcessBackend().start(server, "echo", StartOptions()) as target:
        with ExitStack() as stack:
            clients = [stack.enter_context(connect(target)) for _ in range(1100)]
            assert all(ask(client) for client in clients)
        assert target.stop(5).counters == {"refused": 0}
