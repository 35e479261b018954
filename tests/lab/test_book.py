"""docs/claims.md is what lab.yaml says, and has every section of the notes that can be tested."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab.book import SECTIONS, SILENT, markdown, section_of
from lab.cli import app
from lab.config import load
from lab.errors import EXIT_USAGE
from lab.schema import Lab

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def lab() -> Lab:
    return load(ROOT / "lab.yaml")


def test_the_document_is_printed_from_lab_yaml(lab: Lab) -> None:
    """If this fails: .venv/bin/lab list claims --markdown > docs/claims.md."""
    assert (ROOT / "docs" / "claims.md").read_text("utf-8") == markdown(lab)


def test_every_claim_stands_in_it_once(lab: Lab) -> None:
    text = markdown(lab)

    for name, claim in lab.claims.items():
        assert text.count(f"**`{name}`** — *{claim.sentence}*") == 1


def test_every_section_of_the_notes_has_a_claim_or_is_named_as_silent(lab: Lab) -> None:
    told = {section_of(claim) for claim in lab.claims.values()}

    assert told == set(SECTIONS)
    assert "九" in SILENT


@pytest.mark.parametrize(
    ("named", "section"),
    [("recap 12", "recap"), ("8.2.3", "8.2.3"), ("8.5.3", "8.5"), ("5.2", "五"), ("", "")],
)
def test_a_section_is_found_by_its_beginning(lab: Lab, named: str, section: str) -> None:
    claim = next(iter(lab.claims.values())).model_copy(update={"section": named})

    assert section_of(claim) == section


def test_a_section_that_the_notes_do_not_have_is_refused(lab: Lab) -> None:
    claim = next(iter(lab.claims.values())).model_copy(update={"section": "12.1"})

    with pytest.raises(KeyError, match=r"no section 12\.1"):
        section_of(claim)


def test_only_claims_are_a_document() -> None:
    result = CliRunner().invoke(app, ["list", "gates", "--markdown"])

    assert result.exit_code == EXIT_USAGE
    assert "lab list claims --markdown" in result.output
