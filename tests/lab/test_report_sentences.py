"""The verdicts as Markdown; the documents that show them are the stored reference run's."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab.analysis import conclude
from lab.cli import app
from lab.config import load
from lab.errors import EXIT_USAGE
from lab.report import machine
from lab.report.model import Results
from lab.report.sentences import BEGIN, END, between, filled, headline, markdown
from lab.store import Run, open_run
from tests.lab import sample_results as sample

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference-run"
SINCE = {"timeouts-reorder"}  # declared after the reference run; the next one judges it


def outcomes(found: Results) -> dict[str, str]:
    return {verdict.claim: verdict.outcome for verdict in found.verdicts}


@pytest.fixture(scope="module")
def kept() -> Run:
    return open_run(ROOT / "docs", "reference-run")


@pytest.fixture(scope="module")
def stored(kept: Run) -> Results:
    return machine.parse(kept.path("results.json").read_text("utf-8"))


def test_the_reference_run_gives_its_verdicts_again(kept: Run, stored: Results) -> None:
    """If this fails: .venv/bin/lab report docs/reference-run, and say why they have changed."""
    assert outcomes(conclude(kept, "bh")) == outcomes(stored)


def test_the_readme_shows_the_verdicts_of_the_reference_run(stored: Results) -> None:
    """If this fails: .venv/bin/lab quote docs/reference-run --headline --into README.md."""
    assert between((ROOT / "README.md").read_text("utf-8")) == headline(stored)


def test_the_list_of_verdicts_is_that_of_the_reference_run(stored: Results) -> None:
    """If this fails: .venv/bin/lab quote docs/reference-run --into docs/verdicts.md."""
    assert between((ROOT / "docs" / "verdicts.md").read_text("utf-8")) == markdown(stored)


def test_the_reference_run_judged_the_sentences_of_lab_yaml(stored: Results) -> None:
    declared = load(ROOT / "lab.yaml").claims

    judged = {verdict.claim: verdict.sentence for verdict in stored.verdicts}
    assert judged == {name: claim.sentence for name, claim in declared.items() if name in judged}
    due = {name for name, claim in declared.items() if stored.run.profile in claim.profiles}
    assert due - judged.keys() == SINCE
    assert judged.keys() <= due


def test_a_verdict_is_a_row_with_its_effect_and_its_quotation() -> None:
    found = markdown(sample.full())

    row = next(line for line in found.splitlines() if "`idle-epoll`" in line)
    assert row.startswith("| **supported** | `idle-epoll` With many connections")
    assert "<br>「连接活跃度不高,epoll比select好」" in row
    assert "| 4.05 × (3.81–4.31) |" in row
    surprise = next(line for line in found.splitlines() if "`active-select`" in line)
    assert surprise.startswith("| **refuted** (a surprise) |")


def test_the_headline_leaves_out_what_no_load_decides() -> None:
    shown = headline(sample.full())

    by_load = [v for v in sample.full().verdicts if v.experiment and v.section.startswith("8")]
    assert by_load
    for verdict in sample.full().verdicts:
        assert (f"| {verdict.sentence} |" in shown) == (verdict in by_load)


def test_a_void_claim_has_no_effect() -> None:
    void = sample.supported().model_copy(update={"outcome": "void"})
    found = headline(sample.full().model_copy(update={"verdicts": [void]}))

    assert "| **void** |" in found
    assert "4.05" not in found


def test_a_document_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="verdicts: begin"):
        between("# nothing here\n")


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    document = f"# A\n\n{BEGIN}\nold\n{END}\n\nafter\n"

    assert filled(document, "new\n") == document.replace("old", "new")
    assert between(filled(document, "new\n")) == "new\n"


def test_a_kept_run_prints_its_verdicts_and_fills_a_document(tmp_path: Path) -> None:
    place = tmp_path / "document.md"
    place.write_text(f"{BEGIN}\n{END}\n", "utf-8")
    asked = ["quote", str(REFERENCE)]

    printed = CliRunner().invoke(app, asked)
    assert printed.exit_code == 0, printed.output
    assert CliRunner().invoke(app, [*asked, "--into", str(place)]).exit_code == 0
    assert between(place.read_text("utf-8")) == printed.stdout
    place.write_text("no marks\n", "utf-8")
    refused = CliRunner().invoke(app, [*asked, "--into", str(place)])
    assert refused.exit_code == EXIT_USAGE
    assert "cannot be filled in" in refused.output


def test_a_kept_run_can_be_kept_again(tmp_path: Path, kept: Run, stored: Results) -> None:
    """The command, from a run to a directory: the same records, the same verdicts."""
    place = tmp_path / "kept"
    result = CliRunner().invoke(app, ["keep", str(REFERENCE), str(place)])

    assert result.exit_code == 0, result.output
    assert open_run(tmp_path, "kept").records() == kept.records()
    assert open_run(tmp_path, "kept").facts() == kept.facts()
    written = (place / "results.json").read_text("utf-8")
    again = machine.parse(written)
    assert written == machine.render(again)
    assert outcomes(again) == outcomes(stored)
    assert again.run == stored.run
    shown = (place / "report.html").read_text("utf-8")
    assert all(f'id="{claim}"' in shown for claim in outcomes(stored))


def test_what_only_reads_a_run_writes_nothing_into_it(tmp_path: Path) -> None:
    place = tmp_path / "kept"
    shutil.copytree(REFERENCE, place)
    (place / "results.json").unlink()
    before = sorted(place.iterdir())

    assert CliRunner().invoke(app, ["quote", str(place)]).exit_code == 0
    assert sorted(place.iterdir()) == before
