"""The book as a table of contents: every section of the notes, its claims, and what became of each.

Claims that a run did not test stand there, too, with the profiles that do: nothing is missing
without being seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lab.book import SECTIONS, SILENT
from lab.report import words
from lab.report.model import Chapter, Listed, Results, Verdict

Card = dict[str, Any]  # of the page: a verdict and what stands beside it


@dataclass(frozen=True)
class Row:
    """One claim; card: None where this run did not test it."""

    listed: Listed
    card: Card | None


@dataclass(frozen=True)
class Section:
    """A section of the notes and its claims."""

    anchor: str
    title: str
    rows: list[Row]

    @property
    def cards(self) -> list[Card]:
        """What this run tested of it."""
        return [row.card for row in self.rows if row.card]

    @property
    def tally(self) -> dict[str, int]:
        """Outcomes that there are, and how many claims were not tested."""
        found = words.tally(card["verdict"].outcome for card in self.cards)
        untested = len(self.rows) - len(self.cards)
        return {name: n for name, n in (found | {"not tested": untested}).items() if n}


def sections(results: Results, cards: Sequence[Card]) -> list[Section]:
    """Put the cards into the sections of the book; verdicts that it does not list behind them."""
    by_claim = {card["verdict"].claim: card for card in cards}
    chapters = [*results.book, *_unlisted(results)]
    return [
        Section(
            anchor=f"section.{number}",
            title=chapter.title,
            rows=[Row(listed, by_claim.get(listed.id)) for listed in chapter.claims],
        )
        for number, chapter in enumerate(chapters, 1)
    ]


def _unlisted(results: Results) -> list[Chapter]:
    """Make chapters of the verdicts of an older run, which has no book, by their own sections."""
    known = {listed.id for chapter in results.book for listed in chapter.claims}
    found: dict[str, list[Listed]] = {}
    for verdict in results.verdicts:
        if verdict.claim not in known:
            found.setdefault(verdict.section, []).append(_listed(verdict, results.run.profile))
    return [
        Chapter(key=key, title=SECTIONS.get(key, key), claims=claims)
        for key, claims in found.items()
    ]


def _listed(verdict: Verdict, profile: str) -> Listed:
    return Listed(
        id=verdict.claim, sentence=verdict.sentence, kind=verdict.kind, profiles=[profile]
    )


def coverage(results: Results) -> str:
    """Say how much of the book this run has tested: `41 of 89 claims, in 12 of 19 sections`."""
    if not results.book:
        return ""
    tested = {verdict.claim for verdict in results.verdicts}
    claims = [listed.id for chapter in results.book for listed in chapter.claims]
    there = [c for c in results.book if any(listed.id in tested for listed in c.claims)]
    done = sum(claim in tested for claim in claims)
    return (
        f"{done} of {words.plural(len(claims), 'claim')} of the book tested in this run, "
        f"in {len(there)} of {words.plural(len(results.book), 'section')}."
    )


def silent(results: Results) -> str:
    """Say which sections of the notes have no claim, where it is the book of the notes."""
    keys = {chapter.key for chapter in results.book}
    return SILENT.replace("`", "") if keys >= {key for key in SECTIONS if key} else ""
