"""WebSocket (RFC 6455), version 13: every message comes back as it is, in one frame of its type.

The handshake and the frames are the library's (websockets.server, its part without I/O). Ours is
what it leaves to its user: to join fragments, to check text, to refuse in full, to say when to hang
up. No extension (so no compression) and no subprotocol is agreed to; any path will do.

Rules: answers keep the order of what they answer, however the bytes were cut on their way; what
came before a fault is answered before the connection is failed (section 7.1.7).
"""

import codecs
import logging
from http import HTTPStatus

from websockets.exceptions import InvalidHeader, InvalidHeaderValue, PayloadTooBig
from websockets.frames import BINARY, CLOSE, CONT, TEXT, Frame
from websockets.http11 import Request, Response
from websockets.protocol import CONNECTING, OPEN
from websockets.server import ServerProtocol

from servers.core.contract import Job

MESSAGE_LIMIT = 16 << 20  # bytes; a longer one is refused with 1009, section 7.4.1
CONTROL_LIMIT = 125  # bytes of payload, section 5.5
END_OF_HEAD = b"\r\n\r\n"
MUTE = logging.Logger(  # noqa: LOG001 - in no hierarchy: nobody can switch it on
    __name__, logging.CRITICAL + 1
)

incremental_utf8 = codecs.getincrementaldecoder("utf-8")


class _Echo(ServerProtocol):
    """The library's half, made to answer each frame where it is read: that keeps the order.

    What recv_frame() raises, the library turns into the close frame that says so.
    """

    def __init__(self) -> None:
        # The library counts a control frame between fragments as a part of their message. So it
        # is told a limit that leaves room for one, and the exact limit is kept here.
        super().__init__(max_size=MESSAGE_LIMIT + CONTROL_LIMIT, logger=MUTE)
        self.message = bytearray()  # the fragments so far, and what the first one said they are
        self.kind = CONT
        self.decoder = incremental_utf8()  # fresh again after the last fragment of each text

    def process_request(self, request: Request) -> tuple[str, str | None, str | None]:
        if len(request.headers.get_all("Host")) != 1:  # left to its user by the library
            raise InvalidHeader("Host", "not exactly one")
        return super().process_request(request)

    def accept(self, request: Request) -> Response:
        response = super().accept(request)
        fault = self.handshake_exc
        if isinstance(fault, InvalidHeaderValue) and fault.name == "Sec-WebSocket-Version":
            response = self.reject(HTTPStatus.UPGRADE_REQUIRED, f"{fault}.\n")
            response.headers["Upgrade"] = "websocket"
            response.headers["Sec-WebSocket-Version"] = "13"  # section 4.4
        if response.status_code == HTTPStatus.UPGRADE_REQUIRED:
            response.headers["Connection"] = "Upgrade"  # one more line of it, RFC 9110 section 7.8
        return response

    def send_response(self, response: Response) -> None:
        response.headers.pop("Date", None)  # a protocol has no clock, RFC 9110 section 6.6.1
        super().send_response(response)

    def recv_frame(self, frame: Frame) -> None:
        opcode = frame.opcode
        if opcode is CLOSE:
            self.current_size = None  # it may come between fragments (5.4); the library says 1002
        super().recv_frame(frame)  # answers control frames, and knows what may follow what
        self.events.clear()
        if opcode is CONT or not frame.fin:  # a control frame is always final
            self._join(frame)
        elif opcode is BINARY or opcode is TEXT:
            if len(frame.data) > MESSAGE_LIMIT:
                raise PayloadTooBig(len(frame.data), MESSAGE_LIMIT)
            if opcode is TEXT:
                codecs.utf_8_decode(frame.data, "strict", True)
            self.send_frame(frame)

    def _join(self, frame: Frame) -> None:
        if frame.opcode is not CONT:
            self.kind = frame.opcode
        if len(self.message) + len(frame.data) > MESSAGE_LIMIT:
            raise PayloadTooBig(len(self.message) + len(frame.data), MESSAGE_LIMIT)
        if self.kind is TEXT:  # each fragment as it comes: 1007 as soon as one cannot be right
            self.decoder.decode(frame.data, frame.fin)
        self.message += frame.data
        if frame.fin:
            self.send_frame(Frame(self.kind, self.message))
            self.message.clear()


class WebSocket:
    """One client's talk. Refused or failed, it `lingers`, so that the client can read why."""

    job: Job | None = None

    def __init__(self, *, offloads: bool = False) -> None:
        del offloads  # there is nothing to wait for
        self.closed = False
        self.lingers = False
        self._protocol = _Echo()
        self._tail = b""  # the last bytes of the handshake so far: its end may come in pieces

    def receive(self, data: bytes) -> bytes:
        if self.closed:
            return b""  # 7.1.7: nothing is processed any more
        if not data:
            self.closed = True  # nothing is owed: each frame was answered when it had come whole
            return b""
        if self._protocol.state is CONNECTING:
            return self._open(data)
        self._protocol.receive_data(data)
        return self._said()

    def _said(self) -> bytes:
        writes = self._protocol.data_to_send()
        if writes and not writes[-1]:  # the library's sign for "then hang up"
            self.closed = True
            self.lingers = bool(self._protocol.parser_exc or self._protocol.handshake_exc)
        return b"".join(writes)

    def _open(self, data: bytes) -> bytes:
        """Give the library the handshake and no byte more: it would read on, not yet asked to."""
        protocol, tail = self._protocol, self._tail
        seen = tail + data
        end = seen.find(END_OF_HEAD)
        here = len(data) if end < 0 else end + len(END_OF_HEAD) - len(tail)
        self._tail = seen[1 - len(END_OF_HEAD) :]
        protocol.receive_data(data[:here])
        for request in protocol.events_received():
            assert isinstance(request, Request)
            protocol.send_response(protocol.accept(request))
        answer = self._said()
        if self.closed and not answer:  # what is no HTTP, the library leaves without a word
            answer = _bad_request(protocol)
        if protocol.state is OPEN and here < len(data):
            answer += self.receive(data[here:])
        return answer


def _bad_request(protocol: _Echo) -> bytes:
    response = protocol.reject(HTTPStatus.BAD_REQUEST, f"{protocol.handshake_exc}.\n")
    del response.headers["Date"]
    return response.serialize()
