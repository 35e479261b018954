"""A server that cannot run here: in doctor and list, skipped by a run, shown in its results."""

import io

from rich.console import Console

from lab import fitness, listing
from lab.report.terminal import verdict_table
from servers.catalog import ELSEWHERE, SERVERS
from tests.lab import sample_results


def no_ring(need):
    return "io_uring_setup() says: Operation not permitted" if need == "io_uring" else ""


def test_absent_names_only_what_was_asked_for():
    why = "io_uring_setup() says: Operation not permitted"
    assert fitness.absent(["epoll", "io-uring", "io-uring"], no_ring) == {"io-uring": why}
    assert fitness.absent(["epoll"], no_ring) == {}


def test_doctor_has_a_line_for_each_that_is_missing_and_runs_all_the_same():
    checks = fitness.servers(no_ring)
    assert [check.name for check in checks] == ["servers", "io-uring"]
    assert checks[0].found == f"{len(SERVERS) - 1} of {len(SERVERS)} can run here"
    assert "Operation not permitted: skipped" in checks[1].need
    assert fitness.unfit(checks) == []


def test_the_list_has_what_other_systems_have_and_why_not_here():
    rows = {row["server"]: row for row in listing.servers()}
    assert list(rows) == [*SERVERS, *ELSEWHERE]
    assert rows["kqueue"]["here"].startswith("no: BSD and macOS")
    assert rows["thread-pool"]["at once"] == "one per worker"
    assert rows["fastapi"]["protocols"] == "http"


def test_a_result_says_what_was_skipped():
    run = sample_results.run(absent={"io-uring": "it is forbidden"})
    results = sample_results.full().model_copy(update={"run": run})
    text = io.StringIO()
    verdict_table(results, Console(file=text, width=100))
    assert "skipped: io-uring: it is forbidden" in text.getvalue()
