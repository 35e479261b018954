"""From the command line's wishes to a plan: the file, the selection, A/A, a budget, and needs."""

from typing import NamedTuple

from lab import needs, within
from lab.config import load
from lab.model import Plan
from lab.plan import expand
from lab.schema import Lab
from lab.twins import NOTE, left, twins
from lab.wishes import Wishes


class Planned(NamedTuple):
    """notes: what a reader of the results must know of the plan. lacked: see lab.needs."""

    lab: Lab
    plan: Plan
    notes: list[str]
    lacked: dict[str, str]


def planned(wishes: Wishes, nofile: int | None = None) -> Planned:
    """Load and plan. nofile: where servers have a lower limit than here.

    Raises UsageError with everything that is wrong in lab.yaml.
    """
    lab = load(wishes.lab_file, wishes.asked)
    notes, select = [], wishes.select
    if wishes.twins:
        same = twins(lab)
        lab, select = same, left(lab, select, same)
        notes.append(NOTE)
    plan = _drawn(wishes, lab, select)
    here = needs.look(nofile)
    lacked = needs.lacked(lab, plan, here)
    if wishes.budget_s is not None:
        names = [name for name in plan.claims if needs.lacking(lab.claims[name], here)]
        found = within.choose(lab, plan, wishes.budget_s, names)
        plan = _drawn(wishes, lab, (*found.claims, *names))
        notes += found.notes(wishes.budget_s)
    return Planned(lab, plan, notes, lacked)


def _drawn(wishes: Wishes, lab: Lab, select: tuple[str, ...]) -> Plan:
    blocks = lab.profiles[wishes.profile].blocks if wishes.profile in lab.profiles else 0
    return expand(
        lab,
        select,
        wishes.profile,
        lab.defaults.seed if wishes.seed is None else wishes.seed,
        wishes.order,
        mechanism=wishes.mechanism,
        until=(wishes.most_blocks or 2 * blocks) if wishes.until_decided else 0,
    )


def runnable(found: Planned) -> Plan:
    """Return the plan with those cells only that are worth a check: see lab.needs.wanted."""
    return found.plan.model_copy(
        update={"cells": needs.wanted(found.lab, found.plan, found.lacked)}
    )
