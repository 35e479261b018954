"""What only WebSocket has: the table of lab.websocket_cases, and the message that is too long."""

import socket
from functools import partial

from lab import wire
from lab.backends.contract import WrongAnswer
from lab.conformance.subject import CasesFailed, Subject, excused
from lab.messages import BINARY, MASK, MASKED, frame_head
from lab.websocket_cases import CASES, LIMIT, WebSocketCase, enough, fault

TABLE = "websocket-table"
SWITCHED = 101  # RFC 9110, section 15.2.2
TOO_BIG = b"\x03\xf1"  # 1009, RFC 6455, section 7.4.1


def table(subject: Subject) -> int:
    """Hold every row over a connection of its own."""
    failed = {}
    rows = {k: case for k, case in CASES.items() if k not in excused(subject.server, TABLE)}
    for name, case in rows.items():
        try:
            why = _hold(subject, case)
        except (WrongAnswer, OSError) as error:
            why = str(error) or type(error).__name__
        if why:
            failed[name] = why
    if failed:
        raise CasesFailed(len(rows), failed)
    return len(rows)


def _hold(subject: Subject, case: WebSocketCase) -> str:
    opening = wire.connect(subject.target)
    talking = opening if case.handshake else wire.greet(opening, subject.protocol)
    with talking as client:
        found = wire.talk(client, case.request, partial(enough, case))
        if case.close_code is not None or case.status not in {0, SWITCHED}:
            client.shutdown(socket.SHUT_WR)
            found += wire.read_all(client)  # it hangs up, and says no more
        return fault(case, found)


def too_large(subject: Subject) -> int:
    """A message that is too long is refused with 1009, and a client that still sends reads so."""
    whole = frame_head(BINARY, LIMIT + 1, MASKED) + MASK + bytes(LIMIT + 1)
    begun = frame_head(BINARY, 2 * LIMIT, MASKED) + MASK + bytes(wire.STILL_SENT)
    for frame in (whole, begun):
        with wire.client(subject.target, subject.protocol) as client:
            client.sendall(frame)
            found = wire.read_all(client)
        if found[:1] != b"\x88" or found[2:4] != TOO_BIG:
            raise WrongAnswer(f"{found[:20]!r} where a close frame with 1009 was due")
    return 2
