"""How long a plan takes, from what its trials ask for and from what a trial costs beside."""

from collections.abc import Mapping

from lab.drivers import ENGINE
from lab.model import Cell, Frozen, Plan
from lab.traced import bounded
from loadtests.engine.classes import FLEETING

# Measured on a quick run of a 2-core virtual machine; trial and connection are mostly the kernel's.
TRIAL_S = 0.11  # start, verify, connect, stop, store: all of a trial that is not one of its phases
TRACED_S = 0.6  # the same under strace, which slows the interpreter's start, and its trace read
CONNECTION_S = 0.00016  # to open and close one long or idle connection, both ends
REPEAT_SHARE = 0.05  # void trials that run again: 3 to 10 % were seen
PROBE_S = 0.6  # one repeat of a limit probe
PROGRAM_S = 3.0  # one repeat of a program of lab/replications, the mean of them
USERS_S = 0.8  # of a trial more with plain Locust users: another Python, and Locust in it
START_S = 4.0  # Locust up and down, and the report; once, and only where there are trials


class Earlier(Frozen):
    """What a finished run needed. attempts: by cell, void ones too; searches: seconds of each."""

    run: str
    attempts: dict[str, int]
    searches: dict[str, float]


class Forecast(Frozen):
    """Seconds. Spare blocks are not counted.

    total_s: if no claim is decided before the last look; soonest_s: if all are at the first.
    expected_s: if it goes as it went in an earlier run; None: there is none.
    """

    total_s: float
    soonest_s: float
    start_s: float
    probes_s: float
    experiments: dict[str, float]
    trials: int
    traced_s: float = 0.0
    searches_s: float = 0.0  # at most
    expected_s: float | None = None


def trial_seconds(
    cell: Cell, per_trial_s: float = TRIAL_S, per_connection_s: float = CONNECTION_S
) -> float:
    """Return how long one trial of a cell takes."""
    phases = cell.timing.warm_up + cell.timing.window + cell.timing.cool_down
    held = sum(load.connections for name, load in cell.load.items() if name not in FLEETING)
    users_s = 0.0 if cell.driver == ENGINE else USERS_S
    return phases + per_trial_s + users_s + held * per_connection_s


def forecast(
    plan: Plan,
    per_trial_s: float = TRIAL_S,
    per_connection_s: float = CONNECTION_S,
    start_s: float = START_S,
    probe_s: float = PROBE_S,
    repeat_share: float = REPEAT_SHARE,
    earlier: Earlier | None = None,
) -> Forecast:
    """Return how long the planned blocks of a plan take, and each experiment's share."""
    each = {c.id: trial_seconds(c, per_trial_s, per_connection_s) for c in plan.cells}
    planned = [trial for trial in plan.trials if trial.block < plan.looks[-1]]
    experiments: dict[str, float] = {}
    later = 0.0
    for trial in planned:
        seconds = each[trial.cell] * (1 + repeat_share)
        later += seconds if trial.block >= plan.looks[0] else 0.0
        experiments[trial.experiment] = experiments.get(trial.experiment, 0) + seconds
    searches = sum(search.budget_s for search in plan.searches)
    start = start_s if planned or plan.searches else 0.0
    probes = sum(run.repeats * probe_s for run in plan.probes)
    most: dict[str, int] = {}  # claims on one program share its tables
    for run in plan.programs:
        most[run.program] = max(run.repeats, most.get(run.program, 0))
    probes += sum(most.values()) * PROGRAM_S
    slow = {c.id: trial_seconds(bounded(c), TRACED_S, per_connection_s) for c in plan.cells}
    traced = sum(slow[trial.cell] for trial in plan.traced)
    fixed = start + probes + traced
    total = fixed + sum(experiments.values()) + searches
    return Forecast(
        total_s=total,
        soonest_s=total - later,
        start_s=start,
        probes_s=probes,
        experiments=experiments,
        trials=len(planned),
        traced_s=traced,
        searches_s=searches,
        expected_s=None if earlier is None else fixed + _again(plan, each, repeat_share, earlier),
    )


def _again(plan: Plan, each: Mapping[str, float], repeat_share: float, earlier: Earlier) -> float:
    """Return the seconds of trials and searches, where all goes as it went before.

    A cell that the earlier run did not know takes all its blocks, a search its whole budget.
    """
    new = plan.looks[-1] * (1 + repeat_share)
    trials = sum(seconds * earlier.attempts.get(cell, new) for cell, seconds in each.items())
    return trials + sum(earlier.searches.get(one.id, one.budget_s) for one in plan.searches)
