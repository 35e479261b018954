"""HTTP replies by their meaning: what a server of another make says, in the lab's own bytes.

Our own servers share one protocol and are compared byte by byte. A framework, or a server that is
none of ours, chooses its own headers and its own framing (RFC 9112, section 6.3); what it means is
a status and a body. `Canonical` reads such replies and says them as our HTTP would, so that every
check runs unchanged. Pure: bytes in, bytes out. What is no HTTP raises Malformed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

HEAD_LIMIT = 65_536  # bytes; a longer head is no reply to anything we ask
BODILESS = {204, 304}  # RFC 9112, section 6.3, with 1xx and replies to HEAD


class Malformed(ValueError):
    """These bytes are no HTTP reply."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply. Names of headers are in lower case; of a doubled one the last counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def closes(self) -> bool:
        """It announces the end of the connection."""
        return "close" in self.headers.get("connection", "").lower()


class Replies:
    """Bytes in, replies out; feed(b"") is the end of the file. bodiless: they answer HEAD."""

    def __init__(self, *, bodiless: bool = False) -> None:
        self._rest = b""
        self._bodiless = bodiless

    def feed(self, data: bytes) -> list[Reply]:
        """Return what is whole by now. At the end of the file half a reply is Malformed."""
        self._rest += data
        found = []
        while (parsed := self._next(ended=not data)) is not None:
            reply, self._rest = parsed
            if reply.status >= HTTPStatus.OK or reply.status == HTTPStatus.SWITCHING_PROTOCOLS:
                found.append(reply)
            if reply.status == HTTPStatus.SWITCHING_PROTOCOLS:
                return found  # what follows is no HTTP
        if not data and self._rest:
            raise Malformed(f"the end came inside a reply: {self._rest[:40]!r}")
        return found

    def take_rest(self) -> bytes:
        """Return what came behind the last reply; for when it is no HTTP any more."""
        rest, self._rest = self._rest, b""
        return rest

    def _next(self, *, ended: bool) -> tuple[Reply, bytes] | None:
        head, separator, rest = self._rest.partition(b"\r\n\r\n")
        if not separator:
            if len(head) > HEAD_LIMIT:
                raise Malformed(f"no end of the head in {len(head)} bytes")
            return None
        status, headers = parse_head(head)
        if self._bodiless or status < HTTPStatus.OK or status in BODILESS:
            return Reply(status, headers, b""), rest
        if "chunked" in headers.get("transfer-encoding", "").lower():
            whole = dechunk(rest)
            return None if whole is None else (Reply(status, headers, whole[0]), whole[1])
        if "content-length" in headers:
            length = _length(headers["content-length"])
            if len(rest) < length:
                return None
            return Reply(status, headers, rest[:length]), rest[length:]
        return (Reply(status, headers, rest), b"") if ended else None  # the end is the framing


class Canonical:
    """Bytes of another make in, the same replies as our HTTP says them out.

    Behind a welcome to another protocol the bytes are that protocol's, and pass as they are.
    """

    def __init__(self) -> None:
        self._replies = Replies()
        self._switched = False

    def feed(self, data: bytes) -> bytes:
        """Return the replies that are whole by now; no data is the end of the file."""
        if self._switched:
            return data
        found = self._replies.feed(data)
        said = b"".join(map(canonical, found))
        self._switched = any(reply.status == HTTPStatus.SWITCHING_PROTOCOLS for reply in found)
        return said + self._replies.take_rest() if self._switched else said


def canonical(reply: Reply) -> bytes:
    """Say a reply as servers.protocols.http says one, a welcome as websocket says it."""
    if reply.status == HTTPStatus.SWITCHING_PROTOCOLS:
        return _welcome(reply)
    known = {status.value: status.phrase for status in HTTPStatus}
    head = f"HTTP/1.1 {reply.status} {known.get(reply.status, '')}\r\n"
    head += "Content-Type: application/octet-stream\r\n"
    head += f"Content-Length: {len(reply.body)}\r\n\r\n"
    return head.encode() + reply.body


def _welcome(reply: Reply) -> bytes:
    """RFC 6455, section 4.2.2: three fields in any order and case; an extension nobody asked for
    is no part of ours.
    """
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: {}\r\nConnection: {}\r\n"
    fields = reply.headers
    upgrade = fields.get("upgrade", "").lower()
    connection = "Upgrade" if fields.get("connection", "").lower() == "upgrade" else "?"
    said = head.format(upgrade, connection)
    said += f"Sec-WebSocket-Accept: {fields.get('sec-websocket-accept', '')}\r\n"
    for name in sorted(fields.keys() & {"sec-websocket-extensions", "sec-websocket-protocol"}):
        said += f"{name}: {fields[name]}\r\n"
    return said.encode() + b"\r\n"


def parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    """Return status and headers of a head without its last empty line. RFC 9112, section 4."""
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if version not in {"HTTP/1.1", "HTTP/1.0"} or not (rest[:3].isascii() and rest[:3].isdigit()):
        raise Malformed(f"no status line: {first[:40]!r}")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise Malformed(f"no header: {line[:40]!r}")
        headers[name.lower()] = value.strip()
    return int(rest[:3]), headers


def dechunk(data: bytes) -> tuple[bytes, bytes] | None:
    """Return a chunked body and what follows it; None: it is not whole yet. RFC 9112, section 7."""
    pieces: list[bytes] = []
    while True:
        line, separator, data = data.partition(b"\r\n")
        if not separator:
            return None
        try:
            size = int(line.split(b";")[0], 16)
        except ValueError:
            raise Malformed(f"no size of a chunk: {line[:40]!r}") from None
        if size == 0:
            return _after_trailers(b"".join(pieces), data)
        if len(data) < size + 2:
            return None
        pieces.append(data[:size])
        data = data[size + 2 :]


def _after_trailers(body: bytes, data: bytes) -> tuple[bytes, bytes] | None:
    while True:
        line, separator, data = data.partition(b"\r\n")
        if not separator:
            return None
        if not line:
            return body, data


def _length(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Malformed(f"no length: {text[:40]!r}")
    return int(text)
