"""The process of plain Locust users, and the conversation with it. Shared by its tests."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from lab.record import EngineResult

ROOT = Path(__file__).parents[2]


class Users:
    """Like the load engine of tests.engine.conftest, for one trial."""

    def __init__(self, *words, locustfiles=""):
        self.log = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "loadtests.greenlets", *words],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LAB_LOCUSTFILES": locustfiles},
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

    def finish(self):
        """Hear until the trial is over; returns (EngineResult, deltas)."""
        deltas = []
        while (event := self.hear())["event"] == "delta":
            deltas.append(event)
        assert event["event"] == "done", event
        return EngineResult.model_validate(event["result"]), deltas

    def run(self, order):
        """A whole trial, with what must hold for every one of them."""
        self.ready = self.prepare(order)
        assert self.ready["event"] == "ready", self.ready
        self.say(go=order["trial"], start_ns=None)
        started = self.hear()
        assert started["event"] == "started"
        result, deltas = self.finish()
        assert list(result.window) == started["window"]
        conserve(result, deltas)
        return result

    def close(self):
        """End it; `log` is what it wrote to standard error. Harmless when it has ended."""
        if self.process.stderr.closed:
            return
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdin = None
        try:
            self.log = self.process.communicate(timeout=10)[1].decode()
        finally:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdout, self.process.stderr):
                pipe.close()


def conserve(result, deltas):
    """Every request has one fate, and everyone counts the same."""
    assert [delta["seq"] for delta in deltas] == list(range(1, result.deltas + 1))
    handed_over = 0
    for name, measured in result.classes.items():
        total, window = measured.total, measured.window
        assert total.scheduled == total.completed + sum(total.failed.values())
        assert window.response.count == window.service.count == window.completed
        mine = [delta["classes"][name] for delta in deltas if name in delta["classes"]]
        completed = sum(sum(delta["counts"].values()) for delta in mine)
        failed = sum(sum(delta["failed"].values()) for delta in mine)
        assert (completed, failed) == (total.completed, sum(total.failed.values()))
        assert sum(delta["bytes_received"] for delta in mine) == total.bytes_received
        handed_over += completed + failed
    assert handed_over == result.delta_requests
    counts = [count for _, count in result.marks]
    assert counts == sorted(counts)
    assert counts[-1] == sum(measured.total.completed for measured in result.classes.values())
    assert all(low <= at for low, at in zip(result.window, result.crossed, strict=True))


def order(server, driver="greenlets", *, protocol="echo", timing=(0.05, 0.2, 0.05), **classes):
    """An order for a trial of a third of a second."""
    return {
        "trial": "a trial",
        "target": list(server.address),
        "protocol": protocol,
        "classes": classes,
        "seed": 1,
        "timing": dict(zip(("warm_up", "window", "cool_down"), timing, strict=True)),
        "cpu": None,
        "driver": driver,
    }
