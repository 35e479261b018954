"""A Docker engine in memory: containers are sleeping processes, every call is written down."""

import itertools
import signal
import socket
import struct
import subprocess
from types import SimpleNamespace

from docker.errors import APIError, NotFound

LISTENING = b'{"listening": 20000}\n'


def refusal(why):
    return APIError("409 Client Error", explanation=why)


def frame(stream, data):
    return struct.pack(">BxxxI", stream, len(data)) + data


class FakeContainer:
    """says: what comes over the attached stream, then it stays open unless `dies`."""

    numbers = itertools.count(1)

    def __init__(self, engine, given):
        self.engine, self.given = engine, given
        self.id = f"{next(self.numbers):064x}"
        self.calls = []
        self.process = self.stream = None
        self.code = 0
        self.attrs = {"State": {}, "Config": {"Labels": given["labels"]}}

    def attach_socket(self, params):
        ours, theirs = socket.socketpair()
        self.stream = ours
        return theirs

    def start(self):
        self.calls.append("start")
        self.engine.maybe("start")
        self.process = subprocess.Popen(["sleep", "60"], start_new_session=True)
        self.attrs["State"] = {"Pid": self.process.pid, **self.engine.state}
        for piece in self.engine.says if self.stream else ():
            self.stream.sendall(piece)
        if self.engine.dies is not None:
            self.code = self.engine.dies
            self.end()

    def end(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        if self.stream:
            self.stream.close()

    def reload(self):
        self.calls.append("reload")

    def kill(self, name):
        self.calls.append(name)
        if self.process.poll() is not None:
            raise refusal("is not running")
        if name not in self.engine.deaf:
            self.process.send_signal(signal.Signals[name])

    def pause(self):
        self.calls.append("pause")

    def unpause(self):
        self.calls.append("unpause")

    def wait(self, timeout):
        self.process.wait(timeout)
        return {"StatusCode": self.code or self.engine.code}

    def logs(self, *, stdout, stderr, tail=None):
        return self.engine.stdout if stdout else self.engine.stderr

    def remove(self, *, force, v):
        self.calls.append("remove")
        self.end()
        if self not in self.engine.held:
            raise NotFound("gone")
        self.engine.held.remove(self)


class FakeNetwork:
    def __init__(self, engine, name, given):
        self.engine, self.name, self.given = engine, name, given
        config = given["ipam"]["Config"]
        self.attrs = {"Labels": given["labels"], "IPAM": {"Config": config}}
        self.subnet = config[0]["Subnet"]

    def remove(self):
        self.engine.nets.remove(self)


class FakeEngine:
    """The part of the SDK's client that the lab uses."""

    def __init__(self):
        self.held, self.nets, self.created = [], [], []
        self.says, self.dies, self.deaf, self.code = [frame(1, LISTENING)], None, set(), 0
        self.stdout, self.stderr = LISTENING + b'{"refused": 3}\n', b""
        self.state, self.fails, self.overlaps = {}, {}, set()
        self.api = SimpleNamespace(create_endpoint_config=lambda **given: given)
        self.containers = SimpleNamespace(create=self.create, list=self.list)
        self.networks = SimpleNamespace(create=self.network, list=self.list_networks)

    def maybe(self, step):
        if step in self.fails:
            raise self.fails.pop(step)

    def ping(self):
        self.maybe("ping")

    def create(self, image, **given):
        self.maybe("create")
        made = FakeContainer(self, {"image": image, **given})
        self.held.append(made)
        self.created.append(made)
        return made

    def list(self, *, all, filters, ignore_removed):  # noqa: A002
        return [one for one in self.held if marked(one.given["labels"], filters["label"])]

    def network(self, name, **given):
        self.maybe("network")
        made = FakeNetwork(self, name, given)
        if made.subnet in self.overlaps:
            raise refusal("Pool overlaps with other one on this address space")
        self.nets.append(made)
        return made

    def list_networks(self, filters=None):
        mark = (filters or {}).get("label", "")
        return [one for one in self.nets if not mark or marked(one.attrs["Labels"], mark)]


def marked(labels, mark):
    name, given, value = mark.partition("=")
    return name in labels and (not given or labels[name] == value)
