"""JUnit, JSON and the terminal."""

import io
import json
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from lab.report import junit, machine, surprising, terminal

from . import sample_results as sample


def printed(results, width, **options):
    out = io.StringIO()
    terminal.verdict_table(results, Console(file=out, width=width, **options))
    return out.getvalue()


# ---------------------------------------------------------------- JUnit


def test_junit_counts_and_cases():
    root = ET.fromstring(junit.render(sample.full()))
    suite = root.find("testsuite")
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "8",
        "failures": "1",
        "errors": "0",
        "skipped": "3",
    }
    cases = {case.get("name"): case for case in suite.findall("testcase")}
    assert [name for name, case in cases.items() if case.find("failure") is not None] == [
        "active-select"
    ]
    assert [name for name, case in cases.items() if case.find("skipped") is not None] == [
        "few-mux-cpu",
        "short-epoll",
        "aio-not-faster",
    ]
    assert sample.HOSTILE in cases["short-epoll"].find("skipped").get("message")


def test_junit_case_holds_effect_and_interval():
    root = ET.fromstring(junit.render(sample.full()))
    case = root.find(".//testcase[@name='idle-epoll']")
    facts = {item.get("name"): item.get("value") for item in case.iter("property")}
    assert facts["effect"] == "4.05"
    assert facts["interval"] == "3.81–4.31"
    assert "select uses 4.05 x the CPU" in case.find("system-out").text


def test_junit_survives_what_xml_cannot_hold():
    verdict = sample.supported().model_copy(update={"reason": "a\x00b\x1b[31m\ud800"})
    results = sample.full().model_copy(update={"verdicts": [verdict]})
    text = junit.render(results)
    assert ET.fromstring(text.encode()).find(".//testcase") is not None


def test_junit_of_nothing():
    assert ET.fromstring(junit.render(sample.empty())).get("tests") == "0"


def test_golden_junit(golden):
    golden("report_junit.xml", junit.render(sample.full()))


# ---------------------------------------------------------------- JSON


@pytest.mark.parametrize("results", [sample.full(), sample.empty()], ids=["full", "empty"])
def test_json_round_trip_and_canonical(results):
    text = machine.render(results)
    assert machine.parse(text) == results
    assert machine.render(machine.parse(text)) == text


def test_json_refuses_what_json_does_not_know():
    results = sample.full()
    verdict = results.verdicts[0].model_copy(update={"p": float("inf")})
    with pytest.raises(ValueError, match="JSON"):
        machine.render(results.model_copy(update={"verdicts": [verdict]}))


# ---------------------------------------------------------------- terminal


@pytest.mark.parametrize("width", [60, 80, 160])
def test_the_table_fits_and_says_everything(width):
    text = printed(sample.full(), width)
    assert max(len(line) for line in text.splitlines()) <= width
    said = " ".join(text.split())
    for verdict in sample.full().verdicts:
        assert f"{verdict.claim}:" in said
        assert verdict.outcome in said
    assert sample.HOSTILE in said.replace(" ", "") or "<script>" in said
    assert "ports 8 times, host-noise once" in said
    assert "surprise: expected supported" in said


def test_a_wide_table_has_columns_for_the_numbers():
    head = printed(sample.full(), 160).splitlines()[0].split()
    assert head == [
        "Outcome",
        "Sentence",
        "and",
        "finding",
        "Effect",
        "(interval)",
        "Declared",
        "Blocks",
    ]


def test_a_surprise_is_told_with_what_may_explain_it():
    caveat = "Both arms share one load engine."
    verdict = sample.refuted().model_copy(update={"caveat": caveat})
    out = io.StringIO()
    results = sample.full().model_copy(update={"verdicts": [sample.supported(), verdict]})
    surprising.told(results, Console(file=out, width=200))
    lines = out.getvalue().replace("\N{NO-BREAK SPACE}", " ").splitlines()
    assert lines[0] == "1 surprise: decided otherwise than the literature says"
    assert lines[1].startswith("active-select: ")
    assert "expected supported (libev" in lines[2]
    assert lines[4] == f"  what may explain it: {caveat}"
    assert lines[5] == ("  epoll-level connections 16, per request: 2.25 calls, 0.25 waits")
    assert sample.supported().sentence not in out.getvalue()


def test_a_finding_that_depends_is_called_conditional():
    verdict = sample.refuted().model_copy(update={"conditional": True})
    out = io.StringIO()
    results = sample.full().model_copy(update={"verdicts": [verdict]})
    surprising.told(results, Console(file=out, width=200))
    assert "found conditional" in out.getvalue()


def test_the_terminal_says_how_much_of_the_book_was_tested():
    out = io.StringIO()
    surprising.coverage(sample.full(), Console(file=out, width=200))
    assert out.getvalue().replace("\N{NO-BREAK SPACE}", " ") == (
        "8 of 9 claims of the book tested in this run, in 3 of 4 sections.\n"
    )


def test_results_of_the_first_schema_can_be_read():
    results = sample.full()
    new = {"arms", "place", "series", "ladders"}
    old = results.model_dump(mode="json", exclude={"book", "maps"}) | {"schema_version": 1}
    old["verdicts"] = [
        {key: value for key, value in verdict.items() if key not in new}
        for verdict in old["verdicts"]
    ]
    read = machine.parse(json.dumps(old))
    assert read.schema_version == 1
    assert read.book == []
    assert [verdict.claim for verdict in read.verdicts] == [v.claim for v in results.verdicts]


def test_brackets_in_a_sentence_are_no_markup():
    verdict = sample.supported().model_copy(update={"sentence": "a [red]b[/red] [/] c"})
    text = printed(sample.full().model_copy(update={"verdicts": [verdict]}), 80)
    assert "a [red]b[/red] [/] c" in text


def test_an_unfinished_run_says_so():
    results = sample.full().model_copy(update={"run": sample.run(finished=False, trials_done=40)})
    assert "did not finish: 40 of 168 trials" in " ".join(printed(results, 80).split())
    assert "No sentence has a verdict" in printed(sample.empty(), 80)


def test_colour_on_a_terminal_and_none_in_a_pipe():
    assert "\x1b[" in printed(sample.full(), 80, force_terminal=True, color_system="standard")
    assert "\x1b" not in printed(sample.full(), 80)


def test_a_plain_table_is_aligned_whatever_the_script():
    rows = [
        {"claim": "a", "notes": "连接", "sentence": "one"},
        {"claim": "long", "notes": "", "sentence": "two"},
    ]
    assert terminal.plain_table(rows).splitlines() == [
        "CLAIM  NOTES  SENTENCE",
        "a      连接   one",
        "long          two",
    ]
    assert terminal.plain_table([]) == "nothing"


def test_progress_in_a_pipe_is_one_line_per_event():
    out = io.StringIO()
    with terminal.Progress(Console(file=out, width=40)) as progress:
        progress.start("idle", 1, 12)
        progress.trial(1, 168, "select, idle 900", 900.0)
        progress.void("idle.1.select.idle=900", "host-noise", "steal was 4 % of the window")
        progress.trial(2, 168, "poll, idle 900", 750.0)
        progress.start("idle", 2, 12)
        progress.note("a note with [brackets]")
        progress.verdict("idle-epoll", "supported")
    assert out.getvalue().replace("\N{NO-BREAK SPACE}", " ").splitlines() == [
        "idle: block 1 of 12",
        "void: idle.1.select.idle=900: host-noise: steal was 4 % of the window",
        "idle: block 2 of 12, trial 2 of 168, 1 void, 12 min 30 s left",
        "a note with [brackets]",
        "idle-epoll: supported",
    ]


def test_progress_on_a_terminal_draws_on_events_only():
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None)
    with terminal.Progress(console) as progress:
        progress.start("idle", 1, 12)
        progress.trial(3, 168, "select, idle 900", 900.0)
        drawn = out.getvalue()
        assert "trial 3 of 168" in drawn
        assert "select, idle 900" in drawn
        assert progress._live is not None
        assert progress._live.auto_refresh is False
        assert progress._live._refresh_thread is None
        progress.verdict("idle-epoll", "supported")
    assert "idle-epoll: supported" in out.getvalue()


# ---------------------------------------------------------------- imports


def test_the_terminal_and_junit_do_not_import_altair():
    check = (
        "import sys, lab.report.terminal, lab.report.junit, lab.report.machine;"
        "sys.exit(any(name in sys.modules for name in ('altair', 'vl_convert', 'jinja2')))"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
