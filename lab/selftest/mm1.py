"""M/M/1: Poisson arrivals, each asks for exponentially distributed work.

The work is a wait of whole milliseconds (/block). What a client costs the server besides is
measured alone and taken off before the draw is rounded, so that the two together are exponential
but for the rounding: it adds 1/12 ms^2 to a variance of 36, and nothing to the mean.
"""

from lab.selftest import queues, theory
from lab.selftest.finding import Finding
from lab.selftest.rig import Rig

MEAN_MS = 6
ALONE = f"/block/{MEAN_MS}"
KIND = theory.Kind("M/M/1", queues.mm1_mean, queues.mm1_quantile)


def measure(rig: Rig) -> list[Finding]:
    """Measure what a client costs beside its work, then load the server to each rho."""
    server = theory.alone(rig, ALONE)
    overhead = server.held - MEAN_MS / 1e3
    path = f"/block/~{MEAN_MS * 1000}-{max(1, round(overhead * 1e6))}"
    s = MEAN_MS / 1e3
    found = list(theory.heading(server, s))
    for rho in theory.LOADS:
        found += theory.queue(rig, KIND, path, rho, server, overhead, s)
    return found
