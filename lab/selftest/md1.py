"""M/D/1: Poisson arrivals, each asks for the same work.

The work is a wait (/block), not a computation: it takes as long as it says, also where another
program wants the CPU, and the clock that ends it is the kernel's.
"""

from lab.selftest import queues, theory
from lab.selftest.finding import Finding
from lab.selftest.rig import Rig

WORK_MS = 4
PATH = f"/block/{WORK_MS}"
KIND = theory.Kind("M/D/1", queues.md1_mean, queues.md1_quantile)


def measure(rig: Rig) -> list[Finding]:
    """Measure the service time alone, then load the server to each rho."""
    server = theory.alone(rig, PATH)
    overhead = server.held - WORK_MS / 1e3
    found = list(theory.heading(server, server.held))
    for rho in theory.LOADS:
        found += theory.queue(rig, KIND, PATH, rho, server, overhead, server.held)
    return found
