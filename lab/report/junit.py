"""JUnit XML: one test case per claim, so that a CI system shows verdicts as it shows tests.

A refuted sentence is a result, not a failure. Only a claim that was decided against its declared
`gate` fails; void, inconclusive and skipped claims are skipped with their reason; all else passes.
Effect, interval and blocks travel as properties and as plain text.
"""

import re
from xml.etree import ElementTree as ET

from lab.report import words
from lab.report.model import Results, Verdict

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
UNDECIDED = frozenset({"inconclusive", "void", "skipped"})
# XML 1.0, section 2.2: what a document may not hold, not even escaped.
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(results: Results) -> str:
    """Write the run as one JUnit test suite. Times are those of the whole run; a claim has none."""
    verdicts = results.verdicts
    counts = {
        "tests": str(len(verdicts)),
        "failures": str(sum(words.against_gate(verdict) for verdict in verdicts)),
        "errors": "0",
        "skipped": str(sum(verdict.outcome in UNDECIDED for verdict in verdicts)),
        "time": f"{results.run.wall_s:.3f}",
    }
    root = ET.Element("testsuites", {"name": "lab", **counts})
    name = {"name": _clean(f"lab {results.run.profile}"), "timestamp": _clean(results.run.started)}
    suite = ET.SubElement(root, "testsuite", {**name, **counts})
    run = {"run": results.run.id, "seed": str(results.run.seed), "backend": results.run.backend}
    _properties(suite, run)
    for verdict in verdicts:
        _case(suite, verdict)
    ET.indent(root, " ")
    return HEAD + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, verdict: Verdict) -> None:
    names = {"classname": _clean(f"lab.{verdict.experiment}"), "name": _clean(verdict.claim)}
    case = ET.SubElement(suite, "testcase", {**names, "time": "0"})
    _properties(case, _facts(verdict))
    said = _clean(f"{verdict.outcome}: {verdict.reason}")
    if words.against_gate(verdict):
        failure = ET.SubElement(case, "failure", {"type": "gate", "message": said})
        failure.text = _clean(f"lab.yaml declares `gate: {verdict.gate}` for {verdict.claim}.")
    elif verdict.outcome in UNDECIDED:
        ET.SubElement(case, "skipped", {"type": verdict.outcome, "message": said})
    ET.SubElement(case, "system-out").text = _clean("\n".join(_lines(verdict)))


def _facts(verdict: Verdict) -> dict[str, str]:
    facts = {"outcome": verdict.outcome, "metric": verdict.metric, "sense": verdict.sense}
    if verdict.effect is not None:
        facts["effect"] = repr(verdict.effect.value)
        facts["interval"] = words.interval(verdict.effect, repr)
    facts["blocks"] = words.blocks(verdict)
    if verdict.p_adjusted is not None:
        facts["p_adjusted"] = repr(verdict.p_adjusted)
    return {key: value for key, value in facts.items() if value}


def _lines(verdict: Verdict) -> list[str]:
    lines = [verdict.sentence, f"{verdict.outcome}: {verdict.reason}", verdict.effect_words]
    lines += [f"warning: {warning}" for warning in verdict.warnings]
    lines += [f"{key}: {value}" for key, value in verdict.evidence.items()]
    return [line for line in lines if line]


def _properties(parent: ET.Element, facts: dict[str, str]) -> None:
    inside = ET.SubElement(parent, "properties")
    for name, value in facts.items():
        ET.SubElement(inside, "property", {"name": _clean(name), "value": _clean(value)})


def _clean(text: str) -> str:
    return FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
