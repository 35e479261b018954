"""Whether a reply is right by what it says, where its bytes could not be foreseen. Pure.

Our own servers answer byte for byte as `clients` foresees, and nothing here is asked. Frameworks
and foreign servers have heads of their own, with the date in them. HTTP/1.1, RFC 9112, and of it:
* status 200, the body framed by Content-Length or chunked, and equal to the one foreseen;
* nothing behind the body: a second reply answers nothing that was asked;
* wrong is what could be read in two ways, and a body that ends where the connection does (section
  6.3, rule 8), as the next request would have nowhere to go.

Raises WrongReply as soon as the bytes cannot become a right reply.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

HEAD_LIMIT = 16_384  # bytes; servers send some hundred, nginx has 8 KiB for one of them
LINE_LIMIT = 256  # bytes of a chunk's size and its extensions
OK = 200
END = b"\r\n"
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [^\r\n\0]*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*")  # RFC 9110, 5
_LENGTH = re.compile(rb"[0-9]{1,18}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")


class WrongReply(ValueError):
    """The bytes are not, and do not begin, the right reply."""


class Head(NamedTuple):
    """fields: names in lower case; what came twice is joined by a comma (RFC 9110, 5.3)."""

    status: int
    fields: Mapping[bytes, bytes]


def split_head(data: bytes) -> int:
    """Where the head ends, blank line included; 0: not here yet."""
    end = data.find(END + END) + 4
    if end > HEAD_LIMIT or (end < 4 and len(data) > HEAD_LIMIT):
        raise WrongReply(f"a head of more than {HEAD_LIMIT} bytes")
    if end < 4 and not b"HTTP/1.".startswith(data[:7]):
        raise WrongReply("not HTTP/1")
    return end if end >= 4 else 0


def parse_head(head: bytes) -> Head:
    """head: with its blank line."""
    first, *lines = head[:-4].split(END)
    status = _STATUS.fullmatch(first)
    if status is None:
        raise WrongReply("not a status line of HTTP/1")
    fields: dict[bytes, bytes] = {}
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match is None:
            raise WrongReply("not a field")
        name = match[1].lower()
        fields[name] = fields[name] + b", " + match[2] if name in fields else match[2]
    return Head(int(status[1]), fields)


def is_chunked(head: Head, size: int) -> bool:
    """How the body is framed. Raises WrongReply where it cannot be a right one of `size` bytes."""
    coding, length = (head.fields.get(n) for n in (b"transfer-encoding", b"content-length"))
    if head.status != OK:
        raise WrongReply(f"status {head.status}")
    if coding is not None:
        if coding.lower() != b"chunked" or length is not None:
            raise WrongReply("framed in an unknown way, or in two")
        return True
    if length is None or not _LENGTH.fullmatch(length):
        raise WrongReply("of no known length")
    if int(length) != size:
        raise WrongReply("of another length")
    return False


class Chunks:
    """Takes the chunked coding off, RFC 9112, section 7.1. Trailers are wrong: nobody asked."""

    __slots__ = ("ended", "left", "line", "rest")

    def __init__(self) -> None:
        self.rest = b""  # of the bytes taken, not yet understood
        self.left = 0  # bytes that the chunk still has
        self.line = "size"  # or "gap", behind a chunk, or "end", behind the last one
        self.ended = False

    def take(self, data: bytes) -> bytes:
        """Return the content that is in it."""
        rest, content = self.rest + data, b""
        while rest and not self.ended:
            if self.left:
                piece, rest = rest[: self.left], rest[self.left :]
                content += piece
                self.left -= len(piece)
                continue
            line, found, behind = rest.partition(END)
            if len(line) > LINE_LIMIT:
                raise WrongReply("a chunk's line is too long")
            if not found:
                break
            rest = behind
            self._read(line)
        self.rest = rest
        return content

    def _read(self, line: bytes) -> None:
        if self.line == "size":
            match = _CHUNK.fullmatch(line)
            if match is None:
                raise WrongReply("not the size of a chunk")
            self.left = int(match[1], 16)
            self.line = "gap" if self.left else "end"
        elif line:
            raise WrongReply("more than the chunk's size, or a trailer")
        else:
            self.ended = self.line == "end"
            self.line = "size"


class Judge:
    """Judges the replies of one connection class.

    bodies: what the reply must hold, by the reply foreseen. What was right is known again by its
    bytes: the whole last reply to each question, and the last head.
    """

    def __init__(self, bodies: Mapping[bytes, bytes]) -> None:
        self.bodies = bodies
        self.last = dict.fromkeys(bodies, b"")
        self.head, self.chunked = b"", False


class Reading:
    """One reply, piece by piece. foreseen: names the question."""

    __slots__ = ("body", "chunks", "foreseen", "got", "head", "in_head", "judge", "text")

    def __init__(self, judge: Judge, foreseen: bytes) -> None:
        self.judge, self.foreseen = judge, foreseen
        self.body = judge.bodies[foreseen]
        self.text = b""  # of the head, until that is whole
        self.in_head = True
        self.chunks: Chunks | None = None
        self.got = 0  # bytes of the body

    def feed(self, data: bytes) -> bool:
        """Return whether the reply is whole. Not to be called with b"", the end of the file."""
        if not self.in_head:
            return self._feed_body(data)
        judge = self.judge
        if not self.text and data == judge.last[self.foreseen]:
            return True
        self.text += data
        if judge.head and self.text.startswith(judge.head):
            end, chunked = len(judge.head), judge.chunked
        else:
            end = split_head(self.text)
            if not end:
                return False
            chunked = is_chunked(parse_head(self.text[:end]), len(self.body))
            judge.head, judge.chunked = self.text[:end], chunked
        self.in_head = False
        self.chunks = Chunks() if chunked else None
        whole = self._feed_body(self.text[end:])
        if whole and self.text == data:  # it came in one piece
            judge.last[self.foreseen] = data
        return whole

    def _feed_body(self, data: bytes) -> bool:
        chunks = self.chunks
        content = chunks.take(data) if chunks else data
        if not self.body.startswith(content, self.got):
            raise WrongReply("another body, or more than the body")
        self.got += len(content)
        if chunks is None:
            return self.got == len(self.body)
        if chunks.ended and (chunks.rest or self.got < len(self.body)):
            raise WrongReply("less than the body, or more than the reply")
        return chunks.ended
