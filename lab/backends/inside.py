"""What a container is like inside, asked once before a run: its Python, its limits, its servers.

A server that runs here may lack something there, and the other way round; and the image may have
been built from other files than those that stand here.
"""

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lab.backends import containers
from lab.backends.containers import EngineError, explained
from lab.errors import EnvironmentUnfit

# Runs in the image and, for the comparison of the files, here.
QUESTION = """
import hashlib, json, pathlib, platform, resource
import servers
from servers.catalog import SERVERS
from servers.needs import missing
folder = pathlib.Path(servers.__file__).parent
code = hashlib.sha256()
for path in sorted(folder.rglob("*.py")):
    code.update(path.relative_to(folder).as_posix().encode() + b"\\0" + path.read_bytes())
print(json.dumps({
    "python": f"{platform.python_implementation()} {platform.python_version()}",
    "nofile": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
    "missing": {need: missing(need) for need in sorted({s.needs for s in SERVERS.values()})},
    "code": code.hexdigest(),
}))
"""


@dataclass(frozen=True, slots=True)
class Inside:
    """The answer. missing: why a need of the catalog cannot be met; empty where it can."""

    python: str
    nofile: int  # hard limit of open files
    missing: dict[str, str]
    code: str  # hash of the files of servers/

    def lacks(self, need: str) -> str:
        """Say why a need cannot be met in the image; "" where it can."""
        return self.missing.get(need, f"the image was built before anything needed {need}")


def look(client: Any, image: str, run: str) -> Inside:
    """Ask a container, which has no network and is removed. Raises EnvironmentUnfit."""
    try:
        container = containers.create(
            client,
            run,
            image,
            io_uring=True,  # as in an experiment that needs it
            entrypoint=["python", "-c", QUESTION],
            network_mode="none",
        )
        try:
            with explained():
                container.start()
                code = int(container.wait(timeout=containers.ANSWER_S)["StatusCode"])
                said = container.logs(stdout=True, stderr=code != 0).decode(errors="replace")
        finally:
            with suppress(EngineError), explained():
                container.remove(force=True, v=True)
    except EngineError as error:
        raise EnvironmentUnfit(f"no container of {image} can be run: {error}") from error
    return _understood(said, image)


def here() -> Inside:
    """Ask this interpreter, in a process of its own."""
    words = [sys.executable, "-P", "-c", QUESTION]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return _understood(done.stdout, "servers")


def _understood(said: str, image: str) -> Inside:
    try:
        return Inside(**json.loads(said))
    except (ValueError, TypeError) as error:
        last = (said.strip().splitlines() or ["nothing"])[-1]
        raise EnvironmentUnfit(
            f"the image {image} is not one of this lab's servers: it says {last}. Build it anew: "
            "make images"
        ) from error
