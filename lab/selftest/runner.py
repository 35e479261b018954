"""Runs self-tests one after another on one rig, and tells of each as it ends.

A test that breaks is failed with its reason; the others go on. One that this machine cannot run is
skipped, with its reason, and changes no exit code.
"""

import difflib
import importlib
import json
import shutil
import time
import traceback
from collections.abc import Callable, Sequence

from lab import host
from lab.errors import EnvironmentUnfit, TrialFailed, UsageError
from lab.selftest import TESTS
from lab.selftest.finding import Finding, Outcome
from lab.selftest.rig import Rig

SCHEMA = 1  # of the JSON
REPEAT_S = 20.0  # of a test, in which disturbed trials are repeated; whole, it takes a minute


def choose(names: Sequence[str]) -> list[str]:
    """Return the tests that were named, all for none. Raises UsageError."""
    for name in names:
        if name not in TESTS:
            near = difflib.get_close_matches(name, TESTS, n=1)
            mend = f"Did you mean {near[0]}?" if near else f"Write one of {', '.join(TESTS)}."
            raise UsageError(f'no self-test "{name}". {mend}')
    return list(dict.fromkeys(names)) or list(TESTS)


def run(
    names: Sequence[str], rig: Rig, told: Callable[[Outcome], None] = lambda _: None
) -> list[Outcome]:
    """Run them in this order; `told` hears of each."""
    outcomes = []
    for name in names:
        outcomes.append(one(name, rig))
        told(outcomes[-1])
    return outcomes


def one(name: str, rig: Rig) -> Outcome:
    """Run one test. Whatever happens in it, an outcome comes back."""
    began = time.monotonic()
    test = TESTS[name]
    if test.needs and shutil.which(test.needs) is None:
        return Outcome(name, "skipped", 0.0, why=f"{test.needs} is not installed")
    found: list[Finding] = []
    why = ""
    rig.noise.clear()
    rig.repeat_until = began + REPEAT_S
    try:
        found = importlib.import_module(test.module).measure(rig)
    except EnvironmentUnfit as unfit:
        return Outcome(name, "skipped", time.monotonic() - began, why=str(unfit))
    except TrialFailed as failed:
        why = f"{failed.gate}: {failed}"
    except Exception as error:  # noqa: BLE001 a self-test that breaks has failed; the others go on
        rig.say(traceback.format_exc())
        why = f"{type(error).__name__}: {error}"
    passed = bool(found) and not why and all(finding.ok for finding in found)
    if rig.noise and not passed:
        disturbed = f"{len(rig.noise)} trials were disturbed: {rig.noise[0]}. Close other programs."
        why = f"{why} ({disturbed})" if why else disturbed
    return Outcome(name, "passed" if passed else "failed", time.monotonic() - began, found, why)


def as_json(outcomes: Sequence[Outcome], rig: Rig) -> str:
    """Everything that was found, for machines."""
    document = {
        "schema_version": SCHEMA,
        "quick": rig.quick,
        "version": host.code_version(),
        "host": host.digest(rig.facts),
        "machine": rig.facts,
        "passed": not any(one.state == "failed" for one in outcomes),
        "tests": [one.as_json() for one in outcomes],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
