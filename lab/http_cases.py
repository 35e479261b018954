"""What an HTTP/1 server must answer to good, odd and hostile bytes: a table, and nothing else.

Each row is all that a client sends on one connection, and what it must get, however the bytes are
cut. `source` says who demands it: a section of an RFC, a known attack, or this lab ("choice"),
where the RFC leaves it open. Two rows that differ in one byte are meant to: that byte is the point.
"""

import re
from dataclasses import dataclass

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) ")  # no content below looks like one


@dataclass(frozen=True, slots=True)
class HttpCase:
    """One talk.

    statuses: of all answers, in order. Whether a 100 comes before a body that comes anyway depends
    on how the bytes are cut, so it is here only where the body does not come: see `fits`.
    closes: the server hangs up afterwards; else it waits for more.
    """

    request: bytes
    statuses: tuple[int, ...]
    closes: bool
    source: str


def statuses(answers: bytes) -> tuple[int, ...]:
    """Return the statuses of all answers in what a connection has sent."""
    return tuple(int(found[1]) for found in STATUS_LINE.finditer(answers))


def fits(case: HttpCase, answers: bytes) -> bool:
    """Whether the answers are those of the case."""
    got = statuses(answers)
    if 100 in case.statuses:
        return got == case.statuses
    return tuple(status for status in got if status != 100) == case.statuses


def get(*fields: bytes, start: bytes = b"GET /bytes/3 HTTP/1.1", host: bytes = b"lab") -> bytes:
    """Return a request without a body."""
    return b"\r\n".join((start, b"Host: " + host, *fields, b"", b""))


def post(*fields: bytes, body: bytes = b"", start: bytes = b"POST /echo HTTP/1.1") -> bytes:
    """Return a request whose fields say how its body comes, or lie about it."""
    return get(*fields, start=start) + body


def chunked(body: bytes, *fields: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", *fields, body=body)


NEXT = get()  # is it answered, and once? Then the request before it ended where it should
MANY = 100  # fields are allowed, with Host
TARGET = 8192  # bytes of a target are allowed
HEAD = 16_384  # bytes of a head are allowed
BODY = 16_777_216  # bytes of a body are allowed
LENGTH_3 = b"Content-Length: 3"
CHUNKED = b"Transfer-Encoding: chunked"
KEEP = b"Connection: keep-alive"


def followed(request: bytes, source: str) -> HttpCase:
    """Answered, and so is the next request: it was found where it begins."""
    return HttpCase(request + NEXT, (200, 200), False, source)


def alone(request: bytes, source: str, status: int = 200) -> HttpCase:
    return HttpCase(request, (status,), False, source)


def last(request: bytes, source: str) -> HttpCase:
    """Answered, and nothing behind it is."""
    return HttpCase(request, (200,), True, source)


def refused(request: bytes, source: str, status: int = 400) -> HttpCase:
    """Refused, and nothing behind it is answered."""
    return HttpCase(request + NEXT, (status,), True, source)


def cut_off(request: bytes, source: str, status: int = 400) -> HttpCase:
    """Refused before more of it comes."""
    return HttpCase(request, (status,), True, source)


def _head_of(size: int) -> bytes:
    """Return a request with a head of so many bytes."""
    return get(b"X: " + b"x" * (size - len(get(b"X: "))))


GOOD = {
    "get": alone(NEXT, "RFC 9112, 9.3: persistent by default"),
    "post": alone(post(LENGTH_3, body=b"abc"), "RFC 9112, 6.2"),
    "get with a body": followed(
        post(LENGTH_3, start=b"GET /echo HTTP/1.1", body=b"abc"),
        "RFC 9110, 9.3.1: no meaning, but a length",
    ),
    "post without a body": followed(post(), "RFC 9112, 6.3 (7)"),
    "length 0": followed(post(b"Content-Length: 0"), "RFC 9112, 6.2"),
    "length with zeros": followed(
        post(b"Content-Length: 0003", body=b"abc"), "RFC 9110, 8.6: DIGIT"
    ),
    "length without a space": followed(
        post(b"Content-Length:3", body=b"abc"), "RFC 9112, 5.1: OWS"
    ),
    "length between spaces": followed(
        post(b"Content-Length: \t 3 \t", body=b"abc"), "RFC 9112, 5.1: OWS is no part of the value"
    ),
    "names in any case": followed(post(b"cOnTeNt-LeNgTh: 3", body=b"abc"), "RFC 9110, 5.1"),
    "two gets": HttpCase(NEXT * 2, (200, 200), False, "RFC 9112, 9.3.2: pipelining, in order"),
    "pipeline of all kinds": HttpCase(
        post(LENGTH_3, body=b"abc")
        + NEXT
        + chunked(b"3\r\nabc\r\n0\r\n\r\n")
        + get(start=b"HEAD /echo HTTP/1.1")
        + NEXT,
        (200,) * 5,
        False,
        "RFC 9112, 9.3.2",
    ),
    "fifty gets": HttpCase(NEXT * 50, (200,) * 50, False, "RFC 9112, 9.3.2"),
    "close": last(get(b"Connection: close"), "RFC 9112, 9.6"),
    "close, then more": last(
        get(b"Connection: close") + NEXT, "RFC 9112, 9.6: MUST NOT process more"
    ),
    "close in a list": last(get(b"Connection: TE, Close") + NEXT, "RFC 9110, 7.6.1"),
    "close in a second field": last(
        get(b"Connection: TE", b"Connection: close") + NEXT, "RFC 9110, 5.3"
    ),
    "close beats keep-alive": last(get(b"Connection: keep-alive, close") + NEXT, "RFC 9112, 9.3"),
    "1.0": last(b"GET /bytes/3 HTTP/1.0\r\n\r\n", "RFC 9112, 9.3"),
    "1.0 keep-alive": followed(get(KEEP, start=b"GET /bytes/3 HTTP/1.0"), "RFC 9112, 9.3"),
    "1.0 keep-alive twice": HttpCase(
        get(KEEP, start=b"GET /bytes/3 HTTP/1.0") * 2, (200, 200), False, "RFC 9112, 9.3"
    ),
    "1.0 with a length": last(
        post(LENGTH_3, start=b"POST /echo HTTP/1.0", body=b"abc"), "RFC 9112, 6.2"
    ),
    "head": followed(get(start=b"HEAD /bytes/3 HTTP/1.1"), "RFC 9110, 9.3.2: no content"),
    "head of nothing": HttpCase(
        get(start=b"HEAD /none HTTP/1.1") + NEXT, (404, 200), False, "RFC 9112, 6.3 (1)"
    ),
    "query": alone(get(start=b"GET /bytes/3?a=/b?c HTTP/1.1"), "RFC 9112, 3.2.1"),
    "absolute target": alone(
        get(start=b"GET http://lab:80/bytes/3?x HTTP/1.1"), "RFC 9112, 3.2.2: MUST"
    ),
    "absolute target without a path": alone(
        get(start=b"GET http://lab HTTP/1.1"), "RFC 9112, 3.2.1: as /", 404
    ),
    "options of everything": alone(get(start=b"OPTIONS * HTTP/1.1"), "RFC 9112, 3.2.4"),
    "empty line before": HttpCase(b"\r\n" + NEXT, (200,), False, "RFC 9112, 2.2: SHOULD ignore"),
    "empty line between": followed(post(LENGTH_3, body=b"abc") + b"\r\n", "RFC 9112, 2.2: SHOULD"),
    "empty value": alone(get(b"X:"), "RFC 9110, 5.5"),
    "bytes past ASCII in a value": alone(get(b"X: \xff\x80"), "RFC 9110, 5.5: obs-text"),
    "tab in a value": alone(get(b"X: a\tb"), "RFC 9110, 5.5"),
    "all characters of a name": alone(get(b"!#$%&'*+-.^_`|~09azAZ: x"), "RFC 9110, 5.6.2"),
    "host with a port": alone(get(host=b"lab:8000"), "RFC 9110, 7.2"),
    "host of numbers": alone(get(host=b"[::1]:80"), "RFC 3986, 3.2.2"),
    "unknown path": HttpCase(get(start=b"GET / HTTP/1.1") + NEXT, (404, 200), False, "choice"),
    "number too large": HttpCase(
        get(start=b"GET /bytes/16777217 HTTP/1.1") + NEXT, (404, 200), False, "choice"
    ),
    "no number": alone(get(start=b"GET /bytes/-1 HTTP/1.1"), "choice", 404),
    "wrong method": HttpCase(
        get(start=b"DELETE /echo HTTP/1.1") + NEXT, (405, 200), False, "RFC 9110, 15.5.6"
    ),
    "wrong method with a body": HttpCase(
        post(LENGTH_3, start=b"POST /bytes/3 HTTP/1.1", body=b"abc") + NEXT,
        (405, 200),
        False,
        "RFC 9112, 9.3: the body is read all the same",
    ),
    "upgrade": followed(
        get(b"Connection: Upgrade", b"Upgrade: websocket"), "RFC 9110, 7.8: MAY ignore"
    ),
    "upgrade with a body": followed(
        post(b"Connection: Upgrade", b"Upgrade: h2c", LENGTH_3, body=b"abc"),
        "h2c smuggling: the length still counts",
    ),
    "upgrade with chunks": followed(
        chunked(b"3\r\nabc\r\n0\r\n\r\n", b"Connection: Upgrade", b"Upgrade: h2c"), "h2c smuggling"
    ),
    "expects and gets": alone(post(b"Expect: 100-continue", LENGTH_3), "RFC 9110, 10.1.1", 100),
    "expects and does not wait": followed(
        post(b"Expect: 100-Continue", LENGTH_3, body=b"abc"), "RFC 9110, 10.1.1: MAY omit it"
    ),
    "expects for nothing": alone(
        get(b"Expect: 100-continue"), "RFC 9110, 10.1.1: no content follows"
    ),
    "expects chunks": alone(chunked(b"", b"Expect: 100-continue"), "RFC 9110, 10.1.1", 100),
    "expects the same twice": followed(
        get(b"Expect: 100-continue", b"Expect: 100-continue"), "RFC 9110, 5.3: one list"
    ),
    "1.0 expects": last(
        post(b"Expect: 100-continue", LENGTH_3, start=b"POST /echo HTTP/1.0", body=b"abc"),
        "RFC 9110, 10.1.1: MUST ignore",
    ),
    "target of the largest size": alone(
        get(start=b"GET /bytes/3?" + b"x" * (TARGET - 9) + b" HTTP/1.1"), "choice"
    ),
    "head of the largest size": alone(_head_of(HEAD), "choice"),
    "as many fields as allowed": alone(get(*[b"X: y"] * (MANY - 1)), "choice"),
    "half a head": HttpCase(NEXT[:-1], (), False, "RFC 9112, 8: incomplete, not wrong"),
    "half a body": HttpCase(post(LENGTH_3, body=b"ab"), (), False, "RFC 9112, 8"),
    "half a chunk": HttpCase(chunked(b"3\r\nab"), (), False, "RFC 9112, 8"),
}

CHUNKS = {
    "one chunk": followed(chunked(b"3\r\nabc\r\n0\r\n\r\n"), "RFC 9112, 7.1"),
    "no chunk": followed(chunked(b"0\r\n\r\n"), "RFC 9112, 7.1"),
    "coding in capitals": followed(
        post(b"Transfer-Encoding: Chunked", body=b"0\r\n\r\n"), "RFC 9112, 7: case-insensitive"
    ),
    "sizes in both cases, with zeros": followed(
        chunked(b"a\r\n0123456789\r\n00A\r\n0123456789\r\n000\r\n\r\n"), "RFC 9112, 7.1: HEXDIG"
    ),
    "extensions": followed(
        chunked(b'3;a;b=c;d="e f"\r\nabc\r\n0;z\r\n\r\n'), "RFC 9112, 7.1.1: MUST ignore"
    ),
    "trailers": followed(chunked(b"3\r\nabc\r\n0\r\nX: y\r\nZ:\r\n\r\n"), "RFC 9112, 7.1.2"),
    "size of nothing": refused(chunked(b"\r\n\r\n"), "RFC 9112, 7.1: 1*HEXDIG"),
    "size not hexadecimal": refused(chunked(b"g\r\n"), "RFC 9112, 7.1"),
    "size with 0x": refused(chunked(b"0x3\r\nabc\r\n0\r\n\r\n"), "chunk-size smuggling: 0x"),
    "size with a sign": refused(chunked(b"+3\r\nabc\r\n0\r\n\r\n"), "chunk-size smuggling: +"),
    "negative size": refused(chunked(b"-3\r\nabc\r\n"), "chunk-size smuggling: -"),
    "size with an underscore": refused(
        chunked(b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n"),
        "chunk-size smuggling: what Python's int() takes",
    ),
    "size with a space before": refused(chunked(b" 3\r\nabc\r\n0\r\n\r\n"), "RFC 9112, 7.1"),
    "size with a space behind": refused(chunked(b"3 \r\nabc\r\n0\r\n\r\n"), "RFC 9112, 7.1"),
    "size that overflows": refused(
        chunked(b"10000000000000003\r\nabc\r\n0\r\n\r\n"),
        "RFC 9112, 7.1: MUST anticipate overflow; 2**64 + 3 is not 3",
    ),
    "size with zeros without end": refused(
        chunked(b"00000000000000003\r\nabc\r\n0\r\n\r\n"), "choice; h11 refuses from 21 on"
    ),
    "size that fits and is too much": cut_off(chunked(b"1000001\r\n"), "RFC 9110, 15.5.14", 413),
    "sizes that are too much together": cut_off(
        chunked(b"3\r\nabc\r\nfffffe\r\n"), "RFC 9110, 15.5.14", 413
    ),
    "LF behind the size": refused(chunked(b"3\nabc\r\n0\r\n\r\n"), "RFC 9112, 7.1"),
    "CR behind the size": refused(chunked(b"3\rabc\r\n0\r\n\r\n"), "RFC 9112, 7.1"),
    "LF in an extension": refused(
        chunked(b"3;a\nxabc\r\n0\r\n\r\n"), "TERM.EXT: bare LF ends the line for some"
    ),
    "CR in an extension": refused(chunked(b"3;a\rb\r\nabc\r\n0\r\n\r\n"), "EXT.TERM: bare CR"),
    "extension too long": cut_off(
        chunked(b"3;" + b"a" * 4096 + b"\r\n"), "RFC 9112, 7.1.1: limit; CVE-2024-22019"
    ),
    "no CRLF behind the chunk": refused(chunked(b"3\r\nabc0\r\n\r\n"), "RFC 9112, 7.1"),
    "LF behind the chunk": refused(chunked(b"3\r\nabc\n0\r\n\r\n"), "RFC 9112, 7.1"),
    "chunk longer than its size": refused(
        chunked(b"3\r\nabcd\r\n0\r\n\r\n"), "SPILL.TERM: two bytes skipped unread"
    ),
    "trailer without a name": refused(chunked(b"0\r\nnothing\r\n\r\n"), "RFC 9112, 7.1.2"),
    "LF behind the trailer": refused(chunked(b"0\r\nX: y\n\r\n"), "RFC 9112, 2.2"),
    "LF ends the trailers": refused(chunked(b"0\r\n\n"), "RFC 9112, 7.1"),
    "folded trailer": refused(chunked(b"0\r\nX: y\r\n z\r\n\r\n"), "RFC 9112, 5.2"),
    "length in the trailers": refused(
        chunked(b"0\r\nContent-Length: 3\r\n\r\n"), "RFC 9110, 6.5.1"
    ),
    "host in the trailers": refused(chunked(b"0\r\nHost: other\r\n\r\n"), "RFC 9110, 6.5.1"),
    "close in the trailers": refused(chunked(b"0\r\nConnection: close\r\n\r\n"), "RFC 9110, 6.5.1"),
    "trailers too large": cut_off(
        chunked(b"0\r\n" + (b"X: " + b"y" * 995 + b"\r\n") * 17), "choice"
    ),
}

SMUGGLING = {
    "length and chunked": refused(
        post(LENGTH_3, CHUNKED, body=b"0\r\n\r\n"), "CL.TE; RFC 9112, 6.3 (3)"
    ),
    "chunked and length": refused(
        post(CHUNKED, LENGTH_3, body=b"0\r\n\r\n"), "TE.CL; RFC 9112, 6.3 (3)"
    ),
    "two lengths that differ": refused(
        post(LENGTH_3, b"Content-Length: 4", body=b"abcd"), "CL.CL; RFC 9112, 6.3 (5)"
    ),
    "two lengths that agree": refused(
        post(LENGTH_3, LENGTH_3, body=b"abc"), "RFC 9110, 8.6: may be refused"
    ),
    "list of lengths": refused(
        post(b"Content-Length: 3, 3", body=b"abc"), "RFC 9110, 8.6: may be refused"
    ),
    "list of lengths that differ": refused(
        post(b"Content-Length: 3,4", body=b"abc"), "CL.CL; RFC 9112, 6.3 (5)"
    ),
    "length with a plus": refused(post(b"Content-Length: +3", body=b"abc"), "RFC 9110, 8.6"),
    "length with a minus": refused(post(b"Content-Length: -3", body=b"abc"), "RFC 9110, 8.6"),
    "length in hexadecimal": refused(post(b"Content-Length: 0x3", body=b"abc"), "RFC 9110, 8.6"),
    "length with an underscore": refused(
        post(b"Content-Length: 1_0", body=b"0123456789"), "RFC 9110, 8.6: int() takes it"
    ),
    "length with a fraction": refused(post(b"Content-Length: 3.0", body=b"abc"), "RFC 9110, 8.6"),
    "length with a space in it": refused(post(b"Content-Length: 1 0", body=b"a"), "RFC 9110, 8.6"),
    "length that is empty": refused(post(b"Content-Length:"), "RFC 9110, 8.6"),
    "length in other digits": refused(
        post(b"Content-Length: \xd9\xa3", body=b"abc"), "RFC 9110, 8.6: int() takes it as text"
    ),
    "length with a form feed": refused(
        post(b"Content-Length: \x0c3", body=b"abc"), "RFC 9110, 5.5: what strip() takes"
    ),
    "length that is folded": refused(
        post(b"Content-Length:", b" 3", body=b"abc"), "RFC 9112, 5.2: obs-fold"
    ),
    "length behind a space": refused(post(b"Content-Length : 3", body=b"abc"), "RFC 9112, 5.1"),
    "chunked behind a space": refused(
        post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"), "TE.TE; RFC 9112, 5.1"
    ),
    "chunked behind a tab": refused(
        post(b"Transfer-Encoding\t: chunked", body=b"0\r\n\r\n"), "TE.TE; RFC 9112, 5.1"
    ),
    "chunked after a vertical tab": refused(
        post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"), "TE.TE"
    ),
    "chunked before a NUL": refused(
        post(b"Transfer-Encoding: chunked\0", body=b"0\r\n\r\n"), "TE.TE; RFC 9110, 5.5"
    ),
    "chunked in a folded line": refused(
        post(b"Transfer-Encoding:", b" chunked", body=b"0\r\n\r\n"), "TE.TE; RFC 9112, 5.2"
    ),
    "chunked in a field before": refused(
        post(b"X: y\nTransfer-Encoding: chunked", LENGTH_3, body=b"abc"), "TE.TE: bare LF"
    ),
    "chunked behind a CR": refused(
        post(b"X: y\rTransfer-Encoding: chunked", LENGTH_3, body=b"abc"), "TE.TE: bare CR"
    ),
    "xchunked": refused(
        post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"), "TE.TE; RFC 9112, 6.3 (4)"
    ),
    "chunked in quotes": refused(post(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n"), "TE.TE"),
    "chunked with a comma": refused(
        post(b"Transfer-Encoding: chunked,", body=b"0\r\n\r\n"), "TE.TE; choice"
    ),
    "chunked with a parameter": refused(
        post(b"Transfer-Encoding: chunked;a=b", body=b"0\r\n\r\n"), "RFC 9112, 7: none is defined"
    ),
    "chunked twice": refused(
        post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"), "RFC 9112, 7.1: MUST NOT"
    ),
    "chunked in two fields": refused(post(CHUNKED, CHUNKED, body=b"0\r\n\r\n"), "RFC 9112, 7.1"),
    "chunked and identity in two fields": refused(
        post(CHUNKED, b"Transfer-encoding: identity", body=b"0\r\n\r\n"), "TE.TE"
    ),
    "chunked first": refused(
        post(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n"), "RFC 9112, 6.3 (4): MUST"
    ),
    "chunked last of two": refused(
        post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
        "choice: RFC 9112, 6.1 would have 501; one answer for every doubtful framing",
    ),
    "identity": refused(
        post(b"Transfer-Encoding: identity", LENGTH_3, body=b"abc"), "TE.TE; RFC 9112, 6.1"
    ),
    "empty coding": refused(
        post(b"Transfer-Encoding:", LENGTH_3, body=b"abc"), "TE.0; RFC 9112, 6.3"
    ),
    "chunked in 1.0": refused(
        post(CHUNKED, KEEP, start=b"POST /echo HTTP/1.0", body=b"0\r\n\r\n"), "RFC 9112, 6.1"
    ),
    "request in a body": alone(
        post(b"Content-Length: %d" % len(NEXT), body=NEXT), "CL.0: it is a body"
    ),
    "request in the body of a get": alone(
        post(b"Content-Length: %d" % len(NEXT), body=NEXT, start=b"GET /bytes/3 HTTP/1.1"),
        "GET with a body: CL.0",
    ),
    "underscore for a hyphen": HttpCase(
        post(b"Content_Length: 3", body=NEXT), (200, 200), False, "CGI: another name, not a length"
    ),
}

BAD = {
    "no host": refused(b"GET /echo HTTP/1.1\r\n\r\n", "RFC 9112, 3.2: MUST"),
    "two hosts": refused(get(b"Host: lab"), "RFC 9112, 3.2: MUST"),
    "two hosts in 1.0": cut_off(
        get(b"Host: other", start=b"GET /echo HTTP/1.0"), "RFC 9112, 3.2: any request"
    ),
    "empty host": refused(get(host=b""), "RFC 9110, 4.2.1"),
    "host with a user": refused(get(host=b"a@lab"), "RFC 9110, 7.2"),
    "host with a path": refused(get(host=b"lab/x"), "RFC 9110, 7.2"),
    "host with a space": refused(get(host=b"lab other"), "RFC 9110, 7.2"),
    "host with a wrong port": refused(get(host=b"lab:x"), "RFC 9110, 7.2"),
    "host with half a number": refused(get(host=b"[::1"), "RFC 3986, 3.2.2"),
    "LF for all line ends": refused(
        b"GET /echo HTTP/1.1\nHost: lab\n\n", "RFC 9112, 2.2: MAY; httptools refuses"
    ),
    "LF behind the request line": refused(
        b"GET /echo HTTP/1.1\nHost: lab\r\n\r\n", "RFC 9112, 2.2"
    ),
    "LF behind a field": refused(b"GET /echo HTTP/1.1\r\nHost: lab\nX: y\r\n\r\n", "RFC 9112, 2.2"),
    "LF ends the head": refused(b"GET /echo HTTP/1.1\r\nHost: lab\r\n\n", "RFC 9112, 2.2"),
    "LF before": refused(b"\n", "RFC 9112, 2.2: the empty line is CRLF"),
    "CR in a value": refused(get(b"X: a\rb"), "RFC 9112, 2.2: MUST"),
    "CR doubled": refused(b"GET /echo HTTP/1.1\r\nHost: lab\r\r\n\r\n", "RFC 9112, 2.2"),
    "folded field": refused(get(b"X: a", b" b"), "RFC 9112, 5.2: MUST"),
    "folded first field": refused(
        b"GET /echo HTTP/1.1\r\n X: y\r\nHost: lab\r\n\r\n", "RFC 9112, 2.2"
    ),
    "NUL in a value": refused(get(b"X: a\0b"), "RFC 9110, 5.5: MUST"),
    "control byte in a value": refused(get(b"X: a\x01b"), "RFC 9110, 5.5"),
    "DEL in a value": refused(get(b"X: a\x7fb"), "RFC 9110, 5.5"),
    "no colon": refused(get(b"X"), "RFC 9112, 5"),
    "no name": refused(get(b": y"), "RFC 9112, 5"),
    "space in a name": refused(get(b"X Y: z"), "RFC 9110, 5.1"),
    "space before the colon": refused(get(b"X : y"), "RFC 9112, 5.1: MUST"),
    "parenthesis in a name": refused(get(b"X(: y"), "RFC 9110, 5.6.2"),
    "byte past ASCII in a name": refused(get(b"X\xe9: y"), "RFC 9110, 5.6.2"),
    "method with a wrong byte": refused(get(start=b"G@T /echo HTTP/1.1"), "RFC 9110, 5.6.2"),
    "method in small letters": refused(
        get(start=b"get /echo HTTP/1.1"), "RFC 9110, 9.1: case-sensitive", 501
    ),
    "method nobody knows": refused(
        get(start=b"BREW /echo HTTP/1.1"), "RFC 9110, 9.1; httptools refuses", 501
    ),
    "method too long": cut_off(b"A" * 33, "RFC 9112, 3", 501),
    "connect": refused(
        get(start=b"CONNECT lab:80 HTTP/1.1"), "RFC 9110, 9.3.6: no tunnel here", 501
    ),
    "connect to a path": refused(get(start=b"CONNECT /echo HTTP/1.1"), "RFC 9110, 9.3.6", 501),
    "two spaces in the request line": refused(get(start=b"GET  /echo HTTP/1.1"), "RFC 9112, 3"),
    "two spaces before the version": refused(get(start=b"GET /echo  HTTP/1.1"), "RFC 9112, 3"),
    "tab in the request line": refused(get(start=b"GET\t/echo HTTP/1.1"), "RFC 9112, 3"),
    "space before the request line": refused(b" ", "RFC 9112, 3"),
    "space behind the request line": refused(get(start=b"GET /echo HTTP/1.1 "), "RFC 9112, 3"),
    "space in the target": refused(get(start=b"GET /a b HTTP/1.1"), "RFC 9112, 3.2"),
    "no target": refused(get(start=b"GET HTTP/1.1"), "RFC 9112, 3"),
    "target without a slash": refused(get(start=b"GET echo HTTP/1.1"), "RFC 9112, 3.2"),
    "target with a fragment": refused(get(start=b"GET /echo#a HTTP/1.1"), "RFC 9112, 3.2"),
    "target past ASCII": refused(get(start=b"GET /\xe9 HTTP/1.1"), "RFC 3986, 2"),
    "target of another scheme": refused(get(start=b"GET ftp://lab/echo HTTP/1.1"), "RFC 9110, 7.4"),
    "absolute target without a host": refused(
        get(start=b"GET http:///echo HTTP/1.1"), "RFC 9110, 4.2.1"
    ),
    "asterisk for get": refused(get(start=b"GET * HTTP/1.1"), "RFC 9112, 3.2.4"),
    "version 0.9": cut_off(b"GET /echo\r\n", "RFC 9112, 3: no simple requests"),
    "version 0.9 by name": cut_off(get(start=b"GET /echo HTTP/0.9"), "RFC 9110, 15.6.6", 505),
    "version 1.2": refused(
        get(start=b"GET /echo HTTP/1.2"), "choice: it is none; httptools refuses", 505
    ),
    "version 2.0": cut_off(
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "RFC 9113, 3.4: the preface; RFC 9110, 15.6.6", 505
    ),
    "version with two digits": refused(get(start=b"GET /echo HTTP/1.10"), "RFC 9112, 2.3"),
    "version in small letters": refused(
        get(start=b"GET /echo http/1.1"), "RFC 9112, 2.3: case-sensitive"
    ),
    "version of another protocol": refused(
        get(start=b"GET /echo RTSP/1.0"), "RFC 9112, 2.3; httptools would take it"
    ),
    "unknown expectation": cut_off(post(b"Expect: miracles", LENGTH_3), "RFC 9110, 10.1.1", 417),
    "two expectations": cut_off(
        post(b"Expect: 100-continue", b"Expect: more", LENGTH_3), "RFC 9110, 10.1.1", 417
    ),
    "target too long": cut_off(
        get(start=b"GET /bytes/3?" + b"x" * (TARGET - 8) + b" HTTP/1.1"), "RFC 9110, 15.5.15", 414
    ),
    "NUL, then a target too long": cut_off(
        b"GET /\0" + b"x" * TARGET, "choice: the first fault counts"
    ),
    "target too long, then a NUL": cut_off(
        b"GET /" + b"x" * TARGET + b"\0", "choice: the first fault counts", 414
    ),
    "target without end": cut_off(b"GET /" + b"x" * TARGET, "RFC 9110, 15.5.15", 414),
    "head too large": cut_off(_head_of(HEAD + 1), "RFC 6585, 5", 431),
    "head without end": cut_off(_head_of(2 * HEAD)[:-4], "RFC 6585, 5", 431),
    "too many fields": cut_off(get(*[b"X: y"] * MANY), "RFC 6585, 5", 431),
    "body too large": cut_off(
        post(b"Content-Length: %d" % (BODY + 1)), "RFC 9110, 15.5.14: before it comes", 413
    ),
    "length of twenty digits": refused(
        post(b"Content-Length: 18446744073709551619"), "RFC 9110, 8.6: 2**64 + 3 is not 3", 413
    ),
    "length of thousands of digits": refused(
        post(b"Content-Length: " + b"9" * 5000), "CVE-2020-10735: int() of it is dear", 413
    ),
    "TLS": cut_off(b"\x16\x03\x01\x02\x00\x01", "choice: a handshake will not end in CRLF"),
    "good, then bad": HttpCase(NEXT + b"\0" + NEXT, (200, 400), True, "RFC 9112, 9.3.2: in order"),
}

CASES: dict[str, HttpCase] = {**GOOD, **CHUNKS, **SMUGGLING, **BAD}
