"""The frameworks on the wire: the paths of our own HTTP, what blocks and what does not, the end.

What they answer is compared by status and body: headers and framing are theirs.
"""

import os
import signal
import socket
import time

import pytest

from lab.backends.contract import StartOptions
from lab.backends.process import ProcessBackend
from lab.replies import Replies
from servers.catalog import SERVERS
from servers.core.ending import GRACE
from servers.protocols.http_head import BODY_SIZE
from servers.protocols.http_paths import BYTES_LIMIT

FRAMEWORKS = [name for name, server in SERVERS.items() if server.family == "framework"]
AWHILE = 400  # milliseconds: long beside an answer, which takes one or two
GET = b"GET %b HTTP/1.1\r\nHost: lab\r\n\r\n"
POST = "POST /echo HTTP/1.1\r\nHost: lab\r\n"


@pytest.fixture(params=FRAMEWORKS, scope="module")
def target(request):
    with ProcessBackend().start(request.param, "http", StartOptions()) as target:
        yield target
        assert target.stop(5).stderr == ""


@pytest.fixture(params=FRAMEWORKS)
def mortal(request):
    with ProcessBackend().start(request.param, "http", StartOptions()) as target:
        yield target


def connect(target):
    return socket.create_connection(target.address, 10)


def get(client, path, method="GET"):
    client.sendall(f"{method} {path} HTTP/1.1\r\nHost: lab\r\n\r\n".encode())


def begin(client, path):
    """Ask for something, and return when the server is at it: it has answered what came before."""
    client.sendall(b"".join(GET % each for each in (b"/bytes/1", path.encode())))
    assert [reply.body for reply in hear(client)] == [b"x"]


def hear(client, count=1, *, bodiless=False):
    """The next replies, or fewer when the end comes first."""
    replies, heard = Replies(bodiless=bodiless), []
    while len(heard) < count and (data := client.recv(65536)):
        heard += replies.feed(data)
    return heard


def test_every_path_does_what_it_does_in_our_own_http(target):
    with connect(target) as client:
        for path, status, body in [
            ("/echo", 200, b""),
            ("/bytes/0", 200, b""),
            ("/bytes/100000", 200, b"x" * 100_000),
            ("/cpu/100", 200, b"done"),
            ("/block/1", 200, b"done"),
            ("/offload/1", 200, b"done"),
        ]:
            get(client, path)
            [reply] = hear(client)
            assert (path, reply.status, reply.body) == (path, status, body)
            assert reply.headers["content-type"] == "application/octet-stream"
            assert reply.headers["content-length"] == str(len(body))
        get(client, "/bytes/100000", "HEAD")
        [reply] = hear(client, bodiless=True)
        assert reply.headers["content-length"] == "100000"


def test_what_is_not_there_is_refused_and_the_talk_goes_on(target):
    with connect(target) as client:
        for method, path, status in [
            ("GET", "/", 404),
            ("GET", "/bytes/-1", 404),
            ("GET", "/bytes/x", 404),
            ("GET", f"/bytes/{BYTES_LIMIT + 1}", 404),
            ("GET", "/cpu/10000001", 404),
            ("GET", "/block/10001", 404),
            ("GET", "/offload/10001", 404),
            ("POST", "/bytes/1", 405),
            ("DELETE", "/echo", 405),
        ]:
            get(client, path, method)
            assert [(method, path, reply.status) for reply in hear(client)] == [
                (method, path, status)
            ]
            get(client, "/bytes/3")
            assert [reply.body for reply in hear(client)] == [b"xxx"]


def test_a_body_in_chunks_and_one_that_asks_first_are_read(target):
    with connect(target) as client:
        client.sendall(
            f"{POST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n".encode()
        )
        assert [reply.body for reply in hear(client)] == [b"ABCDE"]
        client.sendall(f"{POST}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n".encode())
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc")
        assert [reply.body for reply in hear(client)] == [b"ABC"]


def test_a_body_too_long_is_refused(target):
    with connect(target) as client:
        client.sendall(f"{POST}Content-Length: {BODY_SIZE + 1}\r\n\r\n".encode())
        left = memoryview(b"a" * (BODY_SIZE + 1))
        try:
            while left:
                left = left[client.send(left) :]
        except ConnectionError:
            pass  # refused by now: the answer has come
        assert [reply.status for reply in hear(client)] == [413]


def test_who_offloads_does_not_block_another_client_and_who_blocks_does(target):
    seconds = {}
    for name in ("offload", "block"):
        with connect(target) as client, connect(target) as other:
            begin(client, f"/{name}/{AWHILE}")
            asked = time.monotonic()
            get(other, "/echo")
            assert [reply.status for reply in hear(other)] == [200]
            seconds[name] = time.monotonic() - asked
            assert [reply.body for reply in hear(client)] == [b"done"]
    assert seconds["offload"] < AWHILE / 2000 < seconds["block"]


def test_sigterm_answers_what_is_in_flight_and_ends_at_once(mortal):
    with connect(mortal) as client, connect(mortal):  # the second is silent
        begin(client, f"/offload/{AWHILE}")
        told = time.monotonic()
        os.kill(mortal.pid, signal.SIGTERM)
        assert [reply.body for reply in hear(client)] == [b"done"]
        end = mortal.stop(5)
    assert (end.exit_code, end.counters, end.stderr) == (0, {"refused": 0}, "")
    assert time.monotonic() - told < AWHILE / 1000 + 0.9  # not by the alarm


def test_sigterm_ends_a_server_whose_loop_is_blocked(mortal):
    with connect(mortal) as client:
        begin(client, "/block/9000")
        told = time.monotonic()
        end = mortal.stop(5)
    assert (end.exit_code, end.counters, end.stderr) == (0, {"refused": 0}, "")
    assert GRACE <= time.monotonic() - told < GRACE + 1
