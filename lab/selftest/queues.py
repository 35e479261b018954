"""Queueing theory: how long a client waits at a server that takes one at a time. Pure.

Times in any one unit. s: service time (mean), rate: arrivals per unit of time, rho = rate x s < 1.
A client's time in the system is its wait plus its own service.

M/M/1   exponential service: T is exponential with mean s / (1 - rho). Kleinrock 1975, section 3.2
M/D/1   fixed service: mean wait rho s / (2 (1 - rho)); the wait's distribution is Erlang's series
Lindley what exactly these arrivals and these services come to: W' = max(0, W + S - A). Lindley 1952
"""

import math
from collections.abc import Sequence
from fractions import Fraction

STEPS = 60  # halvings in the search for a quantile: beyond the precision of a float
PARTS = 1 << 20  # of a service time, in the exact series


def mm1_mean(s: float, rho: float) -> float:
    """Mean time in the system."""
    return s / (1 - rho)


def mm1_quantile(q: float, s: float, rho: float) -> float:
    """Quantile of the time in the system: -mean ln(1 - q)."""
    return -mm1_mean(s, rho) * math.log(1 - q)


def md1_mean(s: float, rho: float) -> float:
    """Mean time in the system: s + rho s / (2 (1 - rho)), Pollaczek-Khinchine."""
    return s + rho * s / (2 * (1 - rho))


def md1_wait_cdf(x: float, rho: float) -> float:
    """P(wait <= x), x in service times: Erlang's series.

    (1 - rho) sum over k = 0..floor(x) of (-rho (x - k))^k / k! exp(rho (x - k)).
    Terms alternate and grow as x does, so they are added as exact fractions but for exp().
    """
    if x < 0:
        return 0.0
    exact_rho, at = Fraction(rho), Fraction(round(x * PARTS), PARTS)
    total = Fraction(0)
    for k in range(int(at) + 1):
        u = exact_rho * (at - k)
        total += (-u) ** k / math.factorial(k) * _exp(u)
    return float((1 - exact_rho) * total)


def _exp(u: Fraction) -> Fraction:
    """e^u by its series, to 1e-40 and more: floats would drown the sum in their rounding."""
    whole = math.ceil(u)
    rest = u / (1 << whole.bit_length())
    rest = Fraction(round(rest * (1 << 200)), 1 << 200)
    term = total = Fraction(1)
    n = 0
    while term > Fraction(1, 1 << 200):
        n += 1
        term = term * rest / n
        total += term
    total = Fraction(round(total * (1 << 220)), 1 << 220)
    for _ in range(whole.bit_length()):
        total = Fraction(round(total * total * (1 << 220)), 1 << 220)
    return total


def md1_quantile(q: float, s: float, rho: float) -> float:
    """Quantile of the time in the system."""
    low, high = 0.0, 1.0
    while md1_wait_cdf(high, rho) < q:
        high *= 2
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if md1_wait_cdf(middle, rho) < q else (low, middle)
        if high - low < 1 / PARTS:
            break
    return s * (1 + high)


def lindley(arrivals: Sequence[float], services: Sequence[float]) -> list[float]:
    """Time in the system of each client in turn, the first into an empty one."""
    found = []
    free = 0.0  # when the server will have nobody left
    for at, service in zip(arrivals, services, strict=True):
        free = max(free, at) + service
        found.append(free - at)
    return found


def quantile(ordered: Sequence[float], q: float) -> float:
    """Of sorted values, as the histograms have it: sorted[ceil(q n) - 1]."""
    return ordered[math.ceil(round(q * len(ordered), 9)) - 1]
