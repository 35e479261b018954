"""`server.setblocking(False)` makes all network calls non-blocking: on Linux it does not.

Looked at: the flag O_NONBLOCK of a socket that a non-blocking listener has accepted; and the notes'
NIO program: A connects and says nothing, B asks. Is B answered in a second?
Control: the same program with `conn.setblocking(False)` answers B.
Source: accept(2), NOTES: Linux does not inherit O_NONBLOCK.
"""

import os
import socket
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import ANSWER_S, SILENCE_S, ask, program


class Seen(NamedTuple):
    accepted_socket_blocks: bool
    answered_beside_a_silent_client: bool
    answered_by_the_mended_program: bool


def observe() -> Seen:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        listener.settimeout(ANSWER_S)
        listener.setblocking(False)
        accepted, _ = listener.accept()  # there: on loopback connect() returns when it is queued
        with accepted:
            blocks = os.get_blocking(accepted.fileno())
    return Seen(blocks, _second("nio", within=SILENCE_S), _second("nio", "mended"))


def judge(seen: Seen) -> Ruling:
    free = not seen.accepted_socket_blocks
    if free is not seen.answered_beside_a_silent_client:
        return Ruling(None, control=False)  # the flag and its effect disagree
    return Ruling(free, control=seen.answered_by_the_mended_program)


def _second(name: str, *arguments: str, within: float = ANSWER_S) -> bool:
    """Is the second client answered while the first is silent?"""
    with (
        program(name, *arguments) as address,
        socket.create_connection(address),
        socket.create_connection(address) as client,
    ):
        return ask(client, within)
