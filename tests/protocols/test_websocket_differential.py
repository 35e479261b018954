"""The library's own client on the other end of a fake link, and bytes that nobody meant."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from lab.websocket_cases import CASES, CLOSE, CONT, HELLO, WELCOME, frame, parse_frames
from servers.protocols.websocket import WebSocket

calm = settings(derandomize=True, deadline=None, max_examples=150)

sizes = st.lists(st.integers(1, 200), min_size=1, max_size=5)
payloads = st.binary(max_size=300)
pieces = st.lists(payloads, min_size=1, max_size=4)


def cut(data, sizes):
    """The data in pieces of these sizes, over and over."""
    parts, at, turn = [], 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        parts.append(data[at : at + size])
        at, turn = at + size, turn + 1
    return parts


class Pair:
    """A client of the library and our server, and every byte between them in pieces."""

    def __init__(self, sizes):
        self.sizes = sizes
        self.client = ClientProtocol(parse_uri("ws://lab/chat"))
        self.server = WebSocket()
        self.frames = []
        self.client.send_request(self.client.connect())
        self.flow()
        assert self.client.handshake_exc is None
        assert self.client.state is State.OPEN

    def flow(self):
        """Carry all that the client has to send there, and all answers back."""
        for piece in cut(b"".join(self.client.data_to_send()), self.sizes):
            for answer in cut(self.server.receive(piece), self.sizes):
                self.client.receive_data(answer)
        if self.server.closed:
            self.client.receive_eof()
        self.frames += [
            (frame.opcode, bytes(frame.data), frame.fin)
            for frame in self.client.events_received()
            if not hasattr(frame, "status_code")
        ]


@st.composite
def messages(draw):
    """A message in fragments, and a ping or none before each."""
    kind = draw(st.sampled_from([Opcode.TEXT, Opcode.BINARY]))
    whole = draw(st.text(max_size=100)).encode() if kind is Opcode.TEXT else draw(payloads)
    parts = cut(whole, draw(sizes)) or [b""]
    pings = draw(
        st.lists(st.none() | st.binary(max_size=125), min_size=len(parts), max_size=len(parts))
    )
    return kind, parts, pings


def send(client, message):
    """Returns the frames that must come back."""
    kind, parts, pings = message
    back = []
    for number, (part, ping) in enumerate(zip(parts, pings, strict=True)):
        if ping is not None:
            client.send_ping(ping)
            back.append((Opcode.PONG, ping, True))
        fin = number == len(parts) - 1
        if number:
            client.send_continuation(part, fin)
        else:
            (client.send_text if kind is Opcode.TEXT else client.send_binary)(part, fin)
    return [*back, (kind, b"".join(parts), True)]


@calm
@given(said=st.lists(messages(), max_size=5), sizes=sizes, together=st.booleans())
def test_the_library_s_client_gets_back_what_it_says(said, sizes, together):
    pair = Pair(sizes)
    expected = []
    for message in said:
        expected += send(pair.client, message)
        if not together:
            pair.flow()
            assert pair.frames == expected
    pair.client.send_close(1000, "bye")
    pair.flow()
    assert pair.frames[:-1] == expected
    assert pair.client.state is State.CLOSED
    assert (pair.client.close_code, pair.client.close_reason) == (1000, "bye")
    assert pair.client.parser_exc is None
    assert pair.server.closed
    assert not pair.server.lingers


def talk(*parts):
    """What a server said to these, and itself."""
    server = WebSocket()
    return b"".join([server.receive(part) for part in parts]), server


def sound(said, server):
    """Whole frames only, none masked, none after a close frame, which is there if it hung up."""
    frames = parse_frames(said)
    again = b"".join(frame(each.opcode, each.payload, masked=False) for each in frames)
    closes = [number for number, each in enumerate(frames) if each.opcode == CLOSE]
    assert said == again
    assert closes == ([len(frames) - 1] if server.closed else [])


@st.composite
def corrupted(draw):
    """What a client may say, with some bytes of it changed, dropped or doubled."""
    said = draw(st.lists(st.sampled_from(STREAMS), min_size=1, max_size=4))
    data = bytearray(b"".join(said))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=3))
    return bytes(data)


STREAMS = [
    case.request for case in CASES.values() if not case.handshake and len(case.request) < 200
]


@calm
@given(said=corrupted() | st.binary(max_size=400), sizes=sizes)
def test_corrupt_frames_end_in_a_close_frame_or_wait_for_more(said, sizes):
    whole, server = talk(HELLO, *([said] if said else []))
    sound(whole.removeprefix(WELCOME), server)
    pieces, other = talk(HELLO, *cut(said, sizes))
    assert pieces == whole
    assert (other.closed, other.lingers) == (server.closed, server.lingers)
    assert server.receive(b"") == b""
    assert server.closed


@calm
@given(
    said=corrupted(),
    broken=st.sampled_from([frame(3), frame(CONT), frame(9, bytes(126)), frame(1, masked=False)]),
)
def test_corrupt_frames_and_then_a_broken_one_never_leave_it_open(said, broken):
    """Unless a changed length makes it wait for more: then so much comes that it has it all."""
    server = talk(HELLO, said)[1]
    for _ in range(1 << 10):
        if server.closed:
            break
        server.receive(broken * 4096)
    assert server.closed
    assert server.lingers or b"\x88" in said  # only the client's own close ends it in peace


@calm
@given(at=st.integers(0, len(HELLO) - 1), new=st.binary(max_size=3), sizes=sizes)
def test_a_corrupt_handshake_is_taken_refused_or_waits_for_more(at, new, sizes):
    said = HELLO[:at] + new + HELLO[at + 1 :]
    whole, server = talk(said)
    pieces, other = talk(*cut(said, sizes))
    assert (pieces, other.closed) == (whole, server.closed)
    if server.closed:
        assert server.lingers
        assert whole.startswith((b"HTTP/1.1 4", b"HTTP/1.1 505 "))
    else:
        assert not whole or whole.startswith(b"HTTP/1.1 101 ")
    server.receive(b"")
    assert server.closed


@calm
@given(said=st.binary(min_size=1, max_size=300))
def test_noise_in_place_of_a_handshake_is_refused_or_waits_for_more(said):
    answer, server = talk(said)
    assert server.closed == answer.startswith(b"HTTP/1.1 4")
    assert bool(answer) == server.closed
    answer, server = talk(said + b"\r\n\r\n")
    assert server.closed
    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("extensions", [None, [ClientPerMessageDeflateFactory()]])
def test_the_library_s_client_is_content_with_no_compression(extensions):
    client = ClientProtocol(parse_uri("ws://lab/"), extensions=extensions)
    client.send_request(client.connect())
    client.receive_data(WebSocket().receive(b"".join(client.data_to_send())))
    assert client.state is State.OPEN
    assert client.extensions == []
