import pytest

from lab.websocket_cases import (
    BINARY,
    CASES,
    CLOSE,
    CONT,
    HELLO,
    LIMIT,
    PING,
    PONG,
    TEXT,
    WELCOME,
    enough,
    fault,
    frame,
    parse_frames,
)
from servers.protocols.websocket import MESSAGE_LIMIT, WebSocket

SMALL = 400  # bytes that are cut at every place, and fed byte by byte
PIECE = 997  # bytes; Autobahn's own cut for what is larger, and no divisor of anything


def opened():
    websocket = WebSocket()
    assert websocket.receive(HELLO) == WELCOME
    return websocket


def answers(websocket, pieces):
    return b"".join([websocket.receive(piece) for piece in pieces])


def cut(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


def check(case, pieces):
    websocket = WebSocket() if case.handshake else opened()
    found = answers(websocket, pieces)
    assert not fault(case, found)
    assert enough(case, found)
    hangs_up = case.close_code is not None or (case.handshake and case.status != 101)
    assert websocket.closed == hangs_up


@pytest.mark.parametrize("name", CASES)
def test_each_case_whole(name):
    check(CASES[name], [CASES[name].request])


@pytest.mark.parametrize("name", CASES)
def test_each_case_in_small_pieces(name):
    request = CASES[name].request
    check(CASES[name], cut(request, 1 if len(request) < SMALL else PIECE))


@pytest.mark.parametrize("name", [name for name in CASES if len(CASES[name].request) < SMALL])
def test_each_small_case_cut_in_two_at_every_place(name):
    request = CASES[name].request
    for place in range(1, len(request)):
        check(CASES[name], [request[:place], request[place:]])


@pytest.mark.parametrize("name", [name for name in CASES if not CASES[name].handshake])
def test_each_case_glued_to_its_handshake_and_a_message(name):
    said = frame(TEXT, b"before")
    found = WebSocket().receive(HELLO + said + CASES[name].request)
    before = WELCOME + frame(TEXT, b"before", masked=False)
    assert found.startswith(before)
    assert not fault(CASES[name], found.removeprefix(before))


def test_the_table_covers_each_section():
    sections = {name.split(".")[0] for name in CASES}
    assert sections == {"0", "1", "2", "3", "4", "5", "6", "7", "9", "10"}
    assert len(CASES) > 200


def failed(websocket, said, code):
    """The connection was failed with that code: section 7.1.7."""
    last = parse_frames(said)[-1]
    assert (last.opcode, int.from_bytes(last.payload[:2], "big")) == (CLOSE, code)
    return websocket.closed and websocket.lingers


@pytest.fixture(scope="module")
def largest():
    return bytes(range(256)) * (LIMIT // 256)


def test_the_largest_message_comes_back_and_the_connection_lives_on(largest):
    assert MESSAGE_LIMIT == LIMIT
    websocket = opened()
    said = answers(websocket, cut(frame(BINARY, largest) + frame(PING), 1 << 16))
    assert said == frame(BINARY, largest, masked=False) + frame(PONG, masked=False)
    assert not websocket.closed


def test_the_largest_message_may_come_in_fragments_with_a_ping_among_them(largest):
    first, last = largest[:-1], largest[-1:]
    websocket = opened()
    full = frame(CONT, last, fin=False)
    request = frame(BINARY, first, fin=False) + full + frame(PING, b"?" * 125) + frame(CONT)
    pong = frame(PONG, b"?" * 125, masked=False)
    assert websocket.receive(request) == pong + frame(BINARY, largest, masked=False)


@pytest.mark.parametrize("kind", [TEXT, BINARY])
def test_one_byte_more_is_refused(largest, kind):
    websocket = opened()
    assert failed(websocket, websocket.receive(frame(kind, bytes(LIMIT) + b"x")), 1009)


def test_one_byte_more_in_fragments_is_refused(largest):
    websocket = opened()
    said = websocket.receive(frame(BINARY, largest, fin=False) + frame(CONT, b"x", fin=False))
    assert failed(websocket, said, 1009)


def test_a_length_over_the_limit_is_refused_before_the_payload_comes():
    websocket = opened()
    head = frame(BINARY, bytes(65536))[:2] + (2 * LIMIT).to_bytes(8, "big")
    assert failed(websocket, websocket.receive(head), 1009)


@pytest.mark.parametrize("code", [1000, 1001, 3000])
def test_a_closing_handshake_ends_it_and_nobody_need_linger(code):
    websocket = opened()
    said = code.to_bytes(2, "big") + b"bye"
    assert websocket.receive(frame(CLOSE, said)) == frame(CLOSE, said, masked=False)
    assert websocket.closed
    assert not websocket.lingers


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (frame(TEXT, b"x", masked=False), 1002),
        (frame(TEXT, b"\xff"), 1007),
        (frame(CLOSE, b"\x03\xe8\xff"), 1007),
        (frame(CLOSE, b"\x00\x00"), 1002),
    ],
)
def test_a_failed_connection_lingers_so_that_the_client_reads_why(request_, code):
    websocket = opened()
    assert failed(websocket, websocket.receive(request_), code)


def test_nothing_is_answered_after_the_end():
    for last in (frame(CLOSE), frame(3), b""):
        websocket = opened()
        websocket.receive(last)
        assert websocket.closed
        assert answers(websocket, [frame(TEXT, b"late"), frame(CLOSE), b"", b""]) == b""


@pytest.mark.parametrize(
    "said",
    [
        b"",
        HELLO[:1],
        HELLO[:-1],
        HELLO,
        HELLO + frame(TEXT, b"x"),
        HELLO + frame(TEXT, b"x")[:3],
        HELLO + frame(TEXT, b"x", fin=False),
        HELLO + frame(PING)[:1],
    ],
)
def test_end_of_file_at_any_place_is_the_end_without_another_word(said):
    websocket = WebSocket()
    if said:
        websocket.receive(said)
    assert not websocket.closed
    assert websocket.receive(b"") == b""
    assert websocket.closed
    assert not websocket.lingers


@pytest.mark.parametrize(
    "name", [name for name in CASES if CASES[name].handshake and CASES[name].status != 101]
)
def test_a_refusal_is_a_whole_answer_that_closes(name):
    websocket = WebSocket()
    head, body = websocket.receive(CASES[name].request).split(b"\r\n\r\n")
    fields = head.split(b"\r\n")[1:]
    assert b"Connection: close" in fields
    assert b"Content-Length: %d" % len(body) in fields
    assert not [each for each in fields if each.startswith((b"Date", b"Server"))]
    assert websocket.closed
    assert websocket.lingers


def test_a_wrong_version_is_told_the_right_one():
    said = WebSocket().receive(HELLO.replace(b"Version: 13", b"Version: 12"))
    assert said.startswith(b"HTTP/1.1 426 Upgrade Required\r\n")
    for field in (b"Sec-WebSocket-Version: 13", b"Upgrade: websocket", b"Connection: Upgrade"):
        assert b"\r\n" + field + b"\r\n" in said


def test_a_refused_client_cannot_go_on_to_frames():
    websocket = WebSocket()
    said = websocket.receive(HELLO.replace(b"Host: lab\r\n", b"") + frame(TEXT, b"x"))
    assert frame(TEXT, b"x", masked=False) not in said
    assert websocket.receive(HELLO) == b""


def test_a_head_that_never_ends_is_refused_long_before_it_is_large():
    websocket = WebSocket()
    websocket.receive(b"GET / HTTP/1.1\r\n")
    sent = 0
    while not websocket.closed:
        websocket.receive(b"X: " + b"a" * 4096 + b"\r\n")
        sent += 4101
    assert sent < 1 << 20


def test_a_fragment_that_no_text_can_contain_is_refused_before_the_message_ends():
    websocket = opened()
    assert websocket.receive(frame(TEXT, b"\xe2\x82", fin=False)) == b""
    assert failed(websocket, websocket.receive(frame(CONT, b"\x28", fin=False)), 1007)


def test_what_came_before_a_fault_is_answered_first():
    websocket = opened()
    said = websocket.receive(frame(TEXT, b"a") + frame(PING, b"b") + frame(TEXT, b"c", rsv=4))
    expected = frame(TEXT, b"a", masked=False) + frame(PONG, b"b", masked=False)
    assert said.startswith(expected)
    assert failed(websocket, said, 1002)


def test_many_messages_in_one_piece_are_answered_in_one_piece():
    said = b"".join(frame(TEXT, b"%d" % number) for number in range(1000))
    echoed = b"".join(frame(TEXT, b"%d" % number, masked=False) for number in range(1000))
    assert opened().receive(said) == echoed


def test_a_long_talk_leaves_nothing_behind():
    websocket = opened()
    for _ in range(3):
        websocket.receive((frame(PING) + frame(TEXT, b"x", fin=False) + frame(CONT)) * 100)
    protocol = websocket._protocol
    left = [protocol.events, protocol.writes, protocol.message, protocol.reader.buffer]
    assert not any(left)


def test_nothing_is_logged(caplog):
    caplog.set_level(0)
    opened().receive(frame(TEXT, b"x") + frame(3))
    WebSocket().receive(b"garbage\r\n\r\n")
    assert not caplog.records


def test_connections_share_nothing():
    one, other = opened(), opened()
    one.receive(frame(TEXT, b"one", fin=False))
    other.receive(frame(BINARY, b"other", fin=False))
    assert one.receive(frame(CONT)) == frame(TEXT, b"one", masked=False)
    assert other.receive(frame(CONT)) == frame(BINARY, b"other", masked=False)


# the table's own tools


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536])
@pytest.mark.parametrize("masked", [False, True])
def test_a_frame_is_parsed_as_it_was_written(size, masked):
    data = frame(BINARY, b"x" * size, fin=False, masked=masked, rsv=5)
    assert parse_frames(data + data[:-1]) == [(BINARY, b"x" * size, False, masked, 5)]


def test_the_frames_of_the_rfc():
    """RFC 6455 section 5.7, but for the key."""
    assert frame(TEXT, b"Hello", masked=False) == bytes.fromhex("810548656c6c6f")
    masked = bytes.fromhex("818537fa213d7f9f4d5158")
    assert parse_frames(masked) == [(TEXT, b"Hello", True, True, 0)]
    assert frame(BINARY, bytes(256), masked=False)[:4] == bytes.fromhex("827e0100")
    assert frame(BINARY, bytes(65536), masked=False)[:10] == bytes.fromhex("827f0000000000010000")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("2.1 empty", b""),
        ("2.1 empty", frame(PONG, b"x", masked=False)),
        ("2.1 empty", frame(PONG, masked=False) * 2),
        ("2.1 empty", frame(PONG)),
        ("2.5 of 126", b""),
        ("2.5 of 126", frame(CLOSE, b"\x03\xe8", masked=False)),
        ("2.5 of 126", frame(CLOSE, b"\x03\xea", masked=False) * 2),
        ("2.5 of 126", frame(CLOSE, b"\x03\xea")),
        ("2.5 of 126", frame(PONG, masked=False) + frame(CLOSE, b"\x03\xea", masked=False)),
        ("7.3.1 no code", frame(CLOSE, b"\x03\xe8", masked=False)),
        ("0.4 as it should be", WELCOME[:-1]),
        ("0.4 as it should be", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        ("0.4 no host", WELCOME),
    ],
)
def test_a_wrong_answer_has_a_fault(name, found):
    assert fault(CASES[name], found)
