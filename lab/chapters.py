"""The claims of a lab.yaml by section of the notes: the table of contents of a report. Pure.

All of them, those too that a run did not test: what is missing must be seen. A section that the
notes do not have (a lab.yaml of your own) stands behind theirs under its own name.
"""

from lab.book import SECTIONS, section_of
from lab.claims import Claim
from lab.report.model import Chapter, Listed
from lab.schema import Lab


def chapters(lab: Lab) -> list[Chapter]:
    """Return the sections that have claims in the order of the notes, claims in the file's."""
    found: dict[str, list[Claim]] = {key: [] for key in SECTIONS}
    for claim in lab.claims.values():
        found.setdefault(_key(claim), []).append(claim)
    return [
        Chapter(key=key, title=SECTIONS.get(key, key), claims=[_listed(claim) for claim in claims])
        for key, claims in found.items()
        if claims
    ]


def _key(claim: Claim) -> str:
    try:
        return section_of(claim)
    except KeyError:
        return claim.section


def _listed(claim: Claim) -> Listed:
    return Listed(
        id=claim.id, sentence=claim.sentence, kind=claim.kind, profiles=list(claim.profiles)
    )
