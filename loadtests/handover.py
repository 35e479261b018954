"""Everything the lab takes from Locust that Locust does not promise: one module, one contract test.

Private or only stable in fact (2.47.0): `WorkerRunner._send_stats`, `StatsEntry.extend`, the states
of `MasterRunner.clients`, the loop inside `StatsCSVFileWriter`, that /swarm reads `request.form`,
`load_locustfile`, `get_parser`, `Runner.spawning_greenlet`, `log.unhandled_greenlet_exception`.
tests/integration/test_locust_contract.py and tests/loadtests/test_greenlets_locustfile.py fail when
a new Locust changes one of them. The rest of `loadtests` uses documented calls only.
"""

import csv
import math
import socket
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

import gevent
import locust.argument_parser
import locust.log
import locust.runners
import locust.stats
import locust.util.load_locustfile
from werkzeug.datastructures import ImmutableMultiDict

SIGNIFICANT = 2  # digits, as Locust itself above 100 ms: some 100 keys per decade, so cheap reports

SERVER_POLL_S = 0.005


class Gained(NamedTuple):
    """What Locust has counted under one name, all connection classes together."""

    requests: int  # failures included, as Locust counts
    failures: int


def bucket(milliseconds: float) -> float:
    """Round to two significant digits: the key of Locust's response time histogram.

    Replaces `locust.stats.bucket_response_time` (made to be replaced, Locust PR 3373) on master and
    workers.
    """
    if milliseconds <= 0:
        return 0.0
    return round(milliseconds, SIGNIFICANT - 1 - math.floor(math.log10(milliseconds)))


def merge(
    stats: Any, kind: str, name: str, delta: dict[str, Any], edges: tuple[float, float]
) -> None:
    """Add one connection class of an engine's delta to a worker's statistics.

    delta: {"counts": {microseconds: n}, "failed": {kind: n}, "abandoned": n, "bytes_received": n}.
    edges: unix times at which the delta begins and ends.
    A failed or abandoned request has no duration: it counts, but enters neither average nor
    percentiles.
    """
    entry = locust.stats.StatsEntry(stats, name, kind)
    entry.start_time, entry.last_request_timestamp = edges
    counts = {int(us): n for us, n in delta["counts"].items()}
    for us, n in counts.items():
        entry.num_requests += n
        entry.total_response_time += us * n / 1000
        entry.response_times[locust.stats.bucket_response_time(us / 1000)] += n
    if counts:
        entry.min_response_time, entry.max_response_time = min(counts) / 1000, max(counts) / 1000
    failed = {text: n for text, n in delta.get("failed", {}).items() if n}
    entry.num_failures = sum(failed.values())
    entry.num_none_requests = entry.num_failures + delta.get("abandoned", 0)
    entry.num_requests += entry.num_none_requests
    entry.total_content_length = delta.get("bytes_received", 0)
    if entry.num_requests == 0:
        return  # an idle class makes no row of zeros
    second = int(edges[1])
    entry.num_reqs_per_sec[second] = entry.num_requests
    entry.num_fail_per_sec[second] = entry.num_failures
    stats.get(name, kind).extend(entry)
    stats.total.extend(entry)
    _merge_errors(stats, kind, name, failed, edges)


def _merge_errors(
    stats: Any, kind: str, name: str, failed: dict[str, int], edges: tuple[float, float]
) -> None:
    for text, n in failed.items():
        key = locust.stats.StatsError.create_key(kind, name, text)
        error = stats.errors.setdefault(key, locust.stats.StatsError(kind, name, text))
        error.occurrences += n
        error.first_seen = edges[0] if error.first_seen is None else min(error.first_seen, edges[0])
        error.last_seen = edges[1] if error.last_seen is None else max(error.last_seen, edges[1])


def gained(stats: Any, name: str) -> Gained:
    """Count requests and failures that these statistics hold under a name."""
    entries = [entry for (entry_name, _), entry in stats.entries.items() if entry_name == name]
    return Gained(
        sum(entry.num_requests for entry in entries), sum(entry.num_failures for entry in entries)
    )


def send_stats(runner: Any) -> None:
    """Report to the master now, not at the next interval. What is sent afterwards arrives
    afterwards.
    """
    runner._send_stats()  # noqa: SLF001 # no public call; ZeroMQ keeps the order


def connected(runner: Any) -> dict[str, int]:
    """Return the workers that the master hears: their ids and indexes, by index."""
    alive = [
        client.id
        for client in runner.clients.all
        if client.state != locust.runners.STATE_MISSING  # silent for more than HEARTBEAT_LIVENESS
    ]
    return dict(sorted(((id_, runner.get_worker_index(id_)) for id_ in alive), key=lambda x: x[1]))


def refill_form(request: Any, fields: dict[str, str]) -> None:
    """Have Locust's /swarm see other fields than were sent.

    It converts each by the type of its default and fails on what does not fit: give it good ones.
    """
    request.form = ImmutableMultiDict(fields)  # a cached property of werkzeug's: it may be set


def answer_at_once(web_ui: Any) -> None:
    """Switch Nagle's algorithm off on Locust's web server: 40 ms less per answer. Blocks.

    gevent's pywsgi sends head and body in two pieces, and the second waits for the delayed
    acknowledgement of the first. Accepted sockets inherit TCP_NODELAY from the listener, tcp(7).
    """
    while web_ui.server is None or not web_ui.server.started:
        gevent.sleep(SERVER_POLL_S)  # Locust starts it behind its `init` event and tells nobody
    web_ui.server.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def hold_csv(writer: Any, wait_until_quiet: Callable[[], None]) -> None:
    """Let the CSV writer sleep through a trial's load: each second it would sort every histogram.

    Its loop computes and writes in `_requests_data_rows`, which here waits first.
    """
    compute = writer._requests_data_rows  # noqa: SLF001 # the loop has no other seam

    def when_quiet(rows: Any) -> None:
        wait_until_quiet()
        compute(rows)

    writer._requests_data_rows = when_quiet  # noqa: SLF001


def finish_csv(writer: Any) -> None:
    """Write the final request statistics: Locust's own loop misses the last second."""
    if not isinstance(writer, locust.stats.StatsCSVFileWriter):
        return
    out = writer.requests_csv_filehandle
    out.seek(0)
    out.truncate()
    locust.stats.StatsCSV(writer.environment, writer.percentiles_to_report).requests_csv(
        csv.writer(out)
    )
    out.flush()


def load_users(path: str) -> dict[str, Any]:
    """Run a locustfile; return its user classes by name. Raises whatever the file does."""
    users, _ = locust.util.load_locustfile.load_locustfile(path)
    return dict(users)


def options(words: Sequence[str]) -> Any:
    """Return Locust's options and those that a locustfile has added, from these words alone.

    Raises ValueError where they are wrong; and whatever a listener does.
    """
    parser = locust.argument_parser.get_parser(default_config_files=[])

    def refuse(message: str) -> NoReturn:
        raise ValueError(message)

    parser.error = refuse  # argparse's own prints its usage and ends the process
    return parser.parse_args(args=list(words), env_vars={})


def listener_failed() -> bool:
    """Whether a listener of some event has raised; Locust logs it and goes on."""
    return bool(locust.log.unhandled_greenlet_exception)


def spawned(runner: Any) -> bool:
    """Whether a local runner has made all its users, or could not; without a start, it has."""
    return runner.spawning_greenlet is None or runner.spawning_greenlet.ready()


def spawning_error(runner: Any) -> BaseException | None:
    """What kept a local runner from making its users, if anything did."""
    spawning = runner.spawning_greenlet
    return spawning.exception if spawning is not None and spawning.ready() else None
