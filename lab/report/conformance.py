"""What `lab verify` shows: a table and its footnotes, JSON, JUnit; and progress on stderr."""

import json
import threading
from collections.abc import Sequence
from typing import IO
from xml.etree import ElementTree as ET

from lab.conformance.examine import Outcome
from lab.report.junit import HEAD
from lab.report.terminal import plain_table
from lab.verify import Examination

CLEAR = "\r\x1b[K"  # to the start of the line, and erase it: ECMA-48, section 8.3.41


def table(examinations: Sequence[Examination]) -> str:
    """Write a row for each, then each reason to leave something out, then each failure."""
    rows = [
        {
            "server": one.server,
            "protocol": one.protocol,
            "passed": str(one.passed),
            "failed": str(len(one.failed)),
            "left out": str(len(one.left_out)),
            "seconds": f"{one.seconds:.1f}",
            "": one.skipped and f"skipped: {one.skipped}",
        }
        for one in examinations
    ]
    parts = [plain_table(rows), *_left_out(examinations), *_facts(examinations)]
    parts += [
        f"FAILED {one.server} {one.protocol}: {case}: {why}"
        for one in examinations
        for case, why in one.failed.items()
    ]
    return "\n".join([*parts, summary(examinations)])


def summary(examinations: Sequence[Examination]) -> str:
    """Say it in a line."""
    passed = sum(one.passed for one in examinations)
    failed = sum(len(one.failed) for one in examinations)
    skipped = sum(bool(one.skipped) for one in examinations)
    seconds = sum(one.seconds for one in examinations)
    asked = len(examinations) - skipped
    return (
        f"{asked} servers in their protocols, {skipped} skipped: "
        f"{passed} cases passed, {failed} failed, in {seconds:.0f} s of examination"
    )


def _left_out(examinations: Sequence[Examination]) -> list[str]:
    """Gather who leaves out the same for the same reason."""
    groups: dict[tuple[str, str], dict[str, None]] = {}
    for one in examinations:
        for check, why in one.left_out.items():
            groups.setdefault((check, why), {})[one.server] = None
    return [f"by design, no {c}: {', '.join(who)}: {why}" for (c, why), who in groups.items()]


def _facts(examinations: Sequence[Examination]) -> list[str]:
    groups: dict[tuple[str, str], dict[str, None]] = {}
    for one in examinations:
        for name, fact in one.facts.items():
            groups.setdefault((name, fact), {})[one.server] = None
    return [f"{name}: {fact}: {', '.join(who)}" for (name, fact), who in groups.items()]


def as_json(examinations: Sequence[Examination]) -> str:
    """Write all that is known, for machines."""
    found = [
        {
            "server": one.server,
            "protocol": one.protocol,
            "skipped": one.skipped,
            "seconds": one.seconds,
            "passed": one.passed,
            "failed": one.failed,
            "left_out": one.left_out,
            "facts": one.facts,
            "checks": {o.check: {"cases": o.cases, "seconds": o.seconds} for o in one.outcomes},
        }
        for one in examinations
    ]
    return json.dumps({"schema": 1, "examinations": found}, indent=1, ensure_ascii=False) + "\n"


def as_junit(examinations: Sequence[Examination]) -> str:
    """Write a suite for each server in a protocol, and a case for each check."""
    root = ET.Element("testsuites", {"name": "lab verify"})
    for one in examinations:
        suite = ET.SubElement(
            root,
            "testsuite",
            {
                "name": f"{one.server} {one.protocol}",
                "tests": str(len(one.outcomes) + bool(one.skipped)),
                "failures": str(sum(bool(o.failed) for o in one.outcomes)),
                "errors": "0",
                "skipped": str(len(one.left_out) + bool(one.skipped)),
                "time": f"{one.seconds:.3f}",
            },
        )
        checks = one.outcomes or [Outcome("start", left_out=one.skipped)]
        for outcome in checks:
            _case(suite, f"lab.{one.server}.{one.protocol}", outcome)
    ET.indent(root, " ")
    return HEAD + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, classname: str, outcome: Outcome) -> None:
    names = {"classname": classname, "name": outcome.check, "time": f"{outcome.seconds:.3f}"}
    case = ET.SubElement(suite, "testcase", names)
    if outcome.failed:
        lines = [f"{name}: {why!r}" for name, why in outcome.failed.items()]
        message = {"type": "conformance", "message": lines[0]}
        ET.SubElement(case, "failure", message).text = "\n".join(lines)
    elif outcome.left_out:
        ET.SubElement(case, "skipped", {"type": "by design", "message": outcome.left_out})


class Progress:
    """One line for each examination; on a terminal the current check below it."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._live = out.isatty()
        self._lock = threading.Lock()

    def checked(self, server: str, protocol: str, outcome: Outcome) -> None:
        if self._live:
            self._say(f"{CLEAR}{server} {protocol}: {outcome.check}")

    def examined(self, examination: Examination, done: int, of: int) -> None:
        failed = examination.failed
        words = f"{examination.passed} passed"
        words += f", {len(failed)} failed: {', '.join(failed)[:200]}" if failed else ""
        words += f", {len(examination.left_out)} left out" if examination.left_out else ""
        words = f"skipped: {examination.skipped}" if examination.skipped else words
        who = f"{examination.server} {examination.protocol}"
        clear = CLEAR if self._live else ""
        self._say(f"{clear}{done}/{of} {who}: {words}, {examination.seconds:.1f} s\n")

    def end(self) -> None:
        if self._live:
            self._say(CLEAR)

    def _say(self, text: str) -> None:
        with self._lock:
            self._out.write(text)
            self._out.flush()
