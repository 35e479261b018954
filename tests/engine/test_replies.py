"""Replies by what they say: each table is read whole, byte by byte and cut in two everywhere."""

import pytest

from loadtests.engine.replies import HEAD_LIMIT, LINE_LIMIT, Chunks, Judge, Reading, WrongReply

BODY = b"READY?"
FORESEEN = b"what our own servers say"
LENGTH, CHUNKED = b"Content-Length: 6", b"Transfer-Encoding: chunked"


def reply(*fields, status=b"HTTP/1.1 200 OK", body=BODY):
    return b"\r\n".join([status, *fields, b"", body])


RIGHT = {
    "our own words": reply(b"Content-Type: application/octet-stream", LENGTH),
    "a framework's": reply(b"date: Mon", b"server: uvicorn", b"content-length: 6"),
    "nothing but the length": reply(LENGTH),
    "no reason phrase": reply(LENGTH, status=b"HTTP/1.1 200"),
    "an empty reason phrase": reply(LENGTH, status=b"HTTP/1.1 200 "),
    "another reason phrase": reply(LENGTH, status=b"HTTP/1.1 200 All is well"),
    "the old version": reply(LENGTH, status=b"HTTP/1.0 200 OK"),
    "space around a value": reply(b"Content-Length:\t 6 \t"),
    "no space": reply(b"Content-Length:6"),
    "an empty field": reply(b"X:", LENGTH),
    "a field twice": reply(b"Vary: a", b"Vary: b", LENGTH),
    "a large head": reply(b"X: " + b"x" * (HEAD_LIMIT - 60), LENGTH),
    "one chunk": reply(CHUNKED, body=b"6\r\nREADY?\r\n0\r\n\r\n"),
    "a chunk a byte": reply(CHUNKED, body=b"1\r\nR\r\n4\r\nEADY\r\n01\r\n?\r\n0\r\n\r\n"),
    "chunks with extensions": reply(CHUNKED, body=b"6 ;a=b\r\nREADY?\r\n000;c\r\n\r\n"),
    "chunked, written large": reply(
        b"TRANSFER-ENCODING: Chunked", body=b"6\r\nREADY?\r\n0\r\n\r\n"
    ),
}
WRONG = {
    "another body": reply(LENGTH, body=b"ready?"),
    "another last byte": reply(LENGTH, body=b"READY!"),
    "a longer body": reply(b"Content-Length: 7", body=b"READY??"),
    "a shorter body": reply(b"Content-Length: 5", body=b"READY"),
    "an error": reply(LENGTH, status=b"HTTP/1.1 500 Internal Server Error"),
    "another success": reply(LENGTH, status=b"HTTP/1.1 206 Partial Content"),
    "go on": b"HTTP/1.1 100 Continue\r\n\r\n" + reply(LENGTH),
    "no length": reply(b"Content-Type: text/plain"),
    "no fields": reply(),
    "no number for a length": reply(b"Content-Length: six"),
    "a length with a sign": reply(b"Content-Length: +6"),
    "a length twice": reply(LENGTH, LENGTH),
    "two lengths": reply(LENGTH, b"Content-Length: 7"),
    "a length and chunks": reply(LENGTH, CHUNKED, body=b"6\r\nREADY?\r\n0\r\n\r\n"),
    "another coding": reply(b"Transfer-Encoding: gzip, chunked"),
    "another coding of the content": reply(b"Content-Encoding: gzip", LENGTH, body=b"\x1f\x8b----"),
    "something behind": reply(LENGTH) + b"!",
    "a second reply": reply(LENGTH) * 2,
    "something behind the chunks": reply(CHUNKED, body=b"6\r\nREADY?\r\n0\r\n\r\n!"),
    "too little in chunks": reply(CHUNKED, body=b"5\r\nREADY\r\n0\r\n\r\n"),
    "too much in chunks": reply(CHUNKED, body=b"7\r\nREADY??\r\n0\r\n\r\n"),
    "a wrong body in chunks": reply(CHUNKED, body=b"6\r\nREADY!\r\n0\r\n\r\n"),
    "more than the chunk's size": reply(CHUNKED, body=b"5\r\nREADY?\r\n0\r\n\r\n"),
    "no size of a chunk": reply(CHUNKED, body=b"six\r\nREADY?\r\n0\r\n\r\n"),
    "a negative chunk": reply(CHUNKED, body=b"-6\r\nREADY?\r\n0\r\n\r\n"),
    "a chunk's line without an end": reply(CHUNKED, body=b"6;" + b"x" * LINE_LIMIT),
    "trailers": reply(CHUNKED, body=b"6\r\nREADY?\r\n0\r\nX: y\r\n\r\n"),
    "a head too large": reply(b"X: " + b"x" * HEAD_LIMIT, LENGTH),
    "a head without an end": b"HTTP/1.1 200 OK\r\nX: " + b"x" * HEAD_LIMIT,
    "another version": reply(LENGTH, status=b"HTTP/2 200 OK"),
    "no status": reply(LENGTH, status=b"HTTP/1.1 OK"),
    "a space in front": reply(LENGTH, status=b" HTTP/1.1 200 OK"),
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "our words in small letters": b"http/1.1 200 ok\r\n\r\n",
    "a folded field": reply(b"X: a", b" b", LENGTH),
    "a field without a colon": reply(b"Date", LENGTH),
    "a space in front of the colon": reply(b"Content-Length : 6"),
    "a bare line feed": b"HTTP/1.1 200 OK\nContent-Length: 6\n\nREADY?" + b"x" * HEAD_LIMIT,
}


def judge():
    return Judge({FORESEEN: BODY})


def read(pieces, by=None):
    """Feed pieces to one reading; returns whether the last of them, and no other, ended it."""
    reading = Reading(by or judge(), FORESEEN)
    *found, last = [reading.feed(piece) for piece in pieces]
    assert not any(found)
    return last


def byte_by_byte(data):
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize("said", RIGHT.values(), ids=list(RIGHT))
def test_a_right_reply_however_it_comes(said):
    assert read([said])
    assert read(byte_by_byte(said))
    for cut in range(1, len(said), 1 + len(said) // 500):
        assert read([said[:cut], said[cut:]])


@pytest.mark.parametrize("said", RIGHT.values(), ids=list(RIGHT))
def test_the_beginning_of_a_right_reply_is_neither_whole_nor_wrong(said):
    """The end of the file is the link's business: there, what is not whole is short."""
    for cut in range(1, len(said), 1 + len(said) // 500):
        assert not read([said[:cut]])


@pytest.mark.parametrize("said", WRONG.values(), ids=list(WRONG))
def test_a_wrong_reply_however_it_comes(said):
    with pytest.raises(WrongReply):
        read([said])
    for cut in range(1, len(said), 1 + len(said) // 500):
        with pytest.raises(WrongReply):
            wrong_by_the_end([said[:cut], said[cut:]])
    with pytest.raises(WrongReply):
        wrong_by_the_end(byte_by_byte(said))


def wrong_by_the_end(pieces):
    """Like a link: what comes behind a whole reply is something nobody asked for."""
    reading, whole = Reading(judge(), FORESEEN), False
    for piece in pieces:
        if whole:
            raise WrongReply("nobody has asked")
        whole = reading.feed(piece)


def test_an_empty_body():
    for said in (reply(b"Content-Length: 0", body=b""), reply(CHUNKED, body=b"0\r\n\r\n")):
        assert read([said], Judge({FORESEEN: b""}))
        with pytest.raises(WrongReply):
            read([said + b"!"], Judge({FORESEEN: b""}))


def test_what_was_right_once_is_known_again_and_nothing_else_is():
    """Heads that change with each reply, bodies that belong to another question."""
    by = Judge({b"one": b"ONE", b"two": b"TWO"})
    for date in (b"Mon", b"Tue"):
        for _ in range(2):
            for question, body in by.bodies.items():
                said = reply(b"date: " + date, b"content-length: 3", body=body)
                assert Reading(by, question).feed(said)
                assert by.last[question] == said
                other = said.replace(body, body.lower())
                for pieces in ([other], byte_by_byte(other)):
                    with pytest.raises(WrongReply):
                        feed_all(Reading(by, question), pieces)
    with pytest.raises(WrongReply):
        Reading(by, b"one").feed(by.last[b"two"])


def feed_all(reading, pieces):
    for piece in pieces:
        reading.feed(piece)


def test_a_known_head_frames_the_next_body_as_it_framed_the_last():
    by = judge()
    for body in (b"6\r\nREADY?\r\n0\r\n\r\n", b"3\r\nREA\r\n3\r\nDY?\r\n0\r\n\r\n"):
        said = reply(CHUNKED, body=body)
        assert read([said], by)
        assert read(byte_by_byte(said), by)
    assert read([reply(LENGTH)], by)
    assert read([reply(CHUNKED, body=b"6\r\nREADY?\r\n0\r\n\r\n")], by)


def test_chunks_keep_what_comes_behind_them():
    chunks = Chunks()
    assert chunks.take(b"2\r\nab\r\n0\r\n\r\nHTTP/1.1") == b"ab"
    assert (chunks.ended, chunks.rest) == (True, b"HTTP/1.1")
