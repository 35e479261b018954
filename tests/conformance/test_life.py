"""From the first client to the last signal: start, stop, and what stands in the way of either."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.backends.contract import StartFailed, StartOptions
from lab.backends.process import ProcessBackend, is_exact
from lab.verify import pairs
from lab.wire import Client, expect
from servers.catalog import PROTOCOLS, SERVERS

OPTIONS = StartOptions()
SECONDS = 5  # the contract: SIGTERM to exit
ECHO = [name for name, server in SERVERS.items() if server.speaks("echo")]
FIRST = dict(reversed(pairs()))  # that each speaks


@pytest.mark.parametrize(("server", "protocol"), pairs())
def test_a_client_that_came_and_spoke_before_serve_began_is_served(server, protocol):
    spoken = PROTOCOLS[protocol]
    script = Path(__file__).with_name("serve_when_told.py")
    command = [sys.executable, "-P", script, server, protocol]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            address = ("127.0.0.1", int(process.stdout.readline()))
            with Client(exact=is_exact(server)) as client:
                client.settimeout(10)
                client.connect(address)
                client.sendall(spoken.hello + spoken.question)
                process.stdin.write(b"\n")
                process.stdin.flush()
                expect(client, spoken.welcome + spoken.answer)
        finally:
            process.kill()


@pytest.mark.parametrize("server", SERVERS)
def test_sigterm_ends_an_idle_server_at_once(server):
    with ProcessBackend().start(server, FIRST[server], OPTIONS) as target:
        begin = time.monotonic()
        assert target.stop(SECONDS).exit_code == 0
        assert time.monotonic() - begin < 0.9  # not by the grace alarm


@pytest.mark.parametrize("jam", [False, True], ids=["silent", "not-reading"])
@pytest.mark.parametrize("server", ECHO)
def test_sigterm_ends_a_server_in_spite_of_an_open_client(server, jam):
    with ProcessBackend().start(server, "echo", OPTIONS) as target, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(target.address)
        client.sendall(b"a" * (1 << 20 if jam else 1))
        client.recv(1)
        end = target.stop(SECONDS)
        assert (end.exit_code, end.stderr, end.counters) == (0, "", {"refused": 0})


@pytest.mark.parametrize("server", SERVERS)
def test_ctrl_c_ends_a_server_like_sigterm(server):
    with ProcessBackend().start(server, FIRST[server], OPTIONS) as target:
        os.kill(target.pid, signal.SIGINT)
        assert target.stop(SECONDS).exit_code == 0
        assert target.logs() == ""


def test_a_taken_port_is_said_in_one_line():
    with ProcessBackend().start("epoll", "echo", OPTIONS) as first:
        port = first.address[1]
        with pytest.raises(StartFailed, match=f"port {port} of 127.0.0.1 is taken") as caught:
            ProcessBackend().start("select", "echo", StartOptions(port=port))
    assert caught.value.port_taken
    assert caught.value.code == 5


def test_a_port_is_free_again_as_soon_as_its_server_has_ended():
    with ProcessBackend().start("epoll", "echo", OPTIONS) as first:
        first.verify("echo")
        port = first.address[1]
        with socket.create_connection(first.address):  # the server closes first: TIME_WAIT is its
            first.stop(SECONDS)
    with ProcessBackend().start("epoll", "echo", StartOptions(port=port)) as second:
        second.verify("echo")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "name a server: blocking, threads"),
        (["nope"], 2, 'no server "nope"; write one of: blocking, threads'),
        (["no.such"], 2, "cannot import no.such"),
        (["servers.catalog"], 2, "servers.catalog has no serve("),
        (["epoll", "--protocol", "nope"], 2, 'no protocol "nope"; write one of: echo'),
        (["epoll", "--port", "65536"], 2, '"65536" is no whole number from 0 to 65535'),
        (["epoll", "--port", "-1"], 2, '"-1" is no whole number'),
        (["epoll", "--workers", "0"], 2, '"0" is no whole number from 1'),
        (["epoll", "--backlog", "many"], 2, '"many" is no whole number'),
        (["epoll", "--nofile", str(2**31 - 1)], 5, "above the hard limit; write"),
        (["epoll", "--host", "192.0.2.1"], 5, "cannot listen on 192.0.2.1 port 0: Cannot assign"),
        (["epoll", "--nope"], 2, "unrecognized arguments: --nope"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(arguments, code, words):
    command = [sys.executable, "-P", "-m", "servers", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("servers: ")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_list_names_all():
    command = [sys.executable, "-P", "-m", "servers", "--list"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout
    assert all(name in listing for name in [*SERVERS, *PROTOCOLS])
