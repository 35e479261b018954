"""An address outside, for containers to fail to reach: a network namespace with one listener.

It stands for any host out there: it answers whoever it has a route to, which is this machine, and
so whatever this machine forwards under its own address. Takes root, and ip(8).
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

LISTEN = """
import socket
with socket.create_server(("0.0.0.0", 7)) as listener:
    print("listening", flush=True)
    while True:
        listener.accept()[0].close()
"""
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 7), 1.5).close()
except OSError:
    sys.exit(3)
"""
NO_WAY = 3  # exit code


def lacking() -> str:
    """Say why there can be none; "": there can."""
    if os.geteuid() or not shutil.which("ip"):
        return "a network namespace takes root and ip(8)"
    return ""


@contextlib.contextmanager
def outside(block: str) -> Iterator[str]:
    """Yield the address of the listener. block: the first three numbers of a free subnet."""
    name, here, there = f"io-lab-{os.getpid()}", f"{block}.1", f"{block}.2"
    pair = (f"iol{os.getpid()}a"[:15], f"iol{os.getpid()}b"[:15])
    ip("netns", "add", name)
    try:
        ip("link", "add", pair[0], "type", "veth", "peer", "name", pair[1], "netns", name)
        ip("address", "add", f"{here}/30", "dev", pair[0])
        ip("link", "set", pair[0], "up")
        ip("-n", name, "address", "add", f"{there}/30", "dev", pair[1])
        ip("-n", name, "link", "set", pair[1], "up")
        words = ["ip", "netns", "exec", name, sys.executable, "-c", LISTEN]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as listening:
            assert listening.stdout.readline() == "listening\n"
            yield there
            listening.kill()
    finally:
        ip("netns", "delete", name)  # and with it the pair


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def reaches(container: str, address: str) -> bool:
    """Whether a container can connect to it."""
    words = ["docker", "exec", container, "python", "-c", CONNECT, address]
    code = subprocess.run(words, check=False, capture_output=True).returncode
    assert code in (0, NO_WAY), code
    return code == 0
