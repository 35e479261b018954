"""io_uring, the proactor: order what is to be done with which buffer; be told when it is done.

What waits       the only thread, in io_uring_enter(): orders in, results out, for all clients.
Served meanwhile whoever has something done, one after the other.
One more client  costs a buffer that waits with it: who is told "you may read" can share one, but
                 "I have read" needs to know where to. Its pages are real from the first bytes on.
Breaks           at the open-file limit; and where it is forbidden, as in many containers (seccomp).
"""

import errno
import socket
from dataclasses import dataclass

from servers.core.contract import GONE, Connection, NewConnection, refuse
from servers.core.listener import NO_DESCRIPTOR, Listener
from servers.core.rest import half_close
from servers.core.ring import SMALL, Buffer, Ring, checked


@dataclass(slots=True)
class Talk:
    """One client. The kernel has one order for it at a time: a result says how that has ended."""

    client: socket.socket
    connection: Connection
    buffer: Buffer
    sending: bool = False

    def go_on(self, ring: "Ring[Talk | None]", done: int) -> bool:
        """An answer has been sent, or so many bytes received. False: the talk is over."""
        client, connection = self.client.fileno(), self.connection
        answer = b"" if self.sending else connection.receive(self.buffer.memory[:done])
        self.sending = bool(answer) and (connection.closed or len(answer) > SMALL)
        if self.sending:
            ring.send(client, answer, self)
        elif answer:
            ring.answer(client, answer, self.buffer, self)
        elif connection.closed and not connection.lingers:
            return False
        else:
            if connection.closed:
                self.connection = half_close(self.client)
            ring.receive(client, self.buffer, self)
        return True


def serve(listener: Listener, new_connection: NewConnection, workers: int) -> None:
    del workers
    ring: Ring[Talk | None] = Ring()
    spare: list[Buffer] = []
    full = False  # no descriptor is left, so the next client gets the reserve's: see Listener
    ring.accept(listener.fileno(), None)

    def come(descriptor: int) -> None:
        client = socket.socket(listener.family, listener.type, listener.proto, descriptor)
        if full and not listener.hold_reserve():
            refuse(client)
            listener.hold_reserve()
            return
        talk = Talk(client, new_connection(), spare.pop() if spare else Buffer())
        ring.receive(descriptor, talk.buffer, talk)

    while True:
        for talk, done in ring.wait():
            if talk is None:
                if -done not in {*NO_DESCRIPTOR, errno.ECONNABORTED}:
                    come(checked(done))
                full = -done in NO_DESCRIPTOR
                if full:
                    listener.drop_reserve()
                ring.accept(listener.fileno(), None)
                continue
            try:
                if talk.go_on(ring, checked(done)):
                    continue
            except GONE:
                pass
            talk.client.close()
            spare.append(talk.buffer)
