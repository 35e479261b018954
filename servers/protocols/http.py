"""HTTP/1.0 and 1.1 of a server, without I/O: parsed by httptools, strict where that is not.

POST|GET /echo   the request's body, letters in upper case
GET /bytes/N     N bytes           GET /block/MS    sleeps, and everyone the thread serves waits
GET /cpu/US      burns CPU time    GET /offload/MS  sleeps too, elsewhere if the server can

Rules: HEAD is as GET. A request that cannot be understood, or only in two ways, is refused, and
nothing behind it is read. No answer has a Date, which RFC 9110, section 6.6.1, wants of a server
with a clock: this one has none, and its answers are the same bytes each time. Upgrade is ignored.
"""

from functools import partial

from httptools import HttpParserError, HttpParserInvalidMethodError, HttpRequestParser

from servers.core.contract import Job
from servers.protocols.http_head import (
    CHUNKED,
    UPGRADE,
    Chunks,
    Head,
    Refused,
    check_lines,
    read_head,
)
from servers.protocols.http_paths import Path, find

ANSWERS_SIZE = 64 << 20  # bytes owed for one receive(); a short pipeline can ask for gigabytes
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n%s\r\n"
STATUS = {
    400: b"Bad Request",
    404: b"Not Found",
    405: b"Method Not Allowed",
    413: b"Content Too Large",
    414: b"URI Too Long",
    417: b"Expectation Failed",
    431: b"Request Header Fields Too Large",
    501: b"Not Implemented",
    503: b"Service Unavailable",
    505: b"HTTP Version Not Supported",
}
OTHER = {
    status: OK.replace(b"200 OK", b"%d %s" % (status, phrase)) for status, phrase in STATUS.items()
}
CLOSE = b"Connection: close\r\n"
KEEP = b"Connection: keep-alive\r\n"


def refusal(fault: Exception, method: bytes) -> bytes:
    """Say why, and that it is the last answer."""
    if isinstance(fault, Refused):
        status, why = fault.status, fault.why.encode()
    elif isinstance(fault, HttpParserInvalidMethodError):
        status, why = 501, b"unknown method"  # RFC 9110, section 9.1
    else:
        status, why = 400, str(fault).encode()
    start = OTHER[status] % (len(why), CLOSE)
    return start if method == b"HEAD" else start + why


class Message:
    """What httptools tells of a request; the rest is in its Head."""

    __slots__ = ("body", "complete", "on_body")

    def __init__(self) -> None:
        self.body = bytearray()
        self.on_body = self.body.extend
        self.complete = False

    def on_message_complete(self) -> None:
        self.complete = True


class Http:
    """One client's requests, answered in order; `receive(b"")` drops one that is not complete."""

    __slots__ = (
        "_checked",
        "_chunks",
        "_deferred",
        "_elsewhere",
        "_head",
        "_left",
        "_message",
        "_owed",
        "_parser",
        "_rest",
        "_seen",
        "closed",
        "job",
        "lingers",
    )

    def __init__(self, *, offloads: bool = False) -> None:
        self.closed = False
        self.lingers = False
        self.job: Job | None = None
        self._elsewhere = offloads
        self._deferred = False  # a job is there that nobody has begun
        self._owed = 0  # bytes of content in the answers to one receive()
        self._rest = b""  # a head that is not complete, or all that waits for the job
        self._checked = 0  # bytes of it in lines that are found good
        self._seen = 0  # bytes of it that have been looked at
        self._head: Head | None = None  # its body is not complete
        self._left = 0  # bytes of the body still to come
        self._chunks: Chunks | None = None  # or what knows
        self._message = Message()
        self._parser = HttpRequestParser(self._message)

    def receive(self, data: bytes) -> bytes:
        if not data:
            self.closed = True
            self.lingers = False
            return b""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        self._owed = 0
        answers: list[bytes] = []
        self._answer(data, answers)
        return answers[0] if len(answers) == 1 else b"".join(answers)

    def _answer(self, data: bytes, answers: list[bytes]) -> None:
        """Answer all that is complete in data, behind `answers`; keep the rest."""
        at = 0
        try:
            while at < len(data) and not self.closed and not self._deferred:
                read = self._read_body if self._head else self._read_head
                at = read(data, at, answers)
                if self._head and self._is_complete():
                    self._perform(self._head, answers)
                    self._head = self._chunks = None
        except (Refused, HttpParserError) as fault:
            method = self._head.method if self._head else data[at : at + 5].rstrip(b" ")
            answers.append(refusal(fault, method))
            self.closed = self.lingers = True  # so that the client can read why
        else:
            if self.closed:
                self.lingers = at < len(data)  # unread bytes would make close() a reset
            elif self._deferred:
                self._rest = data[at:]

    def _read_head(self, data: bytes, start: int, answers: list[bytes]) -> int:
        """Read a head, and the body as far as it is there; return where to go on."""
        if data.find(b"\r\n\r\n", start + max(self._checked - 4, 0)) < 0 or data.startswith(
            b"\r\n", start
        ):
            return self._wait_for_head(data, start)
        self._checked = self._seen = 0
        head, end = read_head(data, start)
        self._head = head
        stop = end
        if head.length == CHUNKED:
            self._chunks = Chunks()
        elif head.length:
            stop = min(end + head.length, len(data))
            self._left = end + head.length - stop
        if head.upgrades:  # httptools would stop there: it shall not know
            self._parser.feed_data(UPGRADE.sub(b"", data[start:end]) + data[end:stop])
        else:
            self._parser.feed_data(data[start:stop])
        if head.expects and head.length and end == len(data):
            answers.append(CONTINUE)
        return stop

    def _wait_for_head(self, data: bytes, start: int) -> int:
        """Look at the lines that are there: a fault is answered at once, whatever comes."""
        if data.startswith(b"\r\n", start):
            self._seen = 0
            return start + 2  # an empty line before a request, RFC 9112, section 2.2
        self._rest = data[start:]
        self._checked = check_lines(self._rest, 0, self._checked, self._seen)
        self._seen = len(self._rest)
        return len(data)

    def _read_body(self, data: bytes, at: int, _answers: list[bytes]) -> int:
        if not self._chunks:
            stop = min(at + self._left, len(data))
            self._left -= stop - at
            self._parser.feed_data(data[at:stop])
            return stop
        stop = self._chunks.piece_end(data, at)
        piece = data[at:stop]
        self._parser.feed_data(piece)
        self._chunks.take(piece)
        return stop

    def _is_complete(self) -> bool:
        """Whether the body is there: two have counted, and must agree."""
        complete = self._chunks.done if self._chunks else not self._left
        if complete != self._message.complete:
            raise Refused(400, "two opinions on where the body ends")
        return complete

    def _perform(self, head: Head, answers: list[bytes]) -> None:
        """Answer a complete request, or make it a job."""
        self._message.complete = False
        path, number = find(head.path)
        if self._elsewhere and path and path.elsewhere and head.method in path.methods:
            self.job = partial(self._work, head, path, number)
            self._deferred = True
        else:
            self._reply(head, path, number, answers)

    def _work(self, head: Head, path: Path, number: int) -> bytes:
        """Do a job, and all that has come behind it: elsewhere already, that needs no job."""
        self._elsewhere = self._deferred = False
        self._owed = 0
        answers: list[bytes] = []
        self._reply(head, path, number, answers)
        data, self._rest = self._rest, b""
        self._answer(data, answers)
        self._elsewhere = True
        self.job = None  # not before: it tells whoever looks that the talk is in other hands
        return b"".join(answers)

    def _reply(self, head: Head, path: Path | None, number: int, answers: list[bytes]) -> None:
        if self._owed > ANSWERS_SIZE:
            raise Refused(503, "answers to a pipeline too large")
        connection = (KEEP if head.is_1_0 else b"") if head.keeps else CLOSE
        form = OK
        content: bytes | bytearray = b""
        if not path:
            form = OTHER[404]
        elif head.method not in path.methods:
            form = OTHER[405]
            connection = b"Allow: %s\r\n%s" % (b", ".join(path.methods), connection)
        else:
            content = path.perform(number, self._message.body)
        self._message.body.clear()
        self._owed += len(content)
        self.closed = not head.keeps
        start = form % (len(content), connection)
        answers.append(start if head.method == b"HEAD" else start + content)
