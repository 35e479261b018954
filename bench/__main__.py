"""python -m bench: is the load engine fast enough, and does it send in time?

Every round measures each case once, against a fresh server on the other CPU, and begins with
another one; a ratio is the median of the rounds' ratios, so that a machine which slows down slows
both. Exit code 1: a goal was missed. `python -m bench.scale` has what is about size.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
from dataclasses import asdict, fields
from pathlib import Path

from bench.generators import BenchError, Figures
from bench.goals import CASES, GOALS

HEAD = ("its CPU", "server CPU", "requests/s", "events/wake", "lag p50", "p99", "behind p50", "p99")


def main():
    options = arguments()
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        sys.exit("bench: needs two CPUs, one for the server and one for the generator")
    names = chosen(options.only)
    pair = cpus[0], cpus[-1]
    try:
        rounds = [measure(names, pair, options.seconds, n) for n in range(options.rounds)]
    except BenchError as error:
        sys.exit(f"bench: {error}")
    goals = [goal.judge(rounds) for goal in GOALS if set(goal.cases) <= set(names)]
    show_cases(rounds, options.seconds)
    show_goals(goals)
    if options.json:
        data = {"rounds": [{n: asdict(f) for n, f in r.items()} for r in rounds], "goals": goals}
        options.json.write_text(json.dumps(data, indent=1) + "\n")
    sys.exit(any(goal["met"] is False for goal in goals))


def arguments():
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--only", action="append", help="cases with this in their name; again: or")
    parser.add_argument("--json", type=Path, help="write all figures there")
    return parser.parse_args()


def chosen(parts):
    names = [name for name in CASES if not parts or any(part in name for part in parts)]
    if not names:
        sys.exit(f"bench: no such case; there are {'; '.join(CASES)}")
    if shutil.which("wrk") is None:
        print("wrk is not installed (Debian: apt-get install wrk): no ratio against it")
        names = [name for name in names if not name.startswith("wrk")]
    return names


def measure(names, cpus, seconds, number):
    """All cases once, each round beginning with another one."""
    first = number % len(names)
    measured = {}
    for name in names[first:] + names[:first]:
        print(f"round {number + 1}: {name}", file=sys.stderr)
        measured[name] = CASES[name](cpus, seconds)
    return measured


def show_cases(rounds, seconds):
    print(f"\nmedians of {len(rounds)} rounds of {seconds:g} s; CPU: us per completed request")
    print("lag: us between due and sent; behind: us between received by the kernel and read\n")
    print(f"{'':<33}" + "".join(f"{word:>12}" for word in HEAD))
    keys = [field.name for field in fields(Figures)][: len(HEAD)]
    for name in sorted(rounds[0], key=list(CASES).index):
        figures = [getattr_all(measured[name], keys) for measured in rounds]
        values = [statistics.median(column) for column in zip(*figures, strict=True)]
        cells = (cell(key, value) for key, value in zip(keys, values, strict=True))
        print(f"{name:<33}" + "".join(f"{text:>12}" for text in cells))


def getattr_all(figures, keys):
    return [getattr(figures, key) for key in keys]


def cell(key, value):
    if key == "rate":
        return f"{value:.0f}"
    if key.startswith(("lag", "behind")):
        return f"{value:.0f}" if value else ""
    return f"{value:.2f}"


def show_goals(goals):
    print(f"\n{'':<60}{'judged':>10}{'rounds':>20}{'goal':>10}")
    for each in goals:
        digits = 3 if each["unit"] == "" and each["judged"] < 10 else 0
        middle, least, most = (f"{each[key]:.{digits}f}" for key in ("judged", "least", "most"))
        goal = "" if each["goal"] is None else f"<= {each['goal']:g}"
        verdict = {True: "met", False: "missed", None: ""}[each["met"]]
        what = f"{each['what']}{', ' + each['unit'] if each['unit'] else ''}"
        print(f"{what:<60}{middle:>10}{f'{least} to {most}':>20}{goal:>10}  {verdict}")


if __name__ == "__main__":
    main()
