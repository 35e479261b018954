"""What only HTTP has: the table of lab.http_cases, the paths that work or wait, and the limit.

A framework parses for itself. Where the RFCs leave the choice to a server it may choose otherwise,
and `freely` says so, once: a refusal may have any status from 400 on, or be an end without a word;
behind a 400 nothing may be answered, as nobody knows where the next request begins, while behind
another refusal the talk may go on; a 100 may come or not; and a server may always hang up. What
differs even so is in lab.http_differences.
"""

import socket
import time
from contextlib import suppress

from lab import served, wire
from lab.backends.contract import WrongAnswer
from lab.conformance.subject import CasesFailed, Subject, end_well, excused
from lab.http_cases import BODY, CASES, HttpCase, fits, statuses
from lab.http_differences import DIFFERENCES
from lab.messages import message
from lab.replies import Reply, canonical
from loadtests.engine import paths as lab_paths

AT_ONCE_MS = 5  # a server that hangs up, or says too much, does so right behind its answer
PATIENCE = 0.5  # seconds for a framework that neither answers nor hangs up
SIZES = (0, 1, 65_536, 1 << 20, BODY)  # bytes of an answer
CONTINUE = 100
REFUSED = 400  # and above
OFFLOADED_MS = 300  # of waiting
SERVED_S = 0.15  # half of that: an answer in less did not wait for it


def table(subject: Subject) -> int:
    """Hold every row over a connection of its own."""
    failed = {}
    left_out = {*differing(subject.name), *excused(subject.server, "http-table")}
    rows = {name: case for name, case in CASES.items() if name not in left_out}
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


def differing(server: str) -> dict[str, str]:
    """Return the rows that are not held against a server, and why."""
    found = DIFFERENCES.get(server, {})
    return {row: why for why, rows in found.items() for row in rows}


def _hold(subject: Subject, case: HttpCase) -> str:
    exact = subject.target.exact
    with wire.connect(subject.target, raw=True) as client:
        found, ended = _answers(client, case, 0.0 if exact else PATIENCE)
        if not exact:
            return freely(case, statuses(found), ended=ended)
        if not fits(case, found):
            return f"{statuses(found)} where {case.statuses} was due"
        if ended != case.closes:
            return "it hung up" if ended else "it did not hang up"
        return ""


def _answers(client: wire.Client, case: HttpCase, patience: float) -> tuple[bytes, bool]:
    """Return all that came, and whether the server hung up by itself."""
    found = b""
    if case.statuses:
        found = wire.talk(
            client,
            case.request,
            lambda found: not case.closes and fits(case, bytes(found)),
            patience=patience,
        )
    else:  # nothing is due
        client.sendall(case.request)
    ended = wire.ended(client, AT_ONCE_MS)
    with suppress(ConnectionError):
        client.shutdown(socket.SHUT_WR)
        found += wire.read_all(client)
    return found, ended


def freely(case: HttpCase, got: tuple[int, ...], *, ended: bool) -> str:
    """What a server of another make may not do all the same; empty: it is well."""
    due = tuple(status for status in case.statuses if status != CONTINUE)
    got = tuple(status for status in got if status != CONTINUE)
    if due and case.closes and due[-1] >= REFUSED:
        before, found = got[: len(due) - 1], got[len(due) - 1 :]
        refused = found[0] >= REFUSED if found else ended
        well = before == due[:-1] and refused and (len(found) <= 1 or due[-1] != REFUSED)
    else:
        well = got == due or (ended and got == due[: len(got)])
    return "" if well else f"{got} where {due} was due" + (", then the end" if ended else "")


def paths(subject: Subject) -> int:
    """Answers of all sizes, work and waits: each as it must be, alone and in a pipeline."""
    asked = [(b"GET /bytes/%d", n, b"x" * n) for n in SIZES]
    asked += [(b"GET /cpu/%d", 100, b"done"), (b"GET /block/%d", 1, b"done")]
    asked += [(b"GET /offload/%d", 20, b"done"), (b"GET /bytes/%d", 3, b"xxx")]
    asked += [(b"GET /offload/%d", 1, b"done")] * 2
    asked = [each for each in asked if subject.has((each[0] % each[1])[4:].decode())]
    asked += [
        _ask(path) for path in served.examples(subject.server.paths) if path != lab_paths.ECHO
    ]
    with wire.client(subject.target, subject.protocol) as client:
        for path, number, body in asked:
            wire.compare(wire.pump(client, request(path % number), len(ok(body))), ok(body))
        glued = b"".join(request(path % number) for path, number, _ in asked)
        answers = b"".join(ok(body) for _, _, body in asked)
        wire.compare(wire.pump(client, glued, len(answers)), answers)
    return 2 * len(asked)


def _ask(path: str) -> tuple[bytes, int, bytes]:
    """A declared path that has to be asked for by its own number."""
    name, _, number = path.rpartition("/")
    return f"GET {name}/%d".encode(), int(number), lab_paths.exchange(path, b"")[2]


def too_large(subject: Subject) -> None:
    """A body one byte too long is refused with 413, and a client that still sends reads so."""
    question = message("http", bytes(BODY + 1))[0]
    with wire.connect(subject.target, raw=True) as client:
        if subject.target.exact:  # refused by its head; the rest is read away, and no reset comes
            client.sendall(question[: wire.STILL_SENT])
            found = wire.read_all(client)
        else:
            found = wire.talk(client, question, lambda found: b"\r\n\r\n" in found)
        if statuses(found) != (413,):
            raise WrongAnswer(f"{found[:40]!r} where a 413 was due")


def reset_during_work(subject: Subject) -> None:
    """A client resets while its work is done elsewhere, or here: nobody else sees it."""
    for path in (b"GET /offload/50", b"GET /block/50"):
        with wire.connect(subject.target) as client:
            client.sendall(request(path))
            wire.reset(client)
        subject.target.verify(subject.protocol)


def half_close_during_work(subject: Subject) -> None:
    """A client ends its side while its work is done: the answer must come all the same."""
    with wire.connect(subject.target) as client:
        client.sendall(request(b"GET /offload/50"))
        client.shutdown(socket.SHUT_WR)
        wire.expect(client, ok(b"done"))
        wire.expect_end(client)


def half_close_long_answer(subject: Subject) -> None:
    """A client asks for much, ends its side, and takes its time: it must have every byte."""
    answer = ok(b"x" * BODY)
    with wire.connect(subject.target, slow=True) as client:
        client.sendall(request(b"GET /bytes/%d" % BODY))
        client.shutdown(socket.SHUT_WR)
        time.sleep(wire.JAM)  # it does not read: the ways are full, and the end of its side is seen
        wire.compare(wire.pump(client, b"", len(answer)), answer)
        wire.expect_end(client)


def sigterm_during_work(subject: Subject) -> None:
    """SIGTERM comes while work is done: its answer comes whole before the end."""
    with subject.another() as target, wire.client(target, subject.protocol) as client:
        client.sendall(subject.spoken.question)
        wire.expect(client, subject.spoken.answer)
        client.sendall(request(b"GET /offload/100"))
        end_well(target)
        wire.expect(client, ok(b"done"))


def offload(subject: Subject) -> str:
    """Say who is served while /offload waits: a fact, and neither right nor wrong."""
    if not subject.has(f"/offload/{OFFLOADED_MS}"):
        return "it has no such path"
    if subject.at_once == 1:
        return "one client at once, so the others wait"
    with wire.connect(subject.target) as busy, wire.client(subject.target, "http") as other:
        busy.sendall(request(b"GET /offload/%d" % OFFLOADED_MS))
        began = time.monotonic()
        other.sendall(subject.spoken.question)
        wire.expect(other, subject.spoken.answer)
        waited = time.monotonic() - began
        wire.expect(busy, ok(b"done"))
    return "the others are served" if waited < SERVED_S else "the others wait"


def request(start: bytes) -> bytes:
    return start + b" HTTP/1.1\r\nHost: lab\r\n\r\n"


def ok(body: bytes) -> bytes:
    """Return a good answer as our HTTP says it."""
    return canonical(Reply(200, {}, body))
