"""docs/findings: every finding stands in the table, and names a claim that there is."""

import re
from pathlib import Path

import pytest

from lab.config import load

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "findings"
FILES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
ROW = re.compile(
    r"^\| \[(?P<title>[^]]+)\]\((?P<file>[^)]+)\) \| `?(?P<claim>[^`|]+?)`? \|", re.MULTILINE
)


def test_the_table_lists_every_file_under_its_own_title() -> None:
    rows = {row["file"]: row["title"] for row in ROW.finditer((FOLDER / "README.md").read_text())}
    titles = {path.name: path.read_text().partition("\n")[0].removeprefix("# ") for path in FILES}
    assert rows == titles


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_finding_says_what_was_said_and_measured_and_names_its_claim(path: Path) -> None:
    text = path.read_text()
    for part in ("**Said.**", "**Measured.**"):
        assert part in text
    rows = {row["file"]: row["claim"] for row in ROW.finditer((FOLDER / "README.md").read_text())}
    claim = rows[path.name]
    if claim.startswith("examples/"):
        assert (ROOT / claim).is_dir()
    else:
        assert claim in load(ROOT / "lab.yaml").claims
        assert f"Claim: `{claim}`" in text


@pytest.mark.parametrize("path", [*FILES, FOLDER / "README.md"], ids=lambda path: path.stem)
def test_links_of_a_finding_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        assert (FOLDER / link).exists(), link
