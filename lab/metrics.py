"""The metrics that a claim can be about, in one table. How each is taken: lab.measure."""

from typing import Literal, NamedTuple

MetricName = Literal[
    "cpu",
    "throughput",
    "response-mean",
    "p50",
    "p90",
    "p95",
    "p99",
    "p99.9",
    "service-mean",
    "service-p50",
    "service-p99",
    "connect-p50",
    "connect-p99",
    "first-byte-p50",
    "first-byte-p95",
    "first-byte-p99",
    "standing",
    "pss",
    "memory",
]


class Metric(NamedTuple):
    """What a claim can be about. load: the workload it has a meaning under, "" for any.

    kind, percent: of a quantile, which histogram and which one; of a mean, the histogram alone.
    asks: it is of requests, so some class must make them.
    """

    words: str
    unit: str
    load: Literal["open", "closed", ""] = ""
    requests: int = 0  # completed in a window, the least: n(1 - q) >= 10 (method, quantiles)
    kind: Literal["", "response", "service", "connect", "first_byte"] = ""
    percent: float = 0.0
    asks: bool = True


METRICS: dict[str, Metric] = {
    "cpu": Metric("server CPU time per completed request", "us"),
    "throughput": Metric("completed requests per second", "1/s", "closed"),
    "response-mean": Metric("mean response time", "us", "open", kind="response"),
    "p50": Metric("median response time", "us", "open", 20, "response", 50.0),
    "p90": Metric("90th percentile of the response time", "us", "open", 100, "response", 90.0),
    "p95": Metric("95th percentile of the response time", "us", "open", 200, "response", 95.0),
    "p99": Metric("99th percentile of the response time", "us", "open", 1000, "response", 99.0),
    "p99.9": Metric(
        "99.9th percentile of the response time", "us", "open", 10_000, "response", 99.9
    ),
    # From the sent request, not from the scheduled start: for closed loads, and as context.
    "service-mean": Metric("mean service time", "us", kind="service"),
    "service-p50": Metric("median service time", "us", "", 20, "service", 50.0),
    "service-p99": Metric("99th percentile of the service time", "us", "", 1000, "service", 99.0),
    "connect-p50": Metric("median time to connect", "us", "", 20, "connect", 50.0),
    "connect-p99": Metric(
        "99th percentile of the time to connect", "us", "", 1000, "connect", 99.0
    ),
    "first-byte-p50": Metric(
        "median time to the first byte of the reply", "us", "", 20, "first_byte", 50.0
    ),
    "first-byte-p95": Metric(
        "95th percentile of the time to the first byte", "us", "", 200, "first_byte", 95.0
    ),
    "first-byte-p99": Metric(
        "99th percentile of the time to the first byte", "us", "", 1000, "first_byte", 99.0
    ),
    "standing": Metric("server CPU time per second, whatever is asked", "s/s", asks=False),
    "pss": Metric("memory of the server (PSS), all connections open", "B", asks=False),
    "memory": Metric(
        "memory of the server, the kernel's for it included where that can be had", "B", asks=False
    ),
}
