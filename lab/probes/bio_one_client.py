"""The notes' blocking server serves one client at a time.

Looked at: their program, to which A connects and says nothing; B connects and asks. Is B answered
in a second? And when A hangs up?
Control: with a thread for each client, B is answered at once.
Source: none needed; accept(2) is called again only when the inner loop has ended.
"""

import socket
from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import ANSWER_S, SILENCE_S, ask, program, serving


class Seen(NamedTuple):
    answered_beside_a_silent_client: bool
    answered_after_it_left: bool
    answered_by_threads: bool


def observe() -> Seen:
    with program("bio") as address:
        silent = socket.create_connection(address)
        with socket.create_connection(address) as client:
            beside = ask(client, SILENCE_S)
            silent.close()
            client.settimeout(ANSWER_S)
            afterwards = beside or client.recv(64) == b"ANYONE?"  # it has asked already
    with (
        serving("threads") as target,
        socket.create_connection(target.address),
        socket.create_connection(target.address) as client,
    ):
        return Seen(beside, afterwards, ask(client))


def judge(seen: Seen) -> Ruling:
    one_at_a_time = not seen.answered_beside_a_silent_client
    if not seen.answered_after_it_left:
        return Ruling(None, control=False)  # it answered nobody
    return Ruling(one_at_a_time, control=seen.answered_by_threads)
