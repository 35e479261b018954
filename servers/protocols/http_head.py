"""Where an HTTP/1 request begins and ends, and what httptools would let pass but RFC 9112 does not.

It is not a parser: httptools is. It finds the end of a head and of a chunked body, so that no byte
of the next request is read as part of this one, and refuses what two parsers could read in two
ways. A whole head costs two regular expressions; only a head in pieces, or a bad one, is looked at
line by line, and then the first fault in it decides, however the bytes were cut.
"""

import re
from typing import NamedTuple

HEAD_SIZE = 16 << 10  # bytes of a request line and its fields; then 431
TARGET_SIZE = 8 << 10  # bytes of a request target; RFC 9112, section 3, asks for 8000 at least
METHOD_SIZE = 32  # bytes; "longer than any that it implements": 501, RFC 9112, section 3
FIELDS = 100  # fields of a request; a dear one per field would be an attack; then 431
BODY_SIZE = 16 << 20  # bytes of a request's body, as it is after the chunks are joined; then 413
CHUNK_LINE = 4 << 10  # bytes of a chunk's size and extensions, RFC 9112, section 7.1.1: limit them
CHUNK_DIGITS = 16  # of a size, hexadecimal: 64 bits; any more are zeros in front

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"  # RFC 9110, section 5.6.2
START = rb"(" + TOKEN + rb") ([!\"$-~]++) HTTP/"  # no fragment: RFC 9112, section 3.2
FIELD = TOKEN + rb":[\t -~\x80-\xff]*+\r\n"  # RFC 9110, section 5.5, but no obs-fold

WHOLE_HEAD = re.compile(START + rb"1\.([01])\r\n((?:" + FIELD + rb")*+)\r\n")
START_LINE = re.compile(START + rb"(\d\.\d)\r\n")
FIELD_LINE = re.compile(FIELD)
STRAY = re.compile(rb"[\x00-\x08\v\f\x0e-\x1f\x7f]|\r(?=[^\n])|(?<!\r)\n")  # in no line, ever

FRAMING = re.compile(  # the fields that say where a request ends and what follows it
    rb"^(host|content-length|transfer-encoding|(?:proxy-)?connection|expect|upgrade)"
    rb":[\t ]*+((?:[^\t \r]++|[\t ]++(?!\r))*+)",
    re.IGNORECASE | re.MULTILINE,
)
ONCE = {b"host", b"content-length", b"transfer-encoding"}
UPGRADE = re.compile(rb"^upgrade:.*\n", re.IGNORECASE | re.MULTILINE)
HOST = rb"(?:(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+|\[[0-9A-Fa-f:.]+\])(?::\d*)?"
IS_HOST = re.compile(HOST)  # RFC 3986, section 3.2.2; empty is refused as RFC 9110, 4.2.1 demands
ABSOLUTE = re.compile(rb"http://" + HOST + rb"(/[^?]*+)?(?:\?.*+)?", re.IGNORECASE)


class Refused(Exception):
    """The client's fault, and one that leaves no way to go on: answer, then hang up."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class Head(NamedTuple):
    """What the head of a request asks for, and how its body comes."""

    method: bytes
    path: bytes
    is_1_0: bool
    keeps: bool  # the connection stays open
    length: int  # bytes of the body; CHUNKED: it says so itself
    expects: bool  # 100 Continue
    upgrades: bool


CHUNKED = -1
SLASH = ord("/")


def check_lines(data: bytes, start: int, at: int, seen: int = 0) -> int:
    """Check the lines of a head that begins at `start` from `at` on; raise Refused at a fault.

    Returns where the line begins that is not complete yet, to go on there when more has come; then
    the bytes before `seen` need no second look.
    """
    while at < len(data):
        end = data.find(b"\n", at) + 1
        line = data[at:end] if end else data[at:]
        stray = STRAY.search(line, max(seen - 1 - at, 0))  # CR: once more, it was the last
        _check_sizes(line[: stray.start()] if stray else line, at - start)
        if stray:
            raise Refused(400, "stray control byte, CR or LF")
        if not end:
            break
        if at == start:
            _check_start(line)
        elif line == b"\r\n":
            break
        elif not FIELD_LINE.fullmatch(line):
            raise Refused(400, "malformed field line")
        elif data.count(b"\n", start, end) > FIELDS + 1:
            raise Refused(431, "too many fields")
        at = end
    return at


def _check_sizes(line: bytes, before: int) -> None:
    if not before:
        method, _, rest = line.partition(b" ")
        if len(method) > METHOD_SIZE:
            raise Refused(501, "no method is that long")
        if len(rest.partition(b" ")[0]) > TARGET_SIZE:
            raise Refused(414, "request target too long")
    if before + len(line) > HEAD_SIZE:
        raise Refused(431, "head too large")


def _check_start(line: bytes) -> None:
    found = START_LINE.fullmatch(line)
    if not found:
        raise Refused(400, "malformed request line")
    if found[3] not in {b"1.0", b"1.1"}:  # 1.2, too: it is no version of anything, httptools says
        raise Refused(505, "not HTTP/1.0 or HTTP/1.1")


def read_head(data: bytes, start: int) -> tuple[Head, int]:
    """Read the head that begins at `start` and is complete; return it and where it ends."""
    found = WHOLE_HEAD.match(data, start)
    if (
        not found
        or found.end() - start > HEAD_SIZE
        or len(found[1]) > METHOD_SIZE
        or len(found[2]) > TARGET_SIZE
        or found[4].count(b"\n") > FIELDS
    ):
        check_lines(data, start, start)
        raise Refused(400, "malformed head")  # never seen: the lines above have a fault
    method, target, minor, fields = found.groups()
    said: dict[bytes, bytes] = {}
    for name, value in FRAMING.findall(fields):
        key = name.lower()
        if key not in said:
            said[key] = value
        elif key in ONCE:
            raise Refused(400, "a field that may be there once is there twice")
        else:
            said[key] += b"," + value
    is_1_0 = minor == b"0"
    host = said.get(b"host")
    if host is None:
        if not is_1_0:
            raise Refused(400, "no Host")  # RFC 9112, section 3.2
    elif not IS_HOST.fullmatch(host):
        raise Refused(400, "invalid Host")
    path = target.partition(b"?")[0] if target[0] == SLASH else _path(method, target)
    if method == b"CONNECT":
        raise Refused(501, "no proxy")  # hang up: what follows was meant for a tunnel
    length = _length(said, is_1_0) if len(said) > 1 else 0
    return Head(
        method,
        path,
        is_1_0,
        _keeps(said, is_1_0),
        length,
        b"expect" in said and _expects(said[b"expect"], is_1_0),
        b"upgrade" in said,
    ), found.end()


def _path(method: bytes, target: bytes) -> bytes:
    """Targets that are not the usual one, RFC 9112, section 3.2."""
    if method == b"CONNECT":
        return b""
    if target == b"*":
        if method != b"OPTIONS":
            raise Refused(400, "* is for OPTIONS")
        return target
    found = ABSOLUTE.fullmatch(target)
    if not found:
        raise Refused(400, "malformed request target")
    return found[1] or b"/"


def _keeps(said: dict[bytes, bytes], is_1_0: bool) -> bool:
    """RFC 9112, section 9.3. Proxy-Connection counts because it does for httptools."""
    if b"connection" not in said and b"proxy-connection" not in said:
        return not is_1_0
    both = said.get(b"connection", b"") + b"," + said.get(b"proxy-connection", b"")
    options = {option.strip() for option in both.lower().split(b",")}
    return b"close" not in options and (not is_1_0 or b"keep-alive" in options)


def _length(said: dict[bytes, bytes], is_1_0: bool) -> int:
    """RFC 9112, section 6.3, and nothing that smuggling begins with."""
    length = said.get(b"content-length")
    coding = said.get(b"transfer-encoding")
    if coding is not None:
        if length is not None:
            raise Refused(400, "Content-Length with Transfer-Encoding")
        if is_1_0:
            raise Refused(400, "Transfer-Encoding in HTTP/1.0")  # section 6.1
        if coding.lower() != b"chunked":
            # 501 would be as good for "gzip, chunked", but 6.3 demands 400 where chunked is not
            # last: one answer for all of them, as for all that makes the framing doubtful
            raise Refused(400, "Transfer-Encoding other than chunked")
        return CHUNKED
    if length is None:
        return 0
    if not length.isdigit():
        raise Refused(400, "malformed Content-Length")
    if len(length) > 19 or int(length) > BODY_SIZE:  # what httptools can count
        raise Refused(413, "body too large")
    return int(length)


def _expects(expectation: bytes, is_1_0: bool) -> bool:
    if is_1_0:
        return False  # RFC 9110, section 10.1.1: ignore it
    wishes = {wish.strip() for wish in expectation.lower().split(b",")}
    if wishes != {b"100-continue"}:
        raise Refused(417, "unknown expectation")
    return True


class Chunks:
    """Finds the end of a chunked body. Well formed or not is httptools' to say: it reads first."""

    __slots__ = ("_in_trailers", "_left", "_line", "_size", "_trailers", "done")

    def __init__(self) -> None:
        self.done = False
        self._left = 0  # bytes of the chunk, and the CRLF behind it
        self._size = 0  # bytes of all chunks
        self._line = b""
        self._in_trailers = False
        self._trailers = 0  # bytes

    def piece_end(self, data: bytes, at: int) -> int:
        """Where the piece of data that begins at `at` ends: what is left of a chunk, or a line."""
        if self._left:
            return min(at + self._left, len(data))
        return data.find(b"\n", at) + 1 or len(data)

    def take(self, piece: bytes) -> None:
        """Account for a piece that httptools has accepted."""
        if self._left:
            self._left -= len(piece)
            return
        self._line += piece
        if len(self._line) > CHUNK_LINE:
            raise Refused(400, "chunk extension or trailer field too long")
        if not self._line.endswith(b"\n"):
            return
        line, self._line = self._line, b""
        if self._in_trailers:
            self._take_trailer(line)
            return
        digits = line.partition(b";")[0].rstrip()
        if len(digits) > CHUNK_DIGITS:
            raise Refused(400, "chunk size of too many digits")
        size = int(digits, 16)
        self._size += size
        if self._size > BODY_SIZE:
            raise Refused(413, "body too large")
        self._in_trailers = not size
        self._left = size and size + len(b"\r\n")

    def _take_trailer(self, line: bytes) -> None:
        """Trailer fields are dropped; those that must not be there are refused, RFC 9110, 6.5.1."""
        self._trailers += len(line)
        if line == b"\r\n":
            self.done = True
        elif not FIELD_LINE.fullmatch(line) or FRAMING.match(line):
            raise Refused(400, "malformed or forbidden trailer field")
        elif self._trailers > HEAD_SIZE:
            raise Refused(400, "trailers too large")
