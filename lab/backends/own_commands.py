"""Commands of lab.yaml as local processes, beside the catalog's servers.

As in `lab.backends.process`: a session of its own, the run's label in its environment, one CPU.
Besides: a folder of its own in TMPDIR, which goes with it, and as many descriptors as allowed. All
it prints goes to one file, of which the last words are kept; it must stay in the foreground.
"""

import errno
import hashlib
import os
import resource
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lab.backends.contract import Backend, Exit, StartFailed, StartOptions, Target, verify
from lab.backends.foreign import forgiven, wait_until_accepting
from lab.backends.leftovers import LABEL
from lab.backends.process import HOST, ProcessTarget
from lab.meter import ProcessMeter
from lab.own_servers import OwnServer, variables, words

# Sets the limit of open files, which is its $0, and becomes the command: sh(1).
BEGIN = ("/bin/sh", "-c", 'ulimit -n "$0" && exec "$@"')
TAKEN = "address already in use"  # strerror(EADDRINUSE), as most servers report it


@dataclass(frozen=True, slots=True)
class OwnCommands:
    """Starts the commands; what is none of them, the inner backend does. folder: of lab.yaml."""

    inner: Backend
    own: Mapping[str, OwnServer]
    folder: Path

    def start(self, server: str, protocol: str, options: StartOptions) -> Target:
        """Return when it accepts connections. Raises StartFailed with its last words."""
        one = self.own.get(server)
        if one is None:
            return self.inner.start(server, protocol, options)
        return start(one, self.folder, options)


@dataclass
class OwnTarget(ProcessTarget):
    """A command that runs."""

    path: str = ""  # of http: what one exchange asks for
    scratch: tempfile.TemporaryDirectory[str] | None = None

    def verify(self, protocol: str) -> None:
        verify(self.address, protocol, exact=self.exact, path=self.path)

    def ended(self, timeout: float) -> bool:
        """Wait for its end so many seconds; say whether it has come."""
        return self._ended(timeout)

    def stop(self, timeout: float) -> Exit:
        self._exit = forgiven(super().stop(timeout))
        return self._exit

    def _end(self, *, killed: bool) -> Exit:
        end = super()._end(killed=killed)
        if self.scratch is not None:
            self.scratch.cleanup()
        return end


def start(one: OwnServer, folder: Path, options: StartOptions) -> OwnTarget:
    """Start a command. Raises StartFailed."""
    port = options.port or free_port()
    if taken(port):
        raise StartFailed(f"port {port} of {HOST} is taken", port_taken=True)
    scratch = tempfile.TemporaryDirectory(prefix="lab-", ignore_cleanup_errors=True)
    log = tempfile.TemporaryFile()  # noqa: SIM115 closed with the target
    try:
        with on_cpu(options.cpu):
            process = _begin(one, folder, options, port, scratch.name, log)
    except (OSError, StartFailed) as error:
        log.close()
        scratch.cleanup()
        raise StartFailed(str(error)) from error
    meter = ProcessMeter(process.pid)
    target = OwnTarget(
        process, log, meter, (HOST, port), one.is_exact, path=one.path, scratch=scratch
    )
    try:
        _wait(target, options.deadline)
    except BaseException:
        target.kill()
        raise
    return target


def _begin(
    one: OwnServer, folder: Path, options: StartOptions, port: int, scratch: str, log: IO[bytes]
) -> subprocess.Popen[bytes]:
    values = {"host": HOST, "port": port, "workers": options.workers}
    own = {**variables(one, values), **options.env, "TMPDIR": scratch, LABEL: options.label}
    return subprocess.Popen(
        [*options.wrapper, *BEGIN, limit(options.nofile), *words(one, values)],
        cwd=home(one, folder),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={**os.environ, **own},
        start_new_session=True,
    )


def _wait(target: OwnTarget, deadline: float) -> None:
    try:
        wait_until_accepting(target.address, deadline, target.ended)
    except StartFailed as error:
        raise StartFailed(f"{error}. {last_line(target.logs())}".strip()) from error
    if target.ended(0):
        end = target.kill()
        why = last_line(end.stderr) or "it said nothing"
        in_use = TAKEN in end.stderr.lower()
        raise StartFailed(f"exit code {end.exit_code}: {why}", end.exit_code, port_taken=in_use)


def last_line(text: str) -> str:
    return next(reversed(text.strip().splitlines()), "")


def limit(nofile: int | None) -> str:
    """Return the limit of open files, as sh takes it: as high as allowed, unless one is given."""
    if nofile:
        return str(nofile)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return "unlimited" if hard == resource.RLIM_INFINITY else str(hard)


def home(one: OwnServer, folder: Path) -> Path:
    """Return where the command starts: beside lab.yaml, unless it says otherwise."""
    return folder.absolute() / (one.workdir or ".")


def missing(one: OwnServer, folder: Path) -> str:
    """Say why a command cannot be started; "": it can."""
    place = home(one, folder)
    if not place.is_dir():
        return f"there is no folder {place}"
    return "" if program(one, folder) else f"there is no program {one.command[0]} in {place}"


def program(one: OwnServer, folder: Path) -> str | None:
    """Find the file that the command's first word means, as exec does it there."""
    word, place = one.command[0], home(one, folder)
    return shutil.which(str(place / word) if "/" in word else word)


def digest(one: OwnServer, folder: Path) -> str:
    """Return a short hash of the program and of the files that its words name: what is measured."""
    found = program(one, folder)
    if found is None:
        return "not there"
    files = [Path(found), *(home(one, folder) / word for word in one.command[1:])]
    whole = hashlib.sha256()
    for path in files:
        if path.is_file():
            whole.update(hashlib.sha256(path.read_bytes()).digest())
    return f"sha256:{whole.hexdigest()[:16]}"


def free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def taken(port: int) -> bool:
    """Whether somebody listens there: then it would be him whom we hear."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False


@contextmanager
def on_cpu(cpu: int | None) -> Iterator[None]:
    """Let this thread start something that is on one CPU from its first instruction on."""
    if cpu is None:
        yield
        return
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {cpu})
    except OSError as error:
        raise StartFailed(f"cannot run on CPU {cpu}: {error.strerror}") from error
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
