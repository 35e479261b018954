"""Replies of other makes, read by their meaning: whole, cut anywhere, and glued together."""

import pytest

from lab.messages import frame_head, masked, message
from lab.replies import Canonical, Malformed, Replies
from servers.catalog import PROTOCOLS

SAID = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 6\r\n\r\nREADY?"
)
SAME = {
    "length": b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 6\r\nserver: x\r\n\r\nREADY?",
    "length, no reason": b"HTTP/1.1 200\r\nContent-Length: 6\r\n\r\nREADY?",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nREA\r\n3;x=y\r\nDY?\r\n0\r\nX-Trailer: z\r\n\r\n",
    "after a 100": b"HTTP/1.1 100 Continue\r\n\r\n" + SAID,
}


@pytest.mark.parametrize("raw", SAME.values(), ids=SAME)
def test_a_reply_is_said_as_ours_however_it_is_cut(raw):
    for place in range(1, len(raw)):
        canonical = Canonical()
        assert canonical.feed(raw[:place]) + canonical.feed(raw[place:]) == SAID


@pytest.mark.parametrize("raw", SAME.values(), ids=SAME)
def test_glued_replies_are_told_apart(raw):
    assert Canonical().feed(raw * 3) == SAID * 3


def test_a_reply_without_a_length_ends_with_the_connection():
    canonical = Canonical()
    assert canonical.feed(b"HTTP/1.0 200 OK\r\n\r\nREADY") == b""
    assert canonical.feed(b"?") == b""
    assert canonical.feed(b"") == SAID


@pytest.mark.parametrize(
    "raw", [b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 304 Not Modified\r\n\r\n"]
)
def test_some_statuses_have_no_body(raw):
    assert [len(reply.body) for reply in Replies().feed(raw * 2)] == [0, 0]


def test_an_answer_to_head_has_a_length_and_no_body():
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"
    assert [reply.status for reply in Replies(bodiless=True).feed(raw * 2)] == [200, 200]


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: six\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nName : x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"x" * 70_000,
    ],
)
def test_what_is_no_reply_is_said(raw):
    with pytest.raises(Malformed):
        Replies().feed(raw)


def test_half_a_reply_and_the_end_is_no_reply():
    replies = Replies()
    assert replies.feed(SAID[:-1]) == []
    with pytest.raises(Malformed, match="inside a reply"):
        replies.feed(b"")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_message_is_what_the_catalog_shows(protocol):
    spoken = PROTOCOLS[protocol]
    assert message(protocol, b"ready?") == (spoken.question, spoken.answer)


@pytest.mark.parametrize(
    ("size", "head"), [(125, 2), (126, 4), (65_535, 4), (65_536, 10), (16 << 20, 10)]
)
def test_a_length_is_said_in_the_shortest_way(size, head):
    assert len(frame_head(0x82, size)) == head


def test_a_mask_undoes_itself():
    assert masked(masked(b"any length at all")) == b"any length at all"
    assert masked(b"") == b""
