"""python -m bench.idle_15000 [--connections 15000] [--workers 3]: is the census exact that large?

One epoll server and a Locust master with its workers, a container each, in a network of their own.
The workers' load engines open all connections, a few of them speak, and three counts must agree:
what was asked for, what the engines hold, and what the server holds by its own meter line. Exit
code 1: they do not. Needs a container engine and the images (`make images`).
"""

import argparse
import json
import os
import socket
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path

from lab.backends import containers, locust_containers, networks
from lab.backends.contract import verify
from lab.errors import LabError, TrialFailed
from lab.orders import Order
from servers.on_demand import port_of

BASE, METER = 7001, 7000  # the ports in the servers' image
SPEAKING = 8  # connections, so that the requests of the busy among the idle are seen to be right
UP_S = 30.0  # for the server to listen
ACCEPT_S = 5.0  # for it to accept the last of them


def main():
    parser = argparse.ArgumentParser(prog="python -m bench.idle_15000", description=__doc__)
    parser.add_argument("--connections", type=int, default=15_000, help="idle ones (15000)")
    parser.add_argument("--workers", type=int, default=3, help="Locust workers (3)")
    options = parser.parse_args()
    try:
        found = measure(options.connections, options.workers)
    except (LabError, TrialFailed, containers.EngineError) as error:
        sys.exit(f"bench: {error}")
    for name, value in found.items():
        print(f"{name:32} {value}")
    sys.exit(0 if found["exact"] else 1)


def measure(connections, workers):
    """Open them, hold them through a window, and compare the counts."""
    run = f"bench@{os.getpid()}"
    with (
        closing(containers.connect()) as client,
        tempfile.TemporaryDirectory() as folder,
        networks.network(client, run) as network,
    ):
        serve(client, network, run)
        with conducted(client, network, run, workers, Path(folder)) as master:
            return census(network.server, master, connections, workers)


def serve(client, network, run):
    """Start epoll as Compose does, with its meter, and ask it once: its process is there then."""
    made = containers.create(
        client, run, containers.image_name(), command=["epoll"], **network.place(client)
    )
    with containers.explained():
        made.start()
    end = time.monotonic() + UP_S
    while time.monotonic() < end:
        try:
            meter(network.server)
        except OSError:
            time.sleep(0.05)
        else:
            verify((network.server, port_of("echo", BASE)), "echo", UP_S)
            return
    raise TrialFailed("trial-broke", "the server does not listen")


@contextmanager
def conducted(client, network, run, workers, folder):
    """Yield the lab's way to a Locust master with workers."""
    locusts = locust_containers.start(
        client, network, workers=workers, web_port=0, label=run, log_dir=folder
    )
    try:
        with closing(locusts.client()) as master:
            master.start_test()
            yield master
    finally:
        locusts.stop()


def census(host, master, connections, workers):
    """One trial, and all counts of it."""
    order = Order.model_validate(
        {
            "trial": "census",
            "label": f"epoll idle={connections}",
            "target": (host, port_of("echo", BASE)),
            "protocol": "echo",
            "classes": {
                "idle": {"connections": connections},
                "long": {"connections": SPEAKING, "rate": 400},
            },
            "seed": 1,
            "timing": {"warm_up": 0.5, "window": 2.0, "cool_down": 0.2},
        }
    )
    before, began = meter(host), time.monotonic()
    ready = master.prepare(order, deadline_s=60.0)
    took, held = time.monotonic() - began, settled(host, before, connections + SPEAKING)
    master.go("census")
    results, locust = master.result("census", 60.0)
    idle = [result.classes["idle"].connections for result in results]
    long = [result.classes["long"].window for result in results]
    server = held["sockets"]["echo"] - before["sockets"]["echo"]
    counts = {
        "asked": connections,
        "established": ready.established["idle"],
        "held at the window's first edge": sum(one.held_at_start for one in idle),
        "held at its last edge": sum(one.held_at_end for one in idle),
        "held by the server": server - SPEAKING,
    }
    lost, failed = sum(one.lost for one in idle), sum(sum(w.failed.values()) for w in long)
    return {
        **counts,
        "lost": lost,
        "by worker": " ".join(str(one.established) for one in idle),
        "seconds to establish": f"{took:.2f}",
        "requests meanwhile": f"{sum(w.completed for w in long)}, {failed} failed",
        "server's memory per connection": f"{per(held, before, connections):.0f} bytes",
        "open files allowed to the server": held["nofile"],
        "exact": set(counts.values()) == {connections}
        and (lost, failed, locust.lost_workers, len(idle)) == (0, 0, 0, workers),
    }


def settled(host, before, more):
    """The server's meter, once it has accepted what lay in its backlog, or will not."""
    end = time.monotonic() + ACCEPT_S
    while True:
        held = meter(host)
        if held["sockets"]["echo"] - before["sockets"]["echo"] == more or time.monotonic() > end:
            return held
        time.sleep(0.1)


def per(held, before, connections):
    """What one connection takes of the container's account, the kernel's buffers included."""
    return (held["memory_bytes"] - before["memory_bytes"]) / connections


def meter(host):
    with socket.create_connection((host, METER), UP_S) as client:
        return json.loads(client.makefile().read())


if __name__ == "__main__":
    main()
