"""The engine as a process, small servers that do one thing right or wrong, short orders."""

import contextlib
import importlib
import json
import os
import socket
import subprocess
import sys
import threading

import pytest

from lab.record import EngineResult
from loadtests.engine import compiled
from servers.catalog import PROTOCOLS

ROOT = __file__.rsplit("/tests/", 1)[0]


class Server:
    """Serves each client in a thread with `behave(client, number)`; counts what it saw."""

    def __init__(self, behave):
        self.behave = behave
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # clients inherit it
        self.address = self.listener.getsockname()
        self.accepted = 0
        self.gone = threading.Semaphore(0)  # released once per client that is served no more
        self.clients = []
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            self.clients.append(client)
            thread = threading.Thread(target=self._serve, args=(client, self.accepted - 1))
            self.threads.append(thread)
            thread.start()

    def _serve(self, client, number):
        with client, contextlib.suppress(OSError):
            self.behave(client, number)
        self.gone.release()

    def wait_until_gone(self, clients):
        for _ in range(clients):
            assert self.gone.acquire(timeout=10)

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.threads[0].join()
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()


def echo(client, number):
    while data := client.recv(65536):
        client.sendall(data.upper())


def talk(protocol):
    """The server's side of one connection in a protocol, as the lab's own servers speak it."""
    module, _, name = PROTOCOLS[protocol].connection.partition(":")
    return getattr(importlib.import_module(module), name)()


@pytest.fixture
def speak():
    """speak(protocol, send) → a behaviour; send(client, answer, turn): false to hang up."""

    def make(protocol, send=lambda client, answer, turn: client.sendall(answer) or True):
        def behave(client, number):
            connection, turn = talk(protocol), 0
            if PROTOCOLS[protocol].hello:
                client.sendall(connection.receive(client.recv(65536)))
            while data := client.recv(65536):
                if answer := connection.receive(data):
                    turn += 1
                    if not send(client, answer, turn):
                        return

        return behave

    return make


@pytest.fixture
def serve():
    """serve(behave) → a running Server."""
    with contextlib.ExitStack() as stack:

        def start(behave=echo):
            server = Server(behave)
            stack.callback(server.close)
            return server

        yield start


class Engine:
    """The process, and the conversation with it."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "loadtests.engine"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def say(self, **command):
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        self.process.stdin.flush()

    def hear(self):
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read().decode()
        return json.loads(line)

    def prepare(self, order):
        self.say(prepare=order)
        return self.hear()

    def finish(self, order):
        """Hear until the trial is over; returns (EngineResult, deltas)."""
        deltas = []
        while (event := self.hear())["event"] == "delta":
            deltas.append(event)
        assert event["event"] == "done", event
        assert event["trial"] == order["trial"]
        return EngineResult.model_validate(event["result"]), deltas

    def run(self, order):
        """A whole trial, with what must hold for every one of them."""
        self.ready = self.prepare(order)
        assert self.ready["event"] == "ready", self.ready
        self.say(go=order["trial"], start_ns=None)
        started = self.hear()
        assert started["event"] == "started"
        result, deltas = self.finish(order)
        assert list(result.window) == started["window"]
        assert result.core == os.environ["LAB_ENGINE_CORE"]
        conserve(result, deltas)
        return result

    def close(self):
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait()


def conserve(result, deltas):
    """Conservation: every request has one fate, and everyone counts the same."""
    assert [delta["seq"] for delta in deltas] == list(range(1, result.deltas + 1))
    handed_over = 0
    for name, measured in result.classes.items():
        total, window = measured.total, measured.window
        assert total.scheduled == total.completed + sum(total.failed.values()) + total.abandoned
        assert total.sent == total.scheduled - total.failed.get("unsent", 0)
        for histogram in (window.response, window.service, window.lag, window.first_byte):
            assert histogram.count == window.completed
            assert sum(times for _, times in histogram.buckets) == histogram.count
        assert window.response.sum == window.service.sum + window.lag.sum
        mine = [delta["classes"][name] for delta in deltas if name in delta["classes"]]
        completed = sum(sum(delta["counts"].values()) for delta in mine)
        failed = sum(sum(delta["failed"].values()) for delta in mine)
        abandoned = sum(delta.get("abandoned", 0) for delta in mine)
        assert (completed, failed) == (total.completed, sum(total.failed.values()))
        assert abandoned == total.abandoned
        assert sum(delta["bytes_received"] for delta in mine) == total.bytes_received
        handed_over += completed + failed + abandoned
    assert handed_over == result.delta_requests
    stamps = [at for at, _ in result.marks]
    counts = [count for _, count in result.marks]
    assert stamps == sorted(set(stamps))
    assert counts == sorted(counts)
    assert counts[-1] == sum(measured.total.completed for measured in result.classes.values())
    assert all(low <= at for low, at in zip(result.window, result.crossed, strict=True))
    assert result.waits >= result.full >= 0


@pytest.fixture
def check():
    return conserve


@pytest.fixture(params=[core for core in compiled.CORES if core != "auto"])
def core(request, monkeypatch):
    """Every trial is held on both cores; in CI the compiled one must be there."""
    if request.param == "compiled" and compiled.fast is None and not os.environ.get("CI"):
        pytest.skip("the compiled core is not built: make setup")
    monkeypatch.setenv("LAB_ENGINE_CORE", request.param)
    return request.param


@pytest.fixture
def engine(core):
    running = Engine()
    yield running
    running.close()


@pytest.fixture
def new_engine(core):
    """For tests that need more than one, or watch one die."""
    with contextlib.ExitStack() as stack:

        def start():
            running = Engine()
            stack.callback(running.close)
            return running

        yield start


@pytest.fixture
def order(core):
    """order(server, long={...}, ...) → an order for a trial of a quarter of a second."""

    def make(
        server,
        *,
        trial="a trial",
        protocol="echo",
        timing=(0.05, 0.15, 0.05),
        seed=1,
        share=None,
        **classes,
    ):
        made = {
            "trial": trial,
            "target": list(server.address),
            "protocol": protocol,
            "classes": classes,
            "seed": seed,
            "timing": dict(zip(("warm_up", "window", "cool_down"), timing, strict=True)),
            "cpu": None,
        }
        return made | ({"share": share} if share else {})

    return make


@pytest.fixture
def closed_port():
    """An address at which nobody listens, and nobody will."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield type("Nobody", (), {"address": taken.getsockname()})
