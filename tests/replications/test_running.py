"""Programs of a plan: run as often as asked for, once for all claims on them, or not at all."""

from types import SimpleNamespace

import pytest

from lab import programs
from lab.model import ProgramRun
from lab.store import TableRecord

RUNS = [
    ProgramRun(claim="a", program="x", repeats=2),
    ProgramRun(claim="b", program="y", repeats=1),
    ProgramRun(claim="c", program="x", repeats=3),
    ProgramRun(claim="d", program="z", repeats=3),
]


@pytest.fixture
def kept(monkeypatch):
    """What was stored, and what was run, where claim d lacks something."""
    seen = SimpleNamespace(stored=[], made=[], skipped="")

    def record(self, claim, program, repeat):
        del self
        seen.made.append((program, repeat))
        table = {} if seen.skipped else {"row": {"column": 1.0 + repeat}}
        return TableRecord(
            claim=claim, program=program, repeat=repeat, table=table, skipped=seen.skipped
        )

    monkeypatch.setattr(programs.Programs, "record", record)

    def append(file, line):
        assert file == "tables.jsonl"
        found = TableRecord.model_validate_json(line)
        seen.stored.append((found.claim, found.repeat, found.table))

    run = SimpleNamespace(
        facts=lambda: SimpleNamespace(absent={"claim d": "3 CPUs"}), append=append
    )
    notes = SimpleNamespace(note=lambda text: None)
    seen.run = lambda: programs.run_all(SimpleNamespace(programs=RUNS), run, "", notes)
    return seen


def test_claims_on_one_program_share_its_tables(kept):
    kept.run()
    assert kept.made == [("x", 0), ("x", 1), ("x", 2), ("y", 0)]
    tables = {(claim, repeat): table["row"]["column"] for claim, repeat, table in kept.stored}
    assert tables == {("a", 0): 1, ("a", 1): 2, ("c", 0): 1, ("c", 1): 2, ("c", 2): 3, ("b", 0): 1}


def test_what_is_missing_is_looked_for_once(kept):
    kept.skipped = "3 CPUs, and there are 2"
    kept.run()
    assert kept.made == [("x", 0), ("y", 0)]
    assert {claim for claim, _, _ in kept.stored} == {"a", "b", "c"}
