"""The lab proves itself: what it measures is held against what theory says it must measure.

The registry: a self-test is one module with a `measure(rig)` that returns its findings, and one
line here. Listing imports none of them. They run on the lab's own stage: its servers, its Locust,
its load engine, its trial; see `rig`. docs/selftest.md has the same table, and a test compares it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SelfTest:
    """module: dotted, imported when chosen. needs: a program without which it is skipped."""

    module: str
    what: str
    source: str
    needs: str = ""


TESTS = {
    "stall": SelfTest(
        "lab.selftest.stall",
        "a server that is stopped for S seconds of a window T: p(q) = S - (1 - q) T",
        "coordinated omission: G. Tene, How NOT to Measure Latency, 2013; wrk2",
    ),
    "md1": SelfTest(
        "lab.selftest.md1",
        "Poisson arrivals at a server that takes one client at a time, fixed work",
        "Erlang 1909; Crommelin 1932; Pollaczek-Khinchine",
    ),
    "mm1": SelfTest(
        "lab.selftest.mm1",
        "the same with exponentially distributed work",
        "Kleinrock, Queueing Systems I, 1975, section 3.2",
    ),
    "little": SelfTest(
        "lab.selftest.little",
        "Little's law on closed, thinking, open and connecting loads",
        "Little 1961, L = lambda W",
    ),
    "injected": SelfTest(
        "lab.selftest.injected",
        "so many microseconds of CPU per request, put into the server and found by the meter",
        "docs/method.md, the meter",
    ),
    "gil": SelfTest(
        "lab.selftest.gil",
        "a burning thread beside a threaded server: latency follows the switch interval",
        "CPython, sys.setswitchinterval; dask/distributed#5450",
    ),
    "saturation": SelfTest(
        "lab.selftest.saturation",
        "a load engine that is kept from its CPU: every trial is void",
        "docs/method.md, the gates",
    ),
    "triangulation": SelfTest(
        "lab.selftest.triangulation",
        "engine, plain Locust user and wrk agree on the server's CPU per request",
        "the A/A band of the engine against itself",
    ),
    "ceiling": SelfTest(
        "lab.selftest.ceiling",
        "how much the load engine can do here, against a server that does next to nothing",
        "kept in results/ceiling.json; plans above 70 % of it are refused",
    ),
}
