"""python -m servers NAME --protocol echo --port N: one protocol under one I/O model until SIGTERM.

With several protocols, --protocol echo,http,websocket, or a --meter-port: a process for each, begun
when it is asked for (servers.on_demand). They listen on the ports from N on, one for each protocol
of the catalog in its order; those that the server does not speak stay free. One protocol: on N.

stdout: {"listening": port} once clients can connect, {"meter": port} if there is one, and
{"refused": n} at the end.
stderr: one line that says what is wrong and what to write instead.
Exit codes: 0 stopped by SIGTERM or SIGINT · 1 the server failed · 2 usage · 5 environment.
"""

import argparse
import errno
import gc
import importlib
import resource
import sys
from collections.abc import Callable
from functools import partial
from typing import NoReturn

from servers.catalog import PROTOCOLS, SERVERS
from servers.core.contract import BACKLOG, NewConnection, Serve
from servers.core.ending import end_on_signal, finish
from servers.core.listener import Listener, open_listener
from servers.needs import missing
from servers.on_demand import Door, port_of, serve_on_demand

WORKERS = 4  # threads or processes of a pool, unless told; fixed, so that two machines run the same
USAGE, ENVIRONMENT = 2, 5


class Parser(argparse.ArgumentParser):
    """One line that says what is wrong; the usage is a --help away."""

    def error(self, message: str) -> NoReturn:
        fail(USAGE, f"{message}. See python -m servers --help")


def main() -> None:
    options = parse_options()
    if options.list:
        print(listing())
        return
    if options.name in SERVERS and (why := missing(SERVERS[options.name].needs)):
        fail(ENVIRONMENT, f"{options.name} cannot run here: {why}")
    if len(options.protocol) > 1 or options.meter_port is not None:
        serve_several(options)
    serve = load(options.name)
    new_connection = load_connection(options.protocol[0])
    limit_descriptors(options.nofile)
    listener = listen(options, options.port)
    end_on_signal()
    # One setting for all: what start-up made is never scanned again, nor copied after a fork; the
    # collector stays on, since frameworks make cycles and no server may win by leaking them.
    gc.freeze()
    print(f'{{"listening": {listener.getsockname()[1]}}}', flush=True)
    serve(listener, new_connection, options.workers)
    finish()


def serve_several(options: argparse.Namespace) -> NoReturn:
    """Open all doors; behind each the server is loaded and begun by its first client."""
    server = SERVERS.get(options.name)
    spoken = [name for name in options.protocol if server is None or server.speaks(name)]
    if not spoken:
        fail(USAGE, f"{options.name} speaks none of: {', '.join(options.protocol)}")
    limit_descriptors(options.nofile)

    def begin(protocol: str, listener: Listener) -> None:
        serve, new_connection = load(options.name), load_connection(protocol)
        gc.freeze()
        serve(listener, new_connection, options.workers)
        finish()

    doors = []
    for name in spoken:
        port = options.port if len(options.protocol) == 1 else port_of(name, options.port)
        doors.append(Door(name, listen(options, port), partial(begin, name)))
    meter = None if options.meter_port is None else listen(options, options.meter_port)
    end_on_signal()
    gc.freeze()
    for door in doors:
        print(f'{{"listening": {door.listener.getsockname()[1]}}}', flush=True)
    if meter:
        print(f'{{"meter": {meter.getsockname()[1]}}}', flush=True)
    serve_on_demand(doors, meter, spins=server is not None and server.spins)


def listen(options: argparse.Namespace, port: int) -> Listener:
    try:
        return open_listener(options.host, port, options.backlog)
    except OSError as error:
        fail(ENVIRONMENT, explain(error, options.host, port))


def parse_options() -> argparse.Namespace:
    parser = Parser(prog="python -m servers", description="Serve one protocol under one I/O model.")
    parser.add_argument(
        "name", nargs="?", help="a name from --list, or a dotted module with a serve()"
    )
    parser.add_argument("--list", action="store_true", help="print the servers and the protocols")
    parser.add_argument(
        "--protocol", type=names, default="echo", help="what to speak, several with a comma (echo)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (127.0.0.1)")
    parser.add_argument("--port", type=whole(0, 65535), default=0, help="0: the kernel chooses (0)")
    parser.add_argument(
        "--meter-port", type=whole(0, 65535), help="tell how the container fares, a line of JSON"
    )
    parser.add_argument(
        "--workers", type=whole(1, 10_000), default=WORKERS, help=f"pool size ({WORKERS})"
    )
    parser.add_argument(
        "--backlog", type=whole(0, 65535), default=BACKLOG, help=f"connections ({BACKLOG})"
    )
    parser.add_argument(
        "--nofile", type=whole(0, 2**31 - 1), default=0, help="open-file limit (the hard limit)"
    )
    options = parser.parse_args()
    if not options.list and options.name is None:
        parser.error(f"name a server: {', '.join(SERVERS)}")
    for name in options.protocol:
        if name not in PROTOCOLS:
            parser.error(f'no protocol "{name}"; write one of: {", ".join(PROTOCOLS)}')
    if options.name and options.name not in SERVERS and "." not in options.name:
        fail(
            USAGE,
            f'no server "{options.name}"; write one of: {", ".join(SERVERS)}, or a dotted module',
        )
    return options


def names(text: str) -> list[str]:
    return list(dict.fromkeys(text.split(",")))


def whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if text.isascii() and text.isdigit() and low <= int(text) <= high:
            return int(text)
        raise argparse.ArgumentTypeError(f'"{text}" is no whole number from {low} to {high}')

    return parse


def listing() -> str:
    lines = [f"{name:<20} {server.family:<12} {server.needs}" for name, server in SERVERS.items()]
    return "\n".join([*(line.rstrip() for line in lines), "", "protocols: " + " ".join(PROTOCOLS)])


def load(name: str) -> Serve:
    """The chosen serve(): one of the catalog, or of your own, by its dotted name."""
    server = SERVERS.get(name)
    try:
        module = importlib.import_module(server.module if server else name)
    except ImportError as error:
        missing = f", it needs {server.needs}" if server and server.needs else ""
        fail(ENVIRONMENT if server else USAGE, f"cannot import {name}{missing}: {error}")
    serve: Serve | None = getattr(module, "serve", None)
    return serve or fail(USAGE, f"{name} has no serve(listener, new_connection, workers)")


def load_connection(protocol: str) -> NewConnection:
    module, _, name = PROTOCOLS[protocol].connection.partition(":")
    new_connection: NewConnection = getattr(importlib.import_module(module), name)
    return new_connection


def limit_descriptors(limit: int) -> None:
    """Set the open-file limit; 0: as far as allowed, as the customary 1024 would end all alike."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = limit or hard
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    except (ValueError, OSError):
        fail(ENVIRONMENT, f"--nofile {limit} is above the hard limit; write {hard} at most")


def explain(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {port} of {host} is taken; free it, or write --port 0 for any"
        case errno.EACCES:
            return f"port {port} needs a privilege; write --port 1024 or above"
        case _:
            return f"cannot listen on {host} port {port}: {error.strerror or error}"


def fail(code: int, message: str) -> NoReturn:
    print(f"servers: {message}", file=sys.stderr)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
