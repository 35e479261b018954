"""Twisted: a reactor by that name, with transports and protocols as asyncio has them today.

What waits       the reactor, in epoll_wait(), for all clients together.
Served meanwhile whoever is ready, one callback after the other; jobs run in a pool of threads.
One more client  costs a transport and a protocol; each answer a wake, to be told "you may write".
Breaks           where a callback waits or computes. It reads on until 64 KiB of answers are unsent.
"""

# ruff: noqa: N802 Twisted's names
import socket
from contextlib import suppress

from twisted.internet.abstract import FileDescriptor
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.main import installReactor
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Server
from twisted.internet.threads import deferToThread
from zope.interface import implementer

from servers.core.contract import Connection, NewConnection
from servers.core.rest import Rest


def serve(listener: socket.socket, new_connection: NewConnection, workers: int) -> None:
    del workers
    listener.setblocking(False)
    reactor = EPollReactor()
    installReactor(reactor)

    def accept() -> None:
        with suppress(BlockingIOError):
            client, address = listener.accept()
            talk = Talk(new_connection(offloads=True))
            talk.makeConnection(Server(client, talk, address, None, 0, reactor))

    door = FileDescriptor(reactor)  # not a Port: that would not count whom it refuses
    door.fileno, door.doRead = listener.fileno, accept
    door.startReading()
    reactor.run(installSignalHandlers=False)


@implementer(IHalfCloseableProtocol)
class Talk(Protocol):  # type: ignore[misc] # Twisted's types are not followed
    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def connectionMade(self) -> None:  # to the transport: stop reading while too much is unsent
        self.transport.registerProducer(self.transport, streaming=True)

    def dataReceived(self, data: bytes) -> None:
        self.send(self.connection.receive(data))

    def readConnectionLost(self) -> None:
        self.send(self.connection.receive(b""))

    def writeConnectionLost(self) -> None:
        """Our side has ended, as asked for."""

    def send(self, answer: bytes) -> None:
        self.transport.write(answer)
        if not self.connection.job and not self.connection.closed:
            return
        self.transport.unregisterProducer()  # or it would read on, or wait for more to send
        if self.connection.job:
            self.transport.pauseProducing()
            deferToThread(self.connection.job).addCallback(self.job_done)
        elif self.connection.lingers:
            self.connection = Rest()
            self.transport.loseWriteConnection()  # once all is sent
            self.transport.resumeProducing()
        else:
            self.transport.loseConnection()

    def job_done(self, answer: bytes) -> None:
        if self.transport.connected:  # or else the client has gone meanwhile
            self.connectionMade()
            self.transport.resumeProducing()
            self.send(answer)
