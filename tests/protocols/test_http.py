import time

import pytest
from httptools import HttpRequestParser

from servers.catalog import PROTOCOLS
from servers.protocols.http import ANSWERS_SIZE, CONTINUE, Http
from servers.protocols.http_head import BODY_SIZE
from servers.protocols.http_paths import WAIT_LIMIT

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: "
QUESTION, ANSWER = PROTOCOLS["http"].question, PROTOCOLS["http"].answer


def get(path, *fields, version=b"1.1", method=b"GET"):
    start = b"%s %s HTTP/%s" % (method, path, version)
    return b"\r\n".join((start, b"Host: lab", *fields, b"", b""))


def post(body, *fields):
    length = b"Content-Length: %d" % len(body)
    return get(b"/echo", length, *fields, method=b"POST") + body


def chunked(body, *fields):
    return get(b"/echo", b"Transfer-Encoding: chunked", *fields, method=b"POST") + body


def ok(content, *, connection=b""):
    return OK + b"%d\r\n%s\r\n" % (len(content), connection) + content


def none(connection=b""):
    start = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/octet-stream\r\n"
    return start + b"Content-Length: 0\r\n%s\r\n" % connection


def wrong_method(allowed):
    start = b"HTTP/1.1 405 Method Not Allowed\r\nContent-Type: application/octet-stream\r\n"
    return start + b"Content-Length: 0\r\nAllow: %s\r\n\r\n" % allowed


CLOSE = b"Connection: close\r\n"
KEEP = b"Connection: keep-alive\r\n"

TALKS = {  # what is sent, what comes back, and whether the connection closes then
    "echo": (QUESTION, ANSWER, False),
    "echo to get": (
        get(b"/echo", b"Content-Length: 3") + b"abc",
        ok(b"ABC"),
        False,
    ),
    "echo of nothing": (get(b"/echo"), ok(b""), False),
    "echo of all bytes": (post(bytes(range(256))), ok(bytes(range(256)).upper()), False),
    "echo of chunks": (
        chunked(b'3;a="b"\r\nabc\r\n2\r\n\r\n\r\n0\r\nX: y\r\n\r\n'),
        ok(b"ABC\r\n"),
        False,
    ),
    "bytes": (get(b"/bytes/5"), ok(b"xxxxx"), False),
    "no bytes": (get(b"/bytes/0"), ok(b""), False),
    "bytes with zeros": (get(b"/bytes/005"), ok(b"xxxxx"), False),
    "cpu": (get(b"/cpu/1"), ok(b"done"), False),
    "block": (get(b"/block/1"), ok(b"done"), False),
    "offload": (get(b"/offload/1"), ok(b"done"), False),
    "query": (get(b"/bytes/1?2/3?4"), ok(b"x"), False),
    "absolute target": (get(b"HTTP://lab:1/bytes/1?2"), ok(b"x"), False),
    "options": (get(b"*", method=b"OPTIONS"), ok(b""), False),
    "head": (get(b"/bytes/5", method=b"HEAD"), ok(b"xxxxx")[:-5], False),
    "head of echo": (
        get(b"/echo", b"Content-Length: 3", method=b"HEAD") + b"abc",
        ok(b"ABC")[:-3],
        False,
    ),
    "head of none": (get(b"/", method=b"HEAD"), none(), False),
    "root": (get(b"/"), none(), False),
    "echo with a slash": (get(b"/echo/"), none(), False),
    "no number": (get(b"/bytes/x"), none(), False),
    "bytes past the limit": (get(b"/bytes/16777217"), none(), False),
    "cpu past the limit": (get(b"/cpu/10000001"), none(), False),
    "block past the limit": (get(b"/block/10001"), none(), False),
    "offload past the limit": (get(b"/offload/10001"), none(), False),
    "number without end": (get(b"/bytes/" + b"1" * 5000), none(), False),
    "delete echo": (get(b"/echo", method=b"DELETE"), wrong_method(b"GET, HEAD, POST"), False),
    "post bytes": (get(b"/bytes/1", method=b"POST"), wrong_method(b"GET, HEAD"), False),
    "post offload": (get(b"/offload/1", method=b"POST"), wrong_method(b"GET, HEAD"), False),
    "close": (get(b"/bytes/1", b"Connection: close"), ok(b"x", connection=CLOSE), True),
    "close none": (get(b"/", b"Connection: close"), none(CLOSE), True),
    "1.0": (get(b"/bytes/1", version=b"1.0"), ok(b"x", connection=CLOSE), True),
    "1.0 keep-alive": (
        get(b"/bytes/1", b"Connection: Keep-Alive", version=b"1.0"),
        ok(b"x", connection=KEEP),
        False,
    ),
    "1.1 keep-alive": (get(b"/bytes/1", b"Connection: keep-alive"), ok(b"x"), False),
    "pipeline": (
        QUESTION + get(b"/") + chunked(b"1\r\na\r\n0\r\n\r\n") + get(b"/bytes/1", method=b"HEAD"),
        ANSWER + none() + ok(b"A") + ok(b"x")[:-1],
        False,
    ),
    "upgrade": (post(b"abc", b"Connection: Upgrade", b"Upgrade: websocket"), ok(b"ABC"), False),
    "half": (QUESTION + QUESTION[:-1], ANSWER, False),
}


def talk(pieces, http=None):
    http = http or Http()
    return b"".join(map(http.receive, pieces)), http


@pytest.mark.parametrize("name", TALKS)
def test_the_answer_is_these_bytes_however_the_request_is_cut(name):
    said, answer, closes = TALKS[name]
    ways = [[said], [said[at : at + 1] for at in range(len(said))]]
    ways += [[said[:at], said[at:]] for at in range(1, min(len(said), 400))]
    for pieces in ways:
        got, http = talk(pieces)
        assert (got, http.closed, http.lingers) == (answer, closes, False)


@pytest.mark.parametrize("name", TALKS)
def test_the_answer_is_the_same_in_a_pipeline(name):
    said, answer, closes = TALKS[name]
    got, http = talk([QUESTION * 3 + said])
    assert (got, http.closed) == (ANSWER * 3 + answer, closes)


def test_a_request_behind_a_close_is_not_answered_but_its_sender_may_linger():
    http = Http()
    assert http.receive(get(b"/bytes/1", b"Connection: close") + QUESTION).endswith(b"x")
    assert http.closed
    assert http.lingers
    assert http.receive(QUESTION) == b""


@pytest.mark.parametrize("said", [b"", QUESTION[:10], QUESTION[:-1], chunked(b"3\r\nab")])
def test_the_end_of_the_file_closes_and_drops_what_is_not_complete(said):
    http = Http()
    if said:
        assert http.receive(said) == b""
    assert http.receive(b"") == b""
    assert http.closed
    assert not http.lingers


def test_a_refusal_says_why_and_nothing_more_is_parsed():
    http = Http()
    refusal = http.receive(QUESTION + b"GET /echo HTTP/1.1\r\n\r\n" + QUESTION)
    assert refusal == (
        ANSWER + b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Length: 7\r\nConnection: close\r\n\r\nno Host"
    )
    assert http.closed
    assert http.lingers
    assert http.receive(QUESTION) == b""
    assert http.receive(b"") == b""
    assert not http.lingers


def test_continue_is_said_when_the_head_is_there_and_no_body_is():
    said = post(b"abc", b"Expect: 100-continue")
    head, body = said[:-3], said[-3:]
    assert talk([head, body])[0] == CONTINUE + ok(b"ABC")
    assert talk([head + body[:1], body[1:]])[0] == ok(b"ABC")
    assert talk([QUESTION + head])[0] == ANSWER + CONTINUE


def test_continue_is_not_said_where_no_body_comes():
    assert talk([get(b"/bytes/1", b"Expect: 100-continue")])[0] == ok(b"x")


def test_a_request_that_httptools_sees_end_elsewhere_is_refused():
    http = Http()
    http._parser = HttpRequestParser(object())  # tells of no end
    assert http.receive(QUESTION).endswith(b"\r\n\r\ntwo opinions on where the body ends")
    assert http.closed


def test_continue_is_said_for_chunks_too():
    assert talk([chunked(b"", b"Expect: 100-continue"), b"0\r\n\r\n"])[0] == CONTINUE + ok(b"")


def test_a_body_may_be_as_large_as_the_limit_and_no_larger():
    body = b"a" * BODY_SIZE
    said = post(body)
    pieces = [said[at : at + 65536] for at in range(0, len(said), 65536)]
    assert talk(pieces)[0] == ok(body.upper())
    refusal, http = talk([get(b"/echo", b"Content-Length: %d" % (BODY_SIZE + 1), method=b"POST")])
    assert refusal.startswith(b"HTTP/1.1 413 Content Too Large\r\n")
    assert http.lingers


def test_chunks_may_be_as_large_as_the_limit_and_no_larger():
    most = [chunked(b"ffffff\r\n"), *[b"a" * 65536] * 255, b"a" * 65535, b"\r\n"]
    assert talk([*most, b"1\r\na\r\n0\r\n\r\n"])[0] == ok(b"A" * BODY_SIZE)
    refusal, http = talk([*most, b"2\r\n"])
    assert refusal.startswith(b"HTTP/1.1 413 Content Too Large\r\n")
    assert http.lingers


def test_a_pipeline_cannot_ask_for_more_than_the_memory_holds():
    answers, http = talk([get(b"/bytes/16777216") * 10])
    assert ANSWERS_SIZE < len(answers) < ANSWERS_SIZE + BODY_SIZE + 2000
    assert b"HTTP/1.1 503 Service Unavailable\r\n" in answers[-500:]
    assert http.closed
    assert http.lingers


def test_cpu_time_is_used():
    before = time.thread_time_ns()
    Http().receive(get(b"/cpu/3000"))
    assert 3_000_000 <= time.thread_time_ns() - before < 1_000_000_000


@pytest.mark.parametrize("path", [b"/block/5", b"/offload/5"])
def test_blocking_takes_its_time_in_place(path):
    before = time.monotonic_ns()
    assert Http().receive(get(path)) == ok(b"done")
    assert time.monotonic_ns() - before >= 5_000_000


@pytest.fixture
def slept(monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


def test_the_longest_wait_is_a_number_of_each_path(slept):
    for path in (b"/block/10000", b"/offload/10000"):
        assert Http().receive(get(path)) == ok(b"done")
    assert slept == [WAIT_LIMIT] * 2


def test_a_job_is_left_to_the_server_that_can_do_it_elsewhere(slept):
    http = Http(offloads=True)
    assert http.receive(get(b"/offload/7")) == b""
    assert slept == []
    job = http.job
    assert job is not None
    assert job() == ok(b"done")
    assert slept == [0.007]
    assert http.job is None
    assert http.receive(QUESTION) == ANSWER


def test_a_job_answers_what_is_behind_it_too_in_order(slept):
    http = Http(offloads=True)
    said = QUESTION + get(b"/offload/7") + QUESTION + get(b"/offload/8") + get(b"/bytes/1")
    assert http.receive(said + QUESTION[:-1]) == ANSWER
    assert http.job() == ok(b"done") + ANSWER + ok(b"done") + ok(b"x")
    assert http.job is None
    assert slept == [0.007, 0.008]
    assert http.receive(QUESTION[-1:]) == ANSWER
    assert http.receive(get(b"/offload/9")) == b""
    assert http.job() == ok(b"done")


def test_a_job_can_end_the_talk(slept):
    http = Http(offloads=True)
    http.receive(get(b"/offload/1", b"Connection: close"))
    assert not http.closed
    assert http.job() == ok(b"done", connection=CLOSE)
    assert http.closed
    assert not http.lingers


def test_a_job_is_there_until_it_is_done(monkeypatch):
    http = Http(offloads=True)
    seen = []
    monkeypatch.setattr(time, "sleep", lambda _: seen.append(http.job))
    http.receive(get(b"/offload/1") + get(b"/offload/1") + QUESTION[:-1])
    job = http.job
    job()
    assert seen == [job, job]
    assert http.job is None
    assert http.receive(QUESTION[-1:]) == ANSWER


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_a_refusal_of_a_head_request_has_no_content(method):
    said = get(b"/echo", b"Expect: more", method=method)
    assert talk([said])[0].endswith(b"\r\n\r\nunknown expectation") == (method == b"GET")
    said = get(b"/echo", b"Transfer-Encoding: chunked", method=method) + b"x"
    assert talk([said])[0].endswith(b"\r\n\r\n") == (method == b"HEAD")


def test_what_is_behind_a_job_can_be_refused(slept):
    http = Http(offloads=True)
    http.receive(get(b"/offload/1") + b"\0")
    assert http.job().startswith(ok(b"done") + b"HTTP/1.1 400 Bad Request\r\n")
    assert http.closed
    assert http.lingers


def test_only_offload_is_a_job(slept):
    http = Http(offloads=True)
    assert http.receive(get(b"/block/1")) == ok(b"done")
    assert http.receive(get(b"/offload/1", method=b"DELETE")) == wrong_method(b"GET, HEAD")
    assert http.job is None


def test_a_head_without_a_body_is_a_job_as_well(slept):
    http = Http(offloads=True)
    assert http.receive(get(b"/offload/1", method=b"HEAD")) == b""
    assert http.job() == ok(b"done")[:-4]


def test_jobs_off_one_connection_do_not_change_another():
    one, other = Http(offloads=True), Http(offloads=True)
    one.receive(QUESTION[:30])
    assert other.receive(QUESTION) == ANSWER
    assert one.receive(QUESTION[30:]) == ANSWER


def test_many_pipelined_requests_cost_their_own_time_only():
    count = 2000
    assert talk([QUESTION * count])[0] == ANSWER * count
