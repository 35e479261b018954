"""A load engine that opens no socket: it speaks the real one's JSON lines with made-up, known
counts.

What it does wrong is the order's protocol: `echo` nothing; `die` SIGKILL after the first delta;
`refuse` a failed event; `garbage` a line that is not JSON; `hang` never done; `deaf` never done,
ignores aborts; `late` a delta after its last word.
"""

import json
import os
import select
import signal
import sys
import time
from typing import Any

DELTAS = 3
NS = 1_000_000_000


def requests(seed: int, share: int) -> int:
    """How many requests this engine claims to have completed: the tests' oracle."""
    return 1000 + seed + 7 * share


def failures(seed: int) -> int:
    return seed % 5


def say(**event: Any) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


class Engine:
    """Reads commands, plays one trial at a time."""

    def __init__(self) -> None:
        self.order: dict[str, Any] = {}
        self.buffer = b""

    def command(self, timeout: float | None) -> dict[str, Any] | None:
        """Return the next command, None after `timeout`; ends the process at end of file."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while b"\n" not in self.buffer:
            left = None if deadline is None else max(deadline - time.monotonic(), 0)
            if not select.select([0], [], [], left)[0]:
                return None
            data = os.read(0, 65536)
            if not data:
                raise SystemExit
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found

    def run(self) -> None:
        while True:
            command = self.command(None)
            assert command is not None
            if "prepare" in command:
                self.prepare(command["prepare"])
            elif "go" in command:
                self.go(command["start_ns"])
            elif "abort" in command:
                say(event="aborted", trial=command["abort"])

    def prepare(self, order: dict[str, Any]) -> None:
        assert "label" not in order
        self.order = order
        if order["protocol"] == "refuse":
            say(event="failed", trial=order["trial"], error="no such protocol")
            return
        asked = {kind: load["connections"] for kind, load in order["classes"].items()}
        say(
            event="ready",
            trial=order["trial"],
            established=asked,
            failed={kind: {} for kind in asked},
        )

    def go(self, start_ns: int | None) -> None:
        trial, how = self.order["trial"], self.order["protocol"]
        start = time.monotonic_ns() if start_ns is None else start_ns
        t0 = start + int(self.order["timing"]["warm_up"] * NS)
        t1 = t0 + int(self.order["timing"]["window"] * NS)
        say(event="started", trial=trial, window=[t0, t1])
        total = requests(self.order["seed"], self.order["share"][0])
        for number in range(DELTAS):
            self.delta(number, total)
            if how == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if how == "garbage":
                sys.stdout.write("Segmentation fault\n")
                sys.stdout.flush()
        while (left := (t1 - time.monotonic_ns()) / NS) > 0 or how in ("hang", "deaf"):
            command = self.command(left if left > 0 else 1.0)
            if command is not None and "abort" in command and how != "deaf":
                say(event="aborted", trial=trial)
                return
        say(event="done", trial=trial, result=self.result((t0, t1), total))
        if how == "late":
            self.delta(DELTAS, total)

    def delta(self, number: int, total: int) -> None:
        part = total // DELTAS + (total % DELTAS if number == 0 else 0)
        failed = {"reset": failures(self.order["seed"])} if number == 0 else {}
        counts = {"73": part // 2, "1234": part - part // 2}
        classes = {"long": {"counts": counts, "failed": failed, "bytes_received": 64 * part}}
        if number == 0:
            classes["idle"] = {"counts": {}, "failed": {}, "bytes_received": 0}
        now = time.time()
        say(
            event="delta",
            trial=self.order["trial"],
            seq=number,
            classes=classes,
            began=now - 0.1,
            ended=now,
        )

    def result(self, window: tuple[int, int], total: int) -> dict[str, Any]:
        failed = failures(self.order["seed"])
        counts = {
            "scheduled": total + failed,
            "sent": total + failed,
            "completed": total,
            "failed": {"reset": failed} if failed else {},
        }
        asked = self.order["classes"]["long"]["connections"]
        long = {"total": counts, "window": counts, "connections": {"asked": asked}}
        return {
            "engine": f"fake-{os.getpid()}",
            "trial": self.order["trial"],
            "window": window,
            "crossed": window,
            "classes": {"long": long},
            "marks": [(window[0] + n, n) for n in range(total)],
            "in_flight": [1] * 100,
            "in_flight_at_edges": (0, 0),
            "cpu_ns": 5,
            "waits": 3,
            "events": 9,
            "full": 1,
            "deltas": DELTAS,
            "delta_requests": total + failed,
        }


if __name__ == "__main__":
    Engine().run()
