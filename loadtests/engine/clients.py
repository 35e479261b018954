"""The client's side of each protocol: what is sent, and what must come back, byte for byte. Pure.

Replies are compared with bytes drawn in advance, whole (the fast path) or piece by piece; only if
they differ, and the client has a judge, it matters what they say. Requests take turns between a few
payloads, so that a reply which is late by one, sent twice or kept from a neighbour differs from the
right one. A GET has no payload, so all replies to it are alike.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

from loadtests.engine import drawn, paths
from loadtests.engine.replies import Judge, WrongReply, parse_head, split_head

VARIANTS = 4  # payloads taken in turn: enough to tell a reply from its neighbours'
LETTERS = bytes(ord("a") + number % 26 for number in range(256))
SHORT, MIDDLE = 126, 1 << 16  # bytes of a frame from which on its length takes 2 or 8 bytes more
SWITCHING = 101  # the status that turns HTTP into WebSocket

# The key and its answer are the example of RFC 6455, section 1.3.
HELLO = (
    b"GET / HTTP/1.1\r\nHost: lab\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
ACCEPTED = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def no_welcome(got: bytes) -> bool:
    """For protocols in which the server does not speak first. True: the welcome is whole."""
    return not got


@dataclass(frozen=True, slots=True)
class Client:
    """All a connection needs to know of a protocol.

    exchanges: (request, reply) pairs; all requests are equally long, and so are all replies.
    hello: sent once after connecting, before the first request; empty: nothing is.
    welcome: told all bytes that answered the hello: is it whole? Raises ValueError on wrong ones.
    judge: asked about other replies than those; None: they are wrong.
    unfinished: the beginning of a request that no server can answer yet; empty: it answers any.
    in_order: exchanges are taken in the order in which requests begin, not by each connection.
    """

    exchanges: tuple[tuple[bytes, bytes], ...]
    hello: bytes = b""
    welcome: Callable[[bytes], bool] = no_welcome
    judge: Judge | None = None
    unfinished: bytes = b""
    in_order: bool = False


def payloads(seed: str, size: int) -> list[bytes]:
    """Lower-case letters from a seed; no two alike where the size allows it."""
    draw = random.Random(seed)
    first = draw.randbytes(size).translate(LETTERS)
    shift = bytes.maketrans(LETTERS[:26], LETTERS[1:27])
    found = [first]
    while len(found) < VARIANTS:
        found.append(found[-1].translate(shift))
    return found


def echo(payload: bytes) -> tuple[bytes, bytes]:
    return payload, payload.upper()


def echo_client(seed: str, size: int, path: str) -> Client:
    del path
    return Client(tuple(echo(payload) for payload in payloads(seed, size)))


def http_client(seed: str, size: int, path: str) -> Client:
    """Foresees the words of our own servers. A short connection is closed by the client, as in the
    other protocols, without announcing it: so TIME_WAIT stays on this side, tcp(7).
    """
    known = payloads(seed, size) if paths.takes_payload(path) else [b""]
    bodies = {}
    exchanges = []
    for asked, payload in product(drawn.requested(path, seed), known):
        method, body, answer = paths.exchange(asked, payload)
        length = b"Content-Length: %d\r\n" % len(body) if body else b""
        request = b"%s %s HTTP/1.1\r\nHost: lab\r\n" % (method.encode(), asked.encode())
        reply = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(answer), answer)
        )
        exchanges.append((request + length + b"\r\n" + body, reply))
        bodies[reply] = answer
    head, _, _ = exchanges[0][0].partition(b"\r\n\r\n")
    return Client(
        tuple(exchanges),
        judge=Judge(bodies),
        unfinished=head + b"\r\n",
        in_order=drawn.is_drawn(path),
    )


def websocket_client(seed: str, size: int, path: str) -> Client:
    """Binary messages of one frame each, which come back as they are. Pings are not expected.

    A short connection ends with TCP, not with a closing handshake (RFC 6455, section 7.1.1 wants
    one): so it costs the server the same as in the other protocols, and the opening besides.
    """
    del path
    draw = random.Random(f"{seed}/mask")
    exchanges = tuple(
        (frame(payload, draw.randbytes(4)), frame(payload)) for payload in payloads(seed, size)
    )
    part = exchanges[0][0][:-1]
    return Client(exchanges, hello=HELLO, welcome=websocket_welcome, unfinished=part)


def websocket_welcome(got: bytes) -> bool:
    """RFC 6455, section 4.2.2, item 5: by what it says, as it comes once per connection."""
    end = split_head(got)
    if not end:
        return False
    status, fields = parse_head(got[:end])
    right = (
        status == SWITCHING
        and fields.get(b"upgrade", b"").lower() == b"websocket"
        and fields.get(b"connection", b"").lower() == b"upgrade"
        and fields.get(b"sec-websocket-accept") == ACCEPTED
        and not fields.keys() & {b"sec-websocket-extensions", b"sec-websocket-protocol"}
    )
    if not right or len(got) > end:
        raise WrongReply("not a welcome, or more than that")
    return True


def frame(payload: bytes, mask: bytes = b"") -> bytes:
    """A whole binary message in one frame, RFC 6455, section 5.2. mask: 4 bytes, a client's."""
    size, masked = len(payload), 0x80 if mask else 0
    if size < SHORT:
        head = bytes((0x82, masked | size))
    elif size < MIDDLE:
        head = bytes((0x82, masked | 126)) + size.to_bytes(2)
    else:
        head = bytes((0x82, masked | 127)) + size.to_bytes(8)
    if not mask:
        return head + payload
    key = (mask * (size // 4 + 1))[:size]
    return head + mask + (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(size)


CLIENTS: dict[str, Callable[[str, int, str], Client]] = {
    "echo": echo_client,
    "http": http_client,
    "websocket": websocket_client,
}
