"""A connection with a mistake on top: what a broken server makes in the place of the real one."""


class Wrapped:
    """Passes everything on; a subclass does one thing wrongly."""

    def __init__(self, new_connection, *, offloads=False):
        self.connection = new_connection(offloads=offloads)

    @classmethod
    def around(cls, new_connection):
        return lambda *, offloads=False: cls(new_connection, offloads=offloads)

    @property
    def closed(self):
        return self.connection.closed

    @property
    def lingers(self):
        return self.connection.lingers

    @property
    def job(self):
        return self.connection.job

    def receive(self, data):
        return self.connection.receive(data)
