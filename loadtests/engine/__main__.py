"""python -m loadtests.engine: JSON commands on stdin, JSON events on stdout, one a line.

command                          answer
{"prepare": ORDER}               {"event": "ready", "trial", "established", "failed"}
{"go": trial, "start_ns": n}     {"event": "started", "trial", "window"}, then "delta"s, then
                                 {"event": "done", "trial", "result"}; start_ns null or absent: now
{"finish": trial}                ends a live load well (`live`), or a trial's hold: "done" follows
{"abort": trial}                 {"event": "aborted", "trial"}; harmless where nothing is under way
anything else, or a failure      {"event": "failed", "trial", "error"}; ready for the next trial

stdin is a pipe; its end ends the process, whatever is under way, so it dies with its parent. SIGINT
is ignored: Ctrl-C reaches the whole group, and the parent decides. SIGTERM ends it.

Environment: LAB_ALLOW_TARGETS, see loadtests.targets: an order for anybody else fails.
LAB_ENGINE_CORE: auto, python or compiled, see `compiled`.
"""

import gc
import json
import os
import resource
import signal
import sys
import traceback
from types import FrameType
from typing import Any, NoReturn

from loadtests import targets
from loadtests.engine import compiled, order, timer
from loadtests.engine.live import LiveTrial
from loadtests.engine.trial import Trial

COMMAND_BYTES = 65536  # per read of stdin
STDIN = 0


def emit(event: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(event, separators=(",", ":")) + "\n")
    sys.stdout.flush()


class Commands:
    """Whole lines of stdin."""

    def __init__(self) -> None:
        self.ended = False
        self._rest = b""
        self._lines: list[bytes] = []

    def read(self) -> None:
        """Wait for something to read, and keep it."""
        data = os.read(STDIN, COMMAND_BYTES)
        self.ended = not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._lines += lines

    def take(self) -> list[bytes]:
        lines, self._lines = self._lines, []
        return [line for line in lines if line.strip()]


class Engine:
    """At most one trial at a time."""

    def __init__(self) -> None:
        self.commands = Commands()
        self.new_loop = compiled.choose(os.environ.get("LAB_ENGINE_CORE", "auto"))
        self.trial: Trial | None = None

    def run(self) -> None:
        while not self.commands.ended:
            try:
                self.step()
            except Exception as error:  # noqa: BLE001  # one trial fails, the process stays usable
                traceback.print_exc()
                self.fail(error)
        self.drop()

    def step(self) -> None:
        """Run the trial until it is finished or somebody says something; without one, listen."""
        if self.trial is None:
            self.commands.read()
        else:
            self.trial.loop.run()
            if self.trial.finished:
                self.trial.settle()
                self.drop()
        for line in self.commands.take():
            self.obey(line)

    def obey(self, line: bytes) -> None:
        try:
            self.carry_out(json.loads(line))
        except (ValueError, OSError) as error:  # the command's fault: what is under way goes on
            emit({"event": "failed", "trial": spoken_of(line), "error": one_line(error)})

    def carry_out(self, command: Any) -> None:
        match command:
            case {"prepare": raw}:
                self.prepare(raw)
            case {"go": name}:
                self.known(name).go(command.get("start_ns"))
            case {"finish": name}:
                self.known(name).finish()
            case {"abort": name}:
                if self.trial is not None and self.trial.order.trial == name:
                    self.drop()
                emit({"event": "aborted", "trial": name})
            case _:
                raise ValueError("a command is one of prepare, go, finish, abort")

    def prepare(self, raw: Any) -> None:
        wanted = order.parse(raw)
        if self.trial is not None:
            raise ValueError(f"trial {self.trial.order.trial} is still under way; abort it first")
        kind = LiveTrial if wanted.live else Trial
        trial = self.trial = kind(wanted, emit, targets.allowed(os.environ), self.new_loop)
        gc.collect()
        gc.disable()  # a collection would stop the loop, and nothing on its way makes cycles

        def on_command() -> None:
            self.commands.read()
            trial.loop.stop()

        trial.loop.watch(STDIN, on_command)
        trial.prepare()

    def known(self, name: Any) -> Trial:
        if self.trial is None or self.trial.order.trial != name:
            raise ValueError(f"no trial {name} is under way")
        return self.trial

    def fail(self, error: Exception) -> None:
        name = self.trial.order.trial if self.trial else None
        self.drop()
        emit({"event": "failed", "trial": name, "error": one_line(error)})

    def drop(self) -> None:
        """Nothing of a trial outlives it."""
        trial, self.trial = self.trial, None
        if trial is not None:
            trial.close()
        gc.enable()
        gc.collect()


def spoken_of(line: bytes) -> Any:
    """Trial a bad command speaks of, if that can be made out."""
    try:
        command = json.loads(line)
    except ValueError:
        return None
    if not isinstance(command, dict):
        return None
    prepared = command.get("prepare")
    if isinstance(prepared, dict):
        return prepared.get("trial")
    return command.get("go", command.get("finish", command.get("abort")))


def one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def end(_signum: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, end)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    timer.reduce_slack()
    Engine().run()


if __name__ == "__main__":
    main()
