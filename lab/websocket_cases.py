"""What a WebSocket server answers to which bytes, as data: after Autobahn's cases, and RFC 6455.

Not a runner: whoever has a connection sends HELLO (unless the row is a handshake), then `request`,
cut as it likes, reads until `enough`, and asks for the `fault`. The first part of a name is the
section of Autobahn's cases, and where it has such a case, its number; a letter behind it, or a 0,
is ours. Where Autobahn takes two answers, a row has the strict one: what came before a fault is
echoed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from servers.catalog import PROTOCOLS

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10  # opcodes, RFC 6455 section 5.2
KEY = b"lab!"  # a fixed masking key keeps the rows the same; section 5.3 wants a fresh one
NO_CODE = 1005  # stands for a close frame without a code, section 7.1.5
LIMIT = 16 << 20  # bytes of one message: the servers' own limit
HELLO, WELCOME = PROTOCOLS["websocket"].hello, PROTOCOLS["websocket"].welcome
SIZES = (0, 125, 126, 127, 128, 65535, 65536)  # around each of the three ways to say a length
END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class WebSocketCase:
    """One row.

    answer: all that comes before the close frame, byte by byte; with no close, all that comes.
    None: whatever it is (a refused handshake has a text for people).
    close_code: of the one close frame that ends the answer; None: the connection stays open.
    """

    request: bytes  # all the client sends after the handshake; or the handshake and all after it
    answer: bytes | None
    close_code: int | None
    handshake: bool = False
    status: int = 0  # of the answer to a handshake
    source: str = ""


class ParsedFrame(NamedTuple):
    """A frame as it was on the wire, unmasked."""

    opcode: int
    payload: bytes
    fin: bool
    masked: bool
    rsv: int


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, masked: bool = True, rsv: int = 0
) -> bytes:
    """One frame as it goes over the wire, with the shortest way to say its length."""
    size = len(payload)
    short = size if size < 126 else 126 if size < 1 << 16 else 127
    head = bytes([fin << 7 | rsv << 4 | opcode, masked << 7 | short])
    if short > 125:
        head += size.to_bytes(2 if short == 126 else 8, "big")
    return head + (KEY + _mask(payload, KEY) if masked else payload)


def parse_frames(data: bytes) -> list[ParsedFrame]:
    """All whole frames in `data`, of either side. What is left at the end is not there yet."""
    frames, at = [], 0
    while len(data) >= at + 2:
        first, second = data[at], data[at + 1]
        wide = {126: 2, 127: 8}.get(second & 127, 0)
        begin = at + 2 + wide + (4 if second & 128 else 0)
        size = int.from_bytes(data[at + 2 : at + 2 + wide], "big") if wide else second & 127
        if len(data) < begin + size:
            break
        payload = data[begin : begin + size]
        if second & 128:
            payload = _mask(payload, data[begin - 4 : begin])
        rsv = first >> 4 & 7
        frames.append(ParsedFrame(first & 15, payload, first >= 128, second >= 128, rsv))
        at = begin + size
    return frames


def enough(case: WebSocketCase, found: bytes) -> bool:
    """Whether all that the row expects may have come: then stop reading, and look for a fault."""
    if case.handshake:
        return END_OF_HEAD in found and len(found) >= len(case.answer or b"")
    before = len(case.answer or b"")
    if case.close_code is None:
        return len(found) >= before
    return any(each.opcode == CLOSE for each in parse_frames(found[before:]))


def fault(case: WebSocketCase, found: bytes) -> str:
    """What is wrong with all that was received; empty if nothing is."""
    before = len(case.answer or b"")
    if case.handshake and not found.startswith(b"HTTP/1.1 %d " % case.status):
        return f"{found[:20]!r} where the status is {case.status}"
    if case.answer is not None and found[:before] != case.answer:
        return f"{found[:before][:60]!r} where {case.answer[:60]!r} was due"
    if case.close_code is None:
        rest = found[before:] if case.answer is not None else b""
        return f"{rest[:60]!r} where nothing more was due" if rest else ""
    closes = parse_frames(found[before:])
    if len(closes) != 1 or frame(CLOSE, closes[0].payload, masked=False) != found[before:]:
        return f"{found[before:][:60]!r} where one close frame was due"
    code = int.from_bytes(closes[0].payload[:2], "big") or NO_CODE
    return "" if code == case.close_code else f"closed with {code} instead of {case.close_code}"


def _mask(data: bytes, key: bytes) -> bytes:
    keys = (key * (len(data) // 4 + 1))[: len(data)]
    whole = int.from_bytes(data, "big") ^ int.from_bytes(keys, "big")
    return whole.to_bytes(len(data), "big")


def _close(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


def _fragments(opcode: int, pieces: Iterable[bytes], *, last: bool = True) -> bytes:
    """A message in pieces; without `last`, one that is to go on."""
    pieces = list(pieces)
    end = len(pieces) - 1
    return b"".join(
        frame(CONT if number else opcode, piece, fin=last and number == end)
        for number, piece in enumerate(pieces)
    )


def _each(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def _said(*frames: tuple[int, bytes]) -> bytes:
    return b"".join(frame(opcode, payload, masked=False) for opcode, payload in frames)


Row = tuple[bytes, bytes, int | None]  # request, answer before the close frame, close code


def _echo(kind: int, message: bytes) -> Row:
    return frame(kind, message), _said((kind, message)), None


def _joined(kind: int, pieces: Iterable[bytes]) -> Row:
    pieces = list(pieces)
    return _fragments(kind, pieces), _said((kind, b"".join(pieces))), None


def _fails(request: bytes, code: int = 1002, answer: bytes = b"") -> Row:
    return request, answer, code


def _framing() -> dict[str, Row]:
    kinds = {"1.1": (TEXT, "text"), "1.2": (BINARY, "binary")}
    rows = {
        f"{section}.{number} {word} of {size}": _echo(kind, b"*" * size)
        for section, (kind, word) in kinds.items()
        for number, size in enumerate(SIZES, 1)
    }
    rows["1.2.9 binary of all byte values"] = _echo(BINARY, bytes(range(256)))
    rows["1.2.10 three messages of both types"] = (
        frame(TEXT, b"a") + frame(BINARY, b"b") + frame(TEXT, b"c"),
        _said((TEXT, b"a"), (BINARY, b"b"), (TEXT, b"c")),
        None,
    )
    for word, opcode in {"text": TEXT, "binary": BINARY, "ping": PING, "close": CLOSE}.items():
        bare = frame(opcode, b"\x03\xe8", masked=False)
        rows[f"0.1 unmasked {word}"] = _fails(bare)
    rows["0.1 unmasked after masked"] = _fails(
        frame(TEXT, b"a") + frame(TEXT, b"b", masked=False), answer=_said((TEXT, b"a"))
    )
    return rows


def _pings() -> dict[str, Row]:
    def pinged(*payloads: bytes) -> Row:
        request = b"".join(frame(PING, each) for each in payloads)
        return request, _said(*((PONG, each) for each in payloads)), None

    probe = _said((PONG, b"probe"))  # shows that nothing came before it
    return {
        "2.1 empty": pinged(b""),
        "2.2 text": pinged(b"Hello, world!"),
        "2.3 binary": pinged(bytes.fromhex("00fffefdfcfb00ff")),
        "2.4 of 125": pinged(b"\xfe" * 125),
        "2.5 of 126": _fails(frame(PING, b"\xfe" * 126)),
        "2.7 pong nobody asked for": (frame(PONG) + frame(PING, b"probe"), probe, None),
        "2.8 the same with payload": (frame(PONG, b"x") + frame(PING, b"probe"), probe, None),
        "2.9 pong of 126": _fails(frame(PONG, b"\xfe" * 126)),
        "2.10 ten": pinged(*(b"payload-%d" % number for number in range(10))),
    }


def _reserved() -> dict[str, Row]:
    hello = frame(TEXT, b"Hello")
    after, said = frame(PING, b"late"), _said((TEXT, b"Hello"))
    return {
        "3.1 bit 3, text": _fails(frame(TEXT, b"Hello", rsv=1)),
        "3.2 bit 2, after a text": _fails(hello + frame(TEXT, b"x", rsv=2) + after, answer=said),
        "3.3 bits 2 and 3": _fails(hello + frame(TEXT, b"x", rsv=3) + after, answer=said),
        "3.4 bit 1, as if compressed": _fails(hello + frame(TEXT, b"x", rsv=4), answer=said),
        "3.5 bits 1 and 3, binary": _fails(frame(BINARY, b"x", rsv=5)),
        "3.6 bits 1 and 2, ping": _fails(frame(PING, b"x", rsv=6)),
        "3.7 all, close": _fails(frame(CLOSE, b"\x03\xe8", rsv=7)),
        "3.8 bit 1, continuation": _fails(frame(TEXT, b"x", fin=False) + frame(CONT, rsv=4)),
    }


def _opcodes() -> dict[str, Row]:
    hello, said = frame(TEXT, b"Hello"), _said((TEXT, b"Hello"))
    rows = {}
    for section, first in {"4.1": 3, "4.2": 11}.items():
        for number in range(5):
            opcode = first + number
            rows[f"{section}.{number + 1} {opcode}"] = _fails(frame(opcode, b"x" * number))
            rows[f"{section}.{number + 1}a {opcode}, after a text"] = _fails(
                hello + frame(opcode) + frame(PING), answer=said
            )
    return rows


def _fragmentation() -> dict[str, Row]:
    start, more, end = (
        frame(TEXT, b"frag1", fin=False),
        frame(CONT, b"frag2", fin=False),
        frame(CONT, b"frag3"),
    )
    ping, pong = frame(PING, b"ping"), (PONG, b"ping")
    whole, text = (TEXT, b"frag1frag3"), frame(TEXT, b"new")
    return {
        "5.1 ping in fragments": _fails(_fragments(PING, [b"a", b"b"])),
        "5.2 pong in fragments": _fails(_fragments(PONG, [b"a", b"b"])),
        "5.2a close in fragments": _fails(_fragments(CLOSE, [b"\x03", b"\xe8"])),
        "5.3 text in two": _joined(TEXT, [b"frag1", b"frag2"]),
        "5.3a binary in three": _joined(BINARY, [b"\xff", b"\x00", b"\xfe"]),
        "5.3b empty last": _joined(TEXT, [b"frag1", b""]),
        "5.3c byte by byte": _joined(BINARY, _each(bytes(range(100)))),
        "5.6 ping between": (start + ping + end, _said(pong, whole), None),
        "5.7 pong between": (start + frame(PONG, b"x") + end, _said(whole), None),
        "5.9 nothing to continue": _fails(end + text),
        "5.10 the same after a message": _fails(text + end, answer=_said((TEXT, b"new"))),
        "5.12 to be continued, from nothing": _fails(more + text),
        "5.15 a message, then nothing to continue": _fails(
            start + end + more + text, answer=_said(whole)
        ),
        "5.16 twice nothing to continue": _fails(more + start + end),
        "5.18 a second text before the end": _fails(start + text),
        "5.18a a binary before the end": _fails(start + frame(BINARY, b"x")),
        "5.18b a second beginning": _fails(start + start),
        "5.19 two pings among five": (
            start + more + ping + more + more + ping + end,
            _said(pong, pong, (TEXT, b"frag1" + b"frag2" * 3 + b"frag3")),
            None,
        ),
    }


TEXTS = {  # whole messages
    "6.2.1 mixed": "Hello-µ@ßöäüàá-UTF-8!!".encode(),
    "6.5.1 κόσμε": bytes.fromhex("cebae1bdb9cf83cebcceb5"),
    "6.7 first of each length": bytes.fromhex("00 c280 e0a080 f0908080"),
    "6.9 last of each length": bytes.fromhex("7f dfbf efbfbf f48fbfbf"),
    "6.11 next to the surrogates": bytes.fromhex("ed9fbf ee8080 efbfbd"),
    "6.22 noncharacters": bytes.fromhex("efbfbe efbfbf f09fbfbe f09fbfbf f48fbfbe"),
}
NO_TEXTS = {
    "6.3.1 a surrogate in the middle": "cebae1bdb9cf83cebcceb5 eda080 656469746564",
    "6.6.1 first of two bytes": "ce",
    "6.6.4 two of three bytes": "cebae1bd",
    "6.6.10 three of four bytes": "f09d92",
    "6.8.1 five bytes": "f888808080",
    "6.8.2 six bytes": "fc8480808080",
    "6.10.1 past the last": "f7bfbfbf",
    "6.11.5 one past U+10FFFF": "f4908080",
    "6.12.1 continuation alone": "80",
    "6.12.2 continuation alone, last": "bf",
    "6.13.1 starts with nothing behind": "c020c120c220",
    "6.14 cut short within": "e0a041",
    "6.16.1 0xfe": "fe",
    "6.16.2 0xff": "ff",
    "6.17.1 overlong slash, two bytes": "c0af",
    "6.17.2 overlong slash, three": "e080af",
    "6.17.3 overlong slash, four": "f08080af",
    "6.18.1 overlong, the last of them": "c1bf",
    "6.18.2 overlong, the last of three": "e09fbf",
    "6.19.1 overlong nul": "c080",
    "6.20.1 first high surrogate": "eda080",
    "6.20.7 last low surrogate": "edbfbf",
    "6.21.1 surrogate pair": "eda080edb080",
}


def _utf8() -> dict[str, Row]:
    mixed = TEXTS["6.2.1 mixed"]
    rows = {name: _echo(TEXT, text) for name, text in TEXTS.items()}
    rows |= {f"{name}, byte by byte": _joined(TEXT, _each(text)) for name, text in TEXTS.items()}
    rows |= {
        "6.1.1 empty": _echo(TEXT, b""),
        "6.1.2 three empty fragments": _joined(TEXT, [b"", b"", b""]),
        "6.1.3 empty but the middle": _joined(TEXT, [b"", b"middle", b""]),
        "6.2.2 cut between characters": _joined(TEXT, [mixed[:7], mixed[7:]]),
        "6.2.2a cut within a character": _joined(TEXT, [mixed[:13], mixed[13:]]),
        "6.0 binary need not be text": _echo(BINARY, b"\xff\xc0\x80"),
        "6.0a a whole text after a cut one": (
            _fragments(TEXT, ["µ".encode()[:1], "µ".encode()[1:]]) + frame(TEXT, b"a"),
            _said((TEXT, "µ".encode()), (TEXT, b"a")),
            None,
        ),
    }
    for name, digits in NO_TEXTS.items():
        wrong = bytes.fromhex(digits)
        rows[name] = _fails(frame(TEXT, wrong), 1007)
        rows[f"{name}, byte by byte"] = _fails(_fragments(TEXT, _each(wrong)), 1007)
    # the message is not at its end, yet can never be text: section 8.1, and Autobahn's "fail fast"
    rows["6.4.1 fail fast"] = _fails(
        _fragments(TEXT, [b"\xce\xba", b"\xf4\x90\x80\x80"], last=False), 1007
    )
    rows["6.4.2 fail faster"] = _fails(_fragments(TEXT, [b"\xf4", b"\x90"], last=False), 1007)
    return rows


def _closing() -> dict[str, Row]:
    text, said = frame(TEXT, b"Hello"), _said((TEXT, b"Hello"))
    good = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    wrong = (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    end = _close(1000)
    rows = {
        "7.1.1 after a message": _fails(text + end, 1000, said),
        "7.1.2 twice": _fails(end + end, 1000),
        "7.1.3 a ping behind": _fails(end + frame(PING), 1000),
        "7.1.4 a message behind": _fails(end + text, 1000),
        "7.1.5 between fragments": _fails(frame(TEXT, b"a", fin=False) + end + frame(CONT), 1000),
        "7.1.5a garbage behind": _fails(end + b"\xff" * 9, 1000),
        "7.3.1 no code": _fails(frame(CLOSE), NO_CODE),
        "7.3.2 half a code": _fails(frame(CLOSE, b"a")),
        "7.3.4 a reason": _fails(_close(1000, b"Hello World!"), 1000),
        "7.3.5 a reason of 123": _fails(_close(1000, b"*" * 123), 1000),
        "7.3.6 a reason of 124": _fails(_close(1000, b"*" * 124)),
        "7.5.1 a reason that is no text": _fails(_close(1000, b"\xce\xba\xed\xa0\x80"), 1007),
    }
    rows |= {f"7.7 code {code}": _fails(_close(code), code) for code in good}
    rows |= {f"7.9 code {code}": _fails(_close(code)) for code in wrong}
    return rows


def _limits() -> dict[str, Row]:
    def announced(opcode: int, size: int) -> bytes:  # the head of a frame, and nothing of it
        return bytes([128 | opcode, 255]) + size.to_bytes(8, "big") + KEY

    return {
        "9.1 text of 256 KiB": _echo(TEXT, b"*" * (256 << 10)),
        "9.2 binary of 256 KiB": _echo(BINARY, b"\xfe" * (256 << 10)),
        "9.3 text in 256 pieces of 1 KiB": _joined(TEXT, [b"*" * 1024] * 256),
        "10.1 text in pieces of 1300": _joined(TEXT, [b"*" * 1300] * 50 + [b"*" * 536]),
        "9.0 too long, announced": _fails(announced(BINARY, 2 * LIMIT), 1009),
        "9.0a the longest there is": _fails(announced(TEXT, (1 << 63) - 1), 1009),
        "9.0b too long together": _fails(
            frame(TEXT, b"a" * 200, fin=False) + announced(CONT, LIMIT), 1009
        ),
        "9.0c after a message": _fails(
            frame(TEXT, b"a") + announced(BINARY, 2 * LIMIT), 1009, _said((TEXT, b"a"))
        ),
    }


def _handshakes() -> dict[str, tuple[bytes, int]]:
    """Each differs from `hello` in one thing."""

    def changed(old: bytes, new: bytes) -> bytes:
        assert HELLO.count(old) == 1
        return HELLO.replace(old, new)

    def added(field: bytes) -> bytes:
        return HELLO[:-2] + field + b"\r\n\r\n"

    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    version, host = b"Sec-WebSocket-Version: 13\r\n", b"Host: lab\r\n"
    upgrade, connection = b"Upgrade: websocket\r\n", b"Connection: Upgrade\r\n"
    return {
        "as it should be": (HELLO, 101),
        "names in lower case": (changed(key, key.replace(b"Sec-WebSocket", b"sec-websocket")), 101),
        "another case of the protocol": (changed(b": websocket", b": WebSocket"), 101),
        "more than one connection option": (changed(b": Upgrade", b": keep-alive, Upgrade"), 101),
        "compression offered": (added(b"Sec-WebSocket-Extensions: permessage-deflate"), 101),
        "a subprotocol offered": (added(b"Sec-WebSocket-Protocol: chat"), 101),
        "an origin": (added(b"Origin: http://lab"), 101),
        "a path with a query": (changed(b"GET / ", b"GET /chat?room=1 "), 101),
        "POST": (changed(b"GET", b"POST"), 405),
        "HTTP/1.0": (changed(b"HTTP/1.1", b"HTTP/1.0"), 505),
        "HTTP/2.0": (changed(b"HTTP/1.1", b"HTTP/2.0"), 400),
        "no host": (changed(host, b""), 400),
        "two hosts": (added(b"Host: other"), 400),
        "no upgrade": (changed(upgrade, b""), 426),
        "an upgrade to something else": (changed(b": websocket", b": h2c"), 426),
        "no connection": (changed(connection, b""), 426),
        "a connection that closes": (changed(b": Upgrade", b": close"), 426),
        "no key": (changed(key, b""), 400),
        "two keys": (added(key[:-2]), 400),
        "a key of 15 bytes": (changed(b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhlIHNhbXBsZSBub25j"), 400),
        "a key that is not base64": (changed(b"dGhl", b"d_hl"), 400),
        "no version": (changed(version, b""), 400),
        "version 8": (changed(b": 13", b": 8"), 426),
        "two versions": (added(b"Sec-WebSocket-Version: 8"), 400),
        "a body": (added(b"Content-Length: 5"), 400),
        "a chunked body": (added(b"Transfer-Encoding: chunked"), 400),
        "bare line feeds": (HELLO.replace(b"\r\n", b"\n"), 400),
        "a folded field": (added(b"X-Long: a\r\n b"), 400),
        "a space before the colon": (changed(b"Host:", b"Host :"), 400),
        "no HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        "an endless request line": (changed(b"GET / ", b"GET /" + b"a" * 8192 + b" "), 414),
        "an endless field": (added(b"X-Long: " + b"a" * 8192), 431),
        "129 fields": (added(b"\r\n".join([b"X: a"] * 129)), 431),
    }


def _cases() -> dict[str, WebSocketCase]:
    rows: dict[str, WebSocketCase] = {}
    for make, section in SECTIONS.items():
        source = f"RFC 6455 section {section}"
        rows |= {name: WebSocketCase(*row, source=source) for name, row in make().items()}
    source = "RFC 6455 section 4.2"
    for name, (request, status) in _handshakes().items():
        answer = WELCOME if status == 101 else None
        rows[f"0.4 {name}"] = WebSocketCase(request, answer, None, True, status, source)
    rows["0.4 a message and a ping behind"] = WebSocketCase(
        HELLO + frame(TEXT, b"a") + frame(PING, b"b"),
        WELCOME + _said((TEXT, b"a"), (PONG, b"b")),
        None,
        handshake=True,
        status=101,
        source=source,
    )
    return rows


SECTIONS = {
    _framing: "5.2",
    _pings: "5.5.2",
    _reserved: "5.2",
    _opcodes: "5.2",
    _fragmentation: "5.4",
    _utf8: "8.1",
    _closing: "7",
    _limits: "7.4.1",
}
CASES = _cases()
