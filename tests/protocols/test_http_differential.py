"""Http beside two other readers of the same bytes: h11, which is strict, and httptools as it is.

Whatever either refuses is refused, and where all accept they mean the same requests. The
exceptions are two tables; each row has an example that shows it is still needed.
"""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import h11
import httptools
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lab.http_cases import CASES, NEXT, statuses
from servers.protocols.http import CONTINUE, Http

HEAD = b"POST /echo HTTP/1.1\r\nHost: lab\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

STRICTER = {  # both accept, we refuse with these words: an example; why
    "not HTTP/1.0 or HTTP/1.1": (HEAD.replace(b"1.1", b"2.0") + b"\r\n", "RFC 9110, 15.6.6"),
    "invalid Host": (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "RFC 9110, 7.2"),
    "malformed request target": (b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "RFC 9110, 7.4"),
    "malformed request line": (b"GET /# HTTP/1.1\r\nHost: a\r\n\r\n", "RFC 9112, 3.2: fragment"),
    "* is for OPTIONS": (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", "RFC 9112, 3.2.4"),
    "no proxy": (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "RFC 9110, 9.3.6: not our task"),
    "Transfer-Encoding in HTTP/1.0": (CHUNKED.replace(b"1.1", b"1.0"), "RFC 9112, 6.1: faulty"),
    "unknown expectation": (HEAD + b"Expect: x\r\n\r\n", "RFC 9110, 10.1.1"),
    "malformed or forbidden trailer field": (CHUNKED + b"0\r\nHost: a\r\n\r\n", "RFC 9110, 6.5.1"),
    "chunk size of too many digits": (CHUNKED + b"0" * 17 + b"\r\n\r\n", "our limit; h11's is 20"),
    "body too large": (HEAD + b"Content-Length: 99999999\r\n\r\n", "our limit"),
    "request target too long": (b"GET /" + b"a" * 9000, "our limit"),
    "head too large": (HEAD + b"X: " + b"a" * 17000, "our limit"),
    "too many fields": (HEAD + b"X: y\r\n" * 101, "our limit"),
    "chunk extension or trailer field too long": (CHUNKED + b"0;" + b"a" * 5000, "our limit"),
    "trailers too large": (CHUNKED + b"0\r\n" + (b"X:" + b"y" * 999 + b"\r\n") * 20, "our limit"),
}

MORE_LENIENT = {  # h11 refuses, we accept: an example; why
    "no request line received": (b"\r\n" + NEXT, "RFC 9112, 2.2: SHOULD ignore an empty line"),
}


@dataclass
class Reading:
    """What h11 makes of what a client sends, its answers being as good as ours."""

    requests: list[tuple[bytes, bytes, bytes]] = field(default_factory=list)  # method, target, body
    refusal: str = ""
    closed: bool = False


def read_by_h11(said):
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(said)
    reading = Reading()
    request, body = None, b""
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                request, body = event, b""
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                reading.requests.append((request.method, request.target, body))
                connection.send(h11.Response(status_code=400, headers=[(b"Content-Length", b"0")]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is h11.MUST_CLOSE:
                    reading.closed = True
                    return reading
                connection.start_next_cycle()
            else:
                return reading
    except h11.RemoteProtocolError as error:
        reading.refusal = str(error)
    return reading


def replies_by_h11(answers, methods):
    """Read our answers as a strict client does, who has sent requests with these methods."""
    connection = h11.Connection(h11.CLIENT)
    connection.receive_data(answers)
    replies = []
    for method in methods:
        connection.send(h11.Request(method=method, target=b"/", headers=[(b"Host", b"lab")]))
        connection.send(h11.EndOfMessage())
        status, content = 0, b""
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            assert event is not h11.NEED_DATA, (answers, methods)
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                content += event.data
        replies.append((status, content))
        if connection.our_state is h11.MUST_CLOSE:
            break
        connection.start_next_cycle()
    assert connection.trailing_data[0] == b""
    return replies


def httptools_refuses(said):
    class Ignore:
        pass

    try:
        # it stops at an Upgrade: there is to be none
        httptools.HttpRequestParser(Ignore()).feed_data(said.replace(b"Upgrade:", b"Uqgrade:"))
    except httptools.HttpParserUpgrade:
        return False  # CONNECT
    except httptools.HttpParserError:
        return True
    return False


def why(answers):
    """Return the words of the refusal that is last in the answers."""
    return answers.rpartition(b"\r\n\r\n")[2].decode()


def reply_to(method, target, body):
    """What the paths of this test are there for, told without looking at how they do it."""
    path = target.decode().partition("?")[0]
    if "://" in path:
        path = urlsplit(path).path
    number = path.removeprefix("/bytes/")
    if path == "*":
        return 200, b""
    if path != "/echo" and not (number.isdigit() and len(number) <= 8 and int(number) <= 1 << 24):
        return 404, b""
    if method not in {b"GET", b"HEAD", b"POST"} or (method == b"POST" and path != "/echo"):
        return 405, b""
    content = body.upper() if path == "/echo" else b"x" * int(number)
    return 200, b"" if method == b"HEAD" else content


def check_beside_h11(said):
    """Fail where we take what h11 refuses, refuse what it takes, or understand something else."""
    http = Http()
    answers = http.receive(said).replace(CONTINUE, b"")
    got = statuses(answers)
    refused = http.closed and got[-1] not in {200, 404, 405}
    reading = read_by_h11(said)
    if reading.refusal in MORE_LENIENT or (reading.closed and b"HTTP/1.0" in said):
        return  # h11 does not keep a connection for 1.0
    answered = reading.requests[: len(got) - refused]
    if reading.refusal and not http.closed:  # it may know some lines as bad before they end
        assert len(got) == len(reading.requests)
        assert Http.receive(http, b"\r\n\r\n").startswith(b"HTTP/1.1 400 "), reading.refusal
    if refused and (not reading.refusal or len(answered) < len(reading.requests)):
        words = why(answers)  # none to a HEAD
        assert not words or words in STRICTER or httptools_refuses(said)
    if not refused and not reading.refusal:
        assert len(got) == len(reading.requests)
        assert http.closed == reading.closed
    methods = [method for method, _, _ in answered]
    expected = [reply_to(*request) for request in answered]
    if refused:
        methods.append(b"GET" if why(answers) else b"HEAD")
        expected.append((got[-1], why(answers).encode()))
    assert replies_by_h11(answers, methods) == expected


@pytest.mark.parametrize("words", STRICTER)
def test_where_we_are_stricter_than_h11_we_are_still(words):
    said, _ = STRICTER[words]
    assert read_by_h11(said).refusal == ""
    assert not httptools_refuses(said)
    answers = Http().receive(said)
    assert why(answers) == words
    assert statuses(answers)[-1] >= 400


@pytest.mark.parametrize("words", MORE_LENIENT)
def test_where_we_are_more_lenient_than_h11_we_are_still(words):
    said, _ = MORE_LENIENT[words]
    assert read_by_h11(said).refusal == words
    assert statuses(Http().receive(said)) == (200,)


METHODS = [b"GET", b"HEAD", b"POST", b"PUT", b"OPTIONS", b"PROPFIND"]
TARGETS = [b"/echo", b"/echo?a=b", b"/bytes/3", b"/none", b"http://lab/echo"]
FIELDS = [
    *(b"Accept: */*", b"X:", b"X: \xe9", b"Cookie: a=b; c=d", b"Connection: keep-alive"),
    *(b"Connection: TE", b"Connection: Upgrade", b"Upgrade: h2c", b"Expect: 100-continue"),
    *(b"connection: close", b"Content-Type: text/plain", b"TE: trailers"),
]
SIZES = [b"%x", b"%X", b"0%x", b"%x;a", b'%x;a=b;c="d;e"']
BODIES = st.binary(max_size=20)


@st.composite
def bodies(draw):
    """The field that says how a body comes, and the body."""
    kind = draw(st.sampled_from(["none", "length", "chunks"]))
    if kind == "none":
        return [], b""
    if kind == "length":
        body = draw(BODIES)
        return [b"Content-Length: %d" % len(body)], body
    chunks = draw(st.lists(BODIES.filter(bool), max_size=3))
    lines = [draw(st.sampled_from(SIZES)) % len(chunk) for chunk in chunks]
    body = b"".join(b"%s\r\n%s\r\n" % pair for pair in zip(lines, chunks, strict=True))
    trailers = draw(st.sampled_from([b"", b"X: y\r\n", b"X: y\r\nZ:\r\n"]))
    return [b"Transfer-Encoding: chunked"], body + b"0\r\n" + trailers + b"\r\n"


@st.composite
def requests(draw):
    start = b"%s %s HTTP/1.1" % (draw(st.sampled_from(METHODS)), draw(st.sampled_from(TARGETS)))
    framing, body = draw(bodies())
    fields = [*draw(st.lists(st.sampled_from(FIELDS), max_size=3)), *framing, b"Host: lab"]
    return b"\r\n".join((start, *draw(st.permutations(fields)), b"", body))


PIPELINES = st.lists(requests(), min_size=1, max_size=3).map(b"".join)
SNIPPETS = [
    *(
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\0",
        b"\x0b",
        b" ",
        b"\t",
        b"\r\n ",
        b":",
        b",",
        b";",
        b"\xff",
    ),
    *(
        b"\x7f",
        b"0",
        b"1",
        b"3\r\n",
        b"+",
        b"-",
        b"_",
        b"#",
        b"0\r\n\r\n",
        b"chunked",
        b"HTTP/1.0",
        b"close",
    ),
    *(
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Host: lab\r\n",
        b"Host: a/b\r\n",
    ),
]


@st.composite
def mutants(draw):
    """A pipeline with up to three places where something is put in, taken out or replaced."""
    said = draw(PIPELINES)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(said)))
        gone = draw(st.sampled_from([0, 0, 1, 2, 10]))
        said = said[:at] + draw(st.sampled_from([b"", *SNIPPETS])) + said[at + gone :]
    return said


quick = settings(max_examples=200, deadline=None)


@quick
@given(PIPELINES)
def test_good_requests_are_answered_each_and_h11_reads_the_same_ones(said):
    reading = read_by_h11(said)
    assert not reading.refusal
    assert statuses(Http().receive(said).replace(CONTINUE, b"")) == tuple(
        reply_to(*request)[0] for request in reading.requests
    )
    check_beside_h11(said)


@settings(quick, max_examples=500)
@given(mutants())
def test_mutants_are_refused_where_h11_does_and_else_mean_the_same(said):
    check_beside_h11(said)


@quick
@given(mutants())
def test_mutants_are_refused_where_httptools_does(said):
    http = Http()
    http.receive(said)
    if httptools_refuses(said) and not http.closed:
        http.receive(b"\r\n\r\n")  # it knows some lines as bad before they end
        assert http.closed


@quick
@given(mutants(), st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_mutants_are_answered_alike_however_they_are_cut(said, sizes):
    whole, cut = Http(), Http()
    answers, at = b"", 0
    while at < len(said):
        for size in sizes:
            answers += cut.receive(said[at : at + size]) if at < len(said) else b""
            at += size
    assert answers.replace(CONTINUE, b"") == whole.receive(said).replace(CONTINUE, b"")
    assert cut.closed == whole.closed


@pytest.mark.parametrize("name", CASES)
def test_the_table_of_cases_agrees_with_h11(name):
    check_beside_h11(CASES[name].request)


@pytest.mark.parametrize("name", [b"Connection", b"Proxy-Connection"])
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@given(
    st.lists(
        st.sampled_from(
            [b"close", b"keep-alive", b"upgrade", b"x", b" ", b"\t", b",", b"Close", b";"]
        ),
        max_size=6,
    ).map(b"".join)
)
@example(b"close, keep-alive")
@settings(max_examples=200, deadline=None)
def test_httptools_never_thinks_a_connection_closed_that_we_keep(name, version, value):
    http = Http()
    first = b"GET /bytes/3 HTTP/%s\r\nHost: lab\r\n%s: %s\r\n\r\n" % (version, name, value)
    assert statuses(http.receive(first)) == (200,)
    if not http.closed:
        assert statuses(http.receive(NEXT)) == (200,)
