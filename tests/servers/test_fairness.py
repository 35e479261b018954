"""Two servers, two clients: the sockets that the servers hold are alike in every option.

The server's own descriptors are looked at, borrowed with pidfd_getfd(2).
"""

import ctypes
import os
import socket
from pathlib import Path

import pytest

from lab.backends.contract import StartOptions
from lab.backends.process import ProcessBackend
from servers.catalog import SERVERS
from servers.needs import missing

PIDFD_GETFD = 438  # asm-generic/unistd.h
OPTIONS = {
    "TCP_NODELAY": (socket.IPPROTO_TCP, socket.TCP_NODELAY),
    "TCP_QUICKACK": (socket.IPPROTO_TCP, socket.TCP_QUICKACK),
    "TCP_CORK": (socket.IPPROTO_TCP, socket.TCP_CORK),
    "TCP_DEFER_ACCEPT": (socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT),
    "SO_RCVBUF": (socket.SOL_SOCKET, socket.SO_RCVBUF),
    "SO_SNDBUF": (socket.SOL_SOCKET, socket.SO_SNDBUF),
    "SO_LINGER": (socket.SOL_SOCKET, socket.SO_LINGER),
    "SO_BUSY_POLL": (socket.SOL_SOCKET, 46),
}
HERE = [name for name, server in SERVERS.items() if not missing(server.needs)]


def borrowed(pid):
    """Yield copies of the Internet sockets of a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    process = os.pidfd_open(pid)
    try:
        for name in sorted(Path(f"/proc/{pid}/fd").iterdir()):
            copy = libc.syscall(PIDFD_GETFD, process, int(name.name), 0)
            if copy < 0:
                continue
            try:
                found = socket.socket(fileno=copy)
            except OSError:
                os.close(copy)
                continue
            with found:
                if found.family == socket.AF_INET:
                    yield found
    finally:
        os.close(process)


def options(server):
    """Return what the listener and one accepted client of a server are set to."""
    protocol = "echo" if SERVERS[server].speaks("echo") else "http"
    with ProcessBackend().start(server, protocol, StartOptions()) as target:
        target.verify(protocol)
        with socket.create_connection(target.address, 10) as client:
            if protocol == "echo":
                client.sendall(b"a")
                assert client.recv(1) == b"A"
            else:
                client.sendall(b"GET /echo HTTP/1.1\r\nHost: lab\r\n\r\n")
                assert client.recv(1) == b"H"
            pids = {target.pid} | set(target.meter._members())
            mine = client.getsockname()
            for pid in pids:
                for found in borrowed(pid):
                    try:
                        peer = found.getpeername()
                    except OSError:
                        continue
                    if peer == mine:
                        return {n: found.getsockopt(*where) for n, where in OPTIONS.items()}
    raise AssertionError("the server does not hold the client")


@pytest.fixture(scope="module")
def usual():
    return options("blocking")


@pytest.mark.parametrize("server", HERE)
def test_every_server_holds_its_clients_with_the_same_options(server, usual):
    assert options(server) == usual
    assert usual["TCP_NODELAY"] == 1
