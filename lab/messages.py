"""One message of any size in each protocol: what is asked, and the bytes our servers answer.

The catalog shows one exchange of six bytes; the checks need others. Pure.
"""

import struct
from collections.abc import Callable

MASK = b"lab!"  # as in the catalog's own question; a client must mask, RFC 6455, section 5.3
BINARY = 0x82  # final, binary
MASKED = 0x80
SHORT, MEDIUM = 125, 65_535  # the longest payloads with 7 and 16 bits of length, section 5.2

Message = tuple[bytes, bytes]  # question, answer


def message(protocol: str, body: bytes) -> Message:
    """Return the bytes of one question with this body, and of its answer."""
    return BUILDERS[protocol](body)


def echo(body: bytes) -> Message:
    return body, body.upper()


def http(body: bytes) -> Message:
    question = b"POST /echo HTTP/1.1\r\nHost: lab\r\nContent-Length: %d\r\n\r\n" % len(body)
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
    return question + body, answer + b"Content-Length: %d\r\n\r\n" % len(body) + body.upper()


def websocket(body: bytes) -> Message:
    question = frame_head(BINARY, len(body), MASKED) + MASK + masked(body)
    return question, frame_head(BINARY, len(body)) + body  # as it came: the mask shows who spoke


def frame_head(first: int, length: int, mask_bit: int = 0) -> bytes:
    """First byte, mask bit and length, in the shortest form."""
    if length <= SHORT:
        return bytes([first, mask_bit | length])
    if length <= MEDIUM:
        return struct.pack("!BBH", first, mask_bit | 126, length)
    return struct.pack("!BBQ", first, mask_bit | 127, length)


def masked(body: bytes, mask: bytes = MASK) -> bytes:
    """Apply the mask. As one long number: a loop over 16 MiB takes seconds."""
    key = (mask * (len(body) // 4 + 1))[: len(body)]
    number = int.from_bytes(body, "big") ^ int.from_bytes(key, "big")
    return number.to_bytes(len(body), "big")


BUILDERS: dict[str, Callable[[bytes], Message]] = {
    "echo": echo,
    "http": http,
    "websocket": websocket,
}
