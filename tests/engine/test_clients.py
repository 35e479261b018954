"""What each client sends and foresees, held against the servers' side and strict readers."""

import h11
import pytest
from websockets.frames import Opcode
from websockets.server import ServerProtocol

from lab.model import ECHO
from loadtests.engine import paths
from loadtests.engine.clients import (
    CLIENTS,
    VARIANTS,
    echo_client,
    frame,
    http_client,
    websocket_client,
    websocket_welcome,
)
from loadtests.engine.replies import WrongReply
from servers.catalog import PROTOCOLS
from servers.protocols import http_paths
from servers.protocols.http import Http
from servers.protocols.websocket import WebSocket

SIZES = [1, 125, 126, 127, 65_535, 65_536, 70_000]  # RFC 6455, 5.2: lengths of 7, 16 and 64 bits
GETS = ["/bytes/0", "/bytes/1", "/bytes/100000", "/cpu/1", "/block/0", "/offload/1"]
SEED = "1/long/payload"


def test_there_is_a_client_for_each_protocol():
    assert CLIENTS.keys() == PROTOCOLS.keys()


@pytest.mark.parametrize("make", CLIENTS.values(), ids=list(CLIENTS))
def test_requests_differ_are_equally_long_and_come_from_the_seed(make):
    client = make(SEED, 64, ECHO)
    assert len({request for request, _ in client.exchanges}) == VARIANTS
    assert len({reply for _, reply in client.exchanges}) == VARIANTS
    assert len({(len(request), len(reply)) for request, reply in client.exchanges}) == 1
    assert client.exchanges == make(SEED, 64, ECHO).exchanges
    assert client.exchanges != make("2/long/payload", 64, ECHO).exchanges


def test_letters_come_back_large():
    for request, reply in echo_client(SEED, 64, ECHO).exchanges:
        assert request.isalpha()
        assert request.islower()
        assert reply == request.upper()


@pytest.mark.parametrize("size", SIZES)
def test_our_own_http_server_answers_as_foreseen(size):
    server = Http()
    client = http_client(SEED, size, ECHO)
    assert [server.receive(request) for request, _ in client.exchanges] == [
        reply for _, reply in client.exchanges
    ]
    assert list(client.judge.bodies) == [reply for _, reply in client.exchanges]


@pytest.mark.parametrize("path", GETS)
def test_our_own_http_server_answers_a_get_as_foreseen(path):
    ((request, reply),) = http_client(SEED, 0, path).exchanges
    assert Http().receive(request) == reply


@pytest.mark.parametrize("path", [ECHO, *GETS])
def test_a_strict_server_understands_each_request_and_may_keep_the_connection(path):
    for request, _ in http_client(SEED, 6, path).exchanges:
        server = h11.Connection(h11.SERVER)
        server.receive_data(request)
        asked = server.next_event()
        assert (asked.target.decode(), asked.http_version) == (path, b"1.1")
        assert asked.method == (b"POST" if path == ECHO else b"GET")
        data = b""
        while isinstance(event := server.next_event(), h11.Data):
            data += event.data
        assert isinstance(event, h11.EndOfMessage)
        assert len(data) == (6 if path == ECHO else 0)
        assert server.their_state is h11.DONE  # and not MUST_CLOSE


def test_the_first_words_are_the_catalogs():
    spoken = PROTOCOLS["websocket"]
    assert websocket_client(SEED, 1, ECHO).hello == spoken.hello
    assert websocket_welcome(spoken.welcome)
    assert frame(b"ready?", b"lab!") == spoken.question
    assert frame(b"ready?") == spoken.answer


@pytest.mark.parametrize("size", SIZES)
def test_our_own_websocket_server_answers_as_foreseen(size):
    server = WebSocket()
    client = websocket_client(SEED, size, ECHO)
    assert client.welcome(server.receive(client.hello))
    for request, reply in client.exchanges:
        assert server.receive(request) == reply
    assert not server.closed


@pytest.mark.parametrize("size", [0, *SIZES])
def test_a_strict_server_understands_each_frame(size):
    server = ServerProtocol()
    server.receive_data(websocket_client(SEED, 1, ECHO).hello)
    server.send_response(server.accept(server.events_received()[0]))
    payload = bytes(number % 251 for number in range(size))
    server.receive_data(frame(payload, b"\x01\x80\xfe\x7f"))
    (found,) = server.events_received()
    assert (found.opcode, found.fin, found.data) == (Opcode.BINARY, True, payload)


WELCOME = PROTOCOLS["websocket"].welcome


@pytest.mark.parametrize(
    "said",
    [
        WELCOME,
        WELCOME.replace(b"Upgrade: websocket", b"date: Mon\r\nupgrade: WebSocket"),
        WELCOME.replace(b"Switching Protocols", b""),
    ],
)
def test_a_welcome_by_what_it_says(said):
    assert websocket_welcome(said)
    assert not any(websocket_welcome(said[:cut]) for cut in range(len(said)))


@pytest.mark.parametrize(
    "said",
    [
        WELCOME.replace(b"101", b"200"),
        WELCOME.replace(b"s3pPL", b"s3ppl"),
        WELCOME.replace(b"Upgrade: websocket\r\n", b""),
        WELCOME.replace(b"Connection: Upgrade", b"Connection: close"),
        WELCOME.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
        WELCOME.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: chat\r\n\r\n"),
        WELCOME + b"\x82\x00",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"go away",
    ],
)
def test_no_welcome(said):
    with pytest.raises(WrongReply):
        websocket_welcome(said)


def test_the_engine_knows_the_paths_that_the_servers_have():
    assert {name.decode() for name in http_paths.NUMBERED} == paths.NUMBERED.keys()
    for name, (_, most) in paths.NUMBERED.items():
        assert http_paths.NUMBERED[name.encode()].limit == most
        assert not paths.problem(f"/{name}/{most}")
        assert paths.problem(f"/{name}/{most + 1}").endswith(f"Write /{name}/{most} at most.")
    assert paths.ECHO == ECHO


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/ech", "Did you mean /echo?"),
        ("echo", "Did you mean /echo?"),
        ("/echo/", "Did you mean /echo?"),
        ("/blok/7", "Did you mean /block/7?"),
        ("/Bytes/7", "Did you mean /bytes/7?"),
        ("block/7", "Did you mean /block/7?"),
        ("/block", "Did you mean /block/5?"),
        ("/block/", "Did you mean /block/5?"),
        ("/block/$ms", "Did you mean /block/5?"),
        ("/block/-1", "Did you mean /block/5?"),
        ("/block/007", "Did you mean /block/5?"),
        ("/block/7?x", "Did you mean /block/5?"),
        ("/index.html", "Write one of /echo, /bytes/N, /cpu/US, /block/MS, /offload/MS."),
        ("", "Write one of /echo, /bytes/N, /cpu/US, /block/MS, /offload/MS."),
        ("/bytes/\u0663", "Did you mean /bytes/5?"),
    ],
)
def test_another_path_is_refused_and_mended(path, told):
    assert paths.problem(path) == f"is not a path of the lab's servers. {told}"
