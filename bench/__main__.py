"""python -m bench [--rounds 5] [--seconds 2] [--json FILE]: is the load engine fast enough?

Every round measures each generator once, against a fresh server on the other CPU; a ratio is the
median of the rounds' ratios, so that a machine which slows down slows both. Exit code 1: a goal
was missed.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
from dataclasses import asdict
from pathlib import Path

from bench import generators
from bench.generators import BenchError

CONNECTIONS = 50
WRK_GOAL = 1.3  # engine's CPU per request over wrk's, at most
LOCUST_GOAL = 3.5  # plain Locust user's over the engine's, at least
CASES = {
    "engine, http": lambda *at: generators.engine(at[0], "bench-http", CONNECTIONS, at[1]),
    "wrk, http": lambda *at: generators.wrk(at[0], CONNECTIONS, at[1]),
    "engine, echo": lambda *at: generators.engine(at[0], "echo", CONNECTIONS, at[1]),
    "locust TCP user, echo": lambda *at: generators.locust(at[0], CONNECTIONS, at[1]),
    "engine, echo, 1 connection": lambda *at: generators.engine(at[0], "echo", 1, at[1]),
    "engine, echo, 500": lambda *at: generators.engine(at[0], "echo", 500, at[1]),
}


def main():
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--json", type=Path, help="write all figures there")
    options = parser.parse_args()
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        sys.exit("bench: needs two CPUs, one for the server and one for the generator")
    cases = dict(CASES)
    if shutil.which("wrk") is None:
        print("wrk is not installed (Debian: apt-get install wrk): no ratio against it")
        del cases["wrk, http"]
    pair = cpus[0], cpus[-1]
    try:
        rounds = [measure(cases, pair, options.seconds, n) for n in range(options.rounds)]
    except BenchError as error:
        sys.exit(f"bench: {error}")
    ratios = compare(rounds)
    show(rounds, ratios)
    if options.json:
        data = {"rounds": [{n: asdict(f) for n, f in r.items()} for r in rounds], "ratios": ratios}
        options.json.write_text(json.dumps(data, indent=1) + "\n")
    sys.exit(0 if all(ratio["met"] for ratio in ratios) else 1)


def measure(cases, cpus, seconds, number):
    """All cases once, each round beginning with another one."""
    names = list(cases)
    first = number % len(names)
    measured = {}
    for name in names[first:] + names[:first]:
        print(f"round {number + 1}: {name}", file=sys.stderr)
        measured[name] = cases[name](cpus, seconds)
    return measured


def compare(rounds):
    ratios = []
    if "wrk, http" in rounds[0]:
        found = ratio(rounds, "engine, http", "wrk, http")
        ratios.append(
            {"what": "engine / wrk", **found, "goal": WRK_GOAL, "met": found["ratio"] <= WRK_GOAL}
        )
    found = ratio(rounds, "locust TCP user, echo", "engine, echo")
    met = found["ratio"] >= LOCUST_GOAL
    ratios.append({"what": "locust / engine", **found, "goal": LOCUST_GOAL, "met": met})
    return ratios


def ratio(rounds, over, under):
    all_rounds = [r[over].generator_us / r[under].generator_us for r in rounds]
    return {
        "ratio": statistics.median(all_rounds),
        "least": min(all_rounds),
        "most": max(all_rounds),
    }


def show(rounds, ratios):
    print(f"\nmedians of {len(rounds)} rounds; CPU, user and system, per completed request\n")
    print(
        f"{'generator':<28}{'its CPU':>10}{'server CPU':>12}{'requests/s':>12}{'events/wake':>13}"
    )
    for name in sorted(rounds[0], key=list(CASES).index):
        figures = [asdict(measured[name]) for measured in rounds]
        own, server, rate, wake = (
            statistics.median(each[key] for each in figures) for key in figures[0]
        )
        print(f"{name:<28}{own:>7.2f} us{server:>9.2f} us{rate:>12.0f}{wake:>13.1f}")
    print()
    for each in ratios:
        what, found, goal = each["what"], each["ratio"], each["goal"]
        sign = "<=" if goal == WRK_GOAL else ">="
        verdict = "met" if each["met"] else "missed"
        print(
            f"{what:<16} {found:.2f} (rounds {each['least']:.2f} to {each['most']:.2f}); "
            f"goal {sign} {goal}: {verdict}, by {abs(found - goal):.2f}"
        )
    if "wrk, http" in rounds[0]:
        floor = ratio(rounds, "locust TCP user, echo", "wrk, http")["ratio"]
        print(f"locust / wrk     {floor:.2f}: what a client in C reaches here, mostly kernel time")


if __name__ == "__main__":
    main()
