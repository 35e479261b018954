"""Validity gates: may this trial be used at all? Pure functions of one record and its cell.

Rules: a gate has a name, a meaning, a threshold that cites its reason, and a remedy. It runs before
any comparison and never learns which arm won. A gate that cannot judge a record (its numbers are
missing because an earlier one tripped) says nothing. Thresholds: docs/method.md repeats this table.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lab.gates import census, generator, host, load, ports, server, stalled
from lab.gates.finding import Finding
from lab.measure import Unmeasured
from lab.model import Cell
from lab.record import GateResult, Record


@dataclass(frozen=True)
class Gate:
    """One gate.

    scope: what it is about. "latency": it voids only what is judged by a latency, else it warns.
    "cpu": it only warns where nothing is judged by CPU per request, see lab.model.Cell.
    """

    name: str
    meaning: str
    threshold: str
    remedy: str
    check: Callable[[Record, Cell], Finding]
    scope: str = "all"


GATES: tuple[Gate, ...] = (
    Gate(
        "trial-broke",
        "The trial ended before it could be measured.",
        "any; nothing can be said about a trial that has no numbers",
        "Read the trial's error in the record; `lab doctor` names what this machine lacks.",
        server.broke,
    ),
    Gate(
        "conformance",
        "The server failed a check of `lab run --verify`, so it was not measured.",
        "any; what answers wrongly has no speed",
        "`lab verify SERVER` names the case and what came instead.",
        server.nonconforming,
    ),
    Gate(
        "server-died",
        "The server ended before it was asked to, or did not end when asked.",
        "any; what it did in its last window is not what it does",
        "Read the server's last words in the record; run it by hand with python -m servers.",
        server.died,
    ),
    Gate(
        "load-engine",
        "The load engine died or fell silent inside the trial.",
        "any; half a load is no load",
        "Read locust-worker.log beside the records.",
        server.engine_lost,
    ),
    Gate(
        "conservation",
        "Load engine, Locust and record count different numbers of requests, or a worker was lost.",
        "any difference; Locust loses the reports of a lost worker and says nothing",
        "Look for a killed or overloaded Locust worker in the logs beside the records.",
        load.conservation,
    ),
    Gate(
        "wrong-bytes",
        "A reply differed from what the protocol demands.",
        "one; a server that answers wrongly is not a fast server",
        "Run the conformance tests on this server.",
        load.wrong_bytes,
    ),
    Gate(
        "errors",
        "Requests were refused, reset, cut short or left without an answer.",
        f"more than {load.ERROR_SHARE:.1%} of those scheduled; fewer do not move a median",
        "Lower the rate or the number of connections; look at the failures by kind.",
        load.errors,
    ),
    Gate(
        "census",
        "Not as many connections were open, at the engine or at the server, as the cell asks for.",
        "any difference; a published run held 900 of 1000 and did not say so (wrk2#134)",
        "Check descriptor limits (`lab doctor`) and the server's own limit in `lab list servers`.",
        census.census,
    ),
    Gate(
        "generator-saturated",
        "The load engine used most of its core: the result may be its own.",
        f"CPU share above {load.ENGINE_SHARE_VOID} (warning at {load.ENGINE_SHARE_WARN}); Locust "
        "itself warns at 0.90, when queues have long formed",
        "Lower the rate, add think time, or give the engine a core of its own.",
        load.generator_saturated,
    ),
    Gate(
        generator.NAME,
        "The load engine waited for its CPU, for its own queue, or read late: it was measured.",
        f"ready but not running for more than {generator.STARVED:.0%} of the window (warning at "
        f"{generator.STARVED_WARN:.0%}); more than {generator.FULL:.0%} of its polls found events "
        f"waiting while it used more than {generator.FULL_BUSY:.0%} of its core; replies that lay "
        f"unread for more than {generator.BEHIND_SHARE:.0%} of the median response time, by the "
        "kernel's receive stamps",
        "Give the load engine a core of its own; lower the rate; `lab selftest ceiling` finds how "
        "much it can do here.",
        generator.generator,
    ),
    Gate(
        "offered-vs-achieved",
        "The server completed less than what was offered to it.",
        f"below {load.ACHIEVED_SHARE:.0%} of the schedule; then the queue, not the model, is seen; "
        f"with Poisson arrivals {load.QUEUED} requests more or less in the queue are no overload",
        "Lower the rate in lab.yaml below this machine's capacity.",
        load.offered_vs_achieved,
    ),
    Gate(
        "littles-law",
        "Connections, throughput and response time contradict Little's law.",
        f"off by more than {load.LITTLE_CLOSED:.0%} (closed; with drawn think times "
        "3/sqrt(requests), if that is more; a warning, where connections change); open: warning "
        f"above {load.LITTLE_OPEN:.0%}. It unmasked a ranking of 174 frameworks "
        "(the-benchmarker/web-frameworks#9775)",
        "The recorder loses time or requests: report it as a bug of the lab.",
        load.littles_law,
    ),
    Gate(
        "latency-order",
        "Percentiles or the mean of the latency are out of order.",
        "p50 <= p90 <= p99 <= max and mean <= max; published tables have violated it (locust#777)",
        "The recorder is broken: report it as a bug of the lab.",
        load.latency_order,
    ),
    Gate(
        stalled.NAME,
        "A load engine stood still inside the window.",
        f"longer than {stalled.SHARE:.0%} of the window and than {stalled.LEAST_NS / 1e6:g} ms; "
        "its load was not there, and came in a burst behind it",
        "Look for who stopped or starved it; give it a core of its own.",
        stalled.stalled,
    ),
    Gate(
        ports.NAME,
        "The load had no port left to connect from, or nearly none.",
        f"any; or more than {ports.SHARE:.0%} of its ports in TIME_WAIT behind the trial, as "
        "connect() then searches",
        "Use more load engines (--workers): each has source addresses of its own; `lab plan` shows "
        "the budget.",
        ports.ports,
    ),
    Gate(
        "send-lag",
        "The load engine sent its requests late.",
        f"p99 above {load.LAG_NS / 1e6} ms and above {load.LAG_SHARE:.0%} of the p99 response time",
        "Give the load engine an idle core; lower the rate.",
        load.send_lag,
        scope="latency",
    ),
    Gate(
        "read-lag",
        "The load engine read late what had come in time.",
        f"p99 from the kernel's receive stamp to the read above {load.LAG_NS / 1e6} ms and "
        f"above {load.LAG_SHARE:.0%} of the p99 response time",
        "Give the load engine an idle core; lower the rate.",
        generator.read_lag,
        scope="latency",
    ),
    Gate(
        "accept-drops",
        "The kernel dropped connections because the backlog was full.",
        "any; a dropped SYN returns after 1 s and is no property of the model",
        "Raise the backlog and net.core.somaxconn.",
        server.accept_drops,
    ),
    Gate(
        "window-edges",
        "Count and CPU reading do not cover the same window.",
        f"more than {server.EDGE_SHARE:.1%} of the requests on an edge, or a reading that took "
        f"longer than {server.BRACKET_NS / 1e6:g} ms",
        "Use a longer window.",
        server.window_edges,
        scope="cpu",
    ),
    Gate(
        "meter-closure",
        "The server used CPU time that the meter never saw.",
        f"more than {server.CLOSURE_SHARE:.0%} and {server.CLOSURE_NS / 1e6:g} ms between the last "
        "reading and the kernel's account after exit",
        "A child left the process tree; run the server in a container.",
        server.meter_closure,
    ),
    Gate(
        "drift",
        "Rate or CPU per request moved steadily through the window: no steady state. Where it is "
        "the load that changes there: replies per request due did.",
        f"Kendall's tau beyond {server.DRIFT_TAU} and a change above {server.DRIFT_CHANGE:.0%} "
        f"({server.DRIFT_CHANGE_SHORT:.0%} in windows below 2 s) over 20 slices (many programs "
        "never become steady: Barrett et al., OOPSLA 2017)",
        "Warm up longer.",
        server.drift,
    ),
    Gate(
        "host-noise",
        "Something else on this machine took the CPU, or its speed changed grossly.",
        f"steal above {host.STEAL_SHARE:.0%} of the window, foreign load above "
        f"{host.FOREIGN_SHARE:.0%} of the lab's CPUs, or the calibration spin before and after "
        f"differing by more than x{host.SPIN_RATIO:g}; less is carried by pairing inside blocks",
        "Close other programs; use more blocks, not a stricter gate.",
        host.noise,
    ),
)
NOISE_GATES = frozenset({"host-noise"})
LATENCY_GATES = frozenset(gate.name for gate in GATES if gate.scope == "latency")
CPU_GATES = frozenset(gate.name for gate in GATES if gate.scope == "cpu")


def check(record: Record, cell: Cell, gates: Iterable[Gate] = GATES) -> list[GateResult]:
    """Ask every gate that can judge this record, in the order of the table."""
    results = []
    for gate in gates:
        try:
            finding = gate.check(record, cell)
        except Unmeasured:
            continue
        mild = gate.scope == "latency" or (gate.scope == "cpu" and not cell.cpu)
        state = "warn" if finding.state == "void" and mild else finding.state
        results.append(
            GateResult(
                gate=gate.name,
                state=state,
                value=finding.value,
                limit=finding.limit,
                why=finding.why,
            )
        )
    return results


def voids(results: Iterable[GateResult]) -> list[str]:
    """Return the names of the gates that void the trial."""
    return [result.gate for result in results if result.state == "void"]
