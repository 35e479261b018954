"""The claims as a document to read, section by section of the notes: docs/claims.md. Pure.

It says what each sentence stands on before any data, not how it came out: that is what a report is
for. `lab list claims --markdown` prints it; a test holds docs/claims.md against lab.yaml.
"""

from collections.abc import Iterable

from lab.cells import arms
from lab.claims import Claim, LimitClaim, RatioClaim, ReplicationClaim, metric_of
from lab.saying import sense
from lab.schema import Lab

# The notes' sections that say something testable, in their order.
SECTIONS = {
    "recap": "recap: threads, locks, queues, pools",
    "一": "一, pools and their shutdown",
    "二": "二, timers",
    "3.1": "三 3.1, why coroutines",
    "3.2": "三 3.2, what coroutines are",
    "四": "四, greenlet",
    "五": "五, gevent",
    "六": "六, many sockets in one thread",
    "七": "七, asyncio",
    "八": "八, I/O models",
    "8.1": "八 8.1, kernel space and user space",
    "8.2.1": "八 8.2.1, blocking I/O",
    "8.2.2": "八 8.2.2, non-blocking I/O",
    "8.2.3": "八 8.2.3, multiplexing",
    "8.2.4": "八 8.2.4, asynchronous I/O",
    "8.2.5": "八 8.2.5, select, poll and epoll compared",
    "8.3": "八 8.3, the models compared",
    "8.5": "八 8.5, Reactor and Proactor",
    "": "Not in the notes, but they sharpen them",
}
PART_OF = {"5": "五"}  # 5.2 stands in section 五; all others are named by their own beginning
SILENT = "No claim of their own have 8.4 (see `concurrency-parallelism`) and 九 (no I/O)."
HEAD = """# The claims

Every sentence of the lecture notes that this lab tests, and sharper ones that follow from them, as
lab.yaml and the files it includes declare them: printed from there by
`lab list claims --markdown`, and a test compares. What is declared here was fixed before any data;
how the sentences came out is in a run's report.

`expected` is what others have published. It is shown beside a verdict and never used in one.
*quick* and *full* are the profiles that test a claim; `lab run ID` tests it alone.
"""


def section_of(claim: Claim) -> str:
    """Return the section of `SECTIONS` that a claim stands in. Raises KeyError."""
    named = claim.section
    fits = (key for key in sorted(SECTIONS, key=len, reverse=True) if key and named.startswith(key))
    found = next(fits, PART_OF.get(named.partition(".")[0], named))
    if found not in SECTIONS:
        raise KeyError(f"{claim.id}: the notes have no section {named}")
    return found


def markdown(lab: Lab) -> str:
    """Return the whole document."""
    by_section: dict[str, list[Claim]] = {section: [] for section in SECTIONS}
    for claim in lab.claims.values():
        by_section[section_of(claim)].append(claim)
    told = [(SECTIONS[section], claims) for section, claims in by_section.items() if claims]
    kinds = ", ".join(f"{count} {kind}" for kind, count in _kinds(lab.claims.values()))
    parts = [HEAD, f"{len(lab.claims)} claims: {kinds}. {SILENT}\n", _contents(told)]
    parts += [_section(title, claims) for title, claims in told]
    return "\n".join(parts)


def _kinds(claims: Iterable[Claim]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for claim in claims:
        counts[claim.kind] = counts.get(claim.kind, 0) + 1
    return sorted(counts.items(), key=lambda item: -item[1])


def _contents(told: list[tuple[str, list[Claim]]]) -> str:
    rows = [f"| {title} | {', '.join(f'`{c.id}`' for c in claims)} |" for title, claims in told]
    return "\n".join(["| section | claims |", "|---|---|", *rows, ""])


def _section(title: str, claims: list[Claim]) -> str:
    return "\n".join([f"## {title}", "", *(_claim(claim) for claim in claims)])


def _claim(claim: Claim) -> str:
    lines = [f"**`{claim.id}`** — *{claim.sentence}*  "]
    if claim.notes:
        lines.append(f"「{claim.notes}」 ({claim.section})  ")
    lines.append(f"{_decided(claim)} Profiles: {', '.join(claim.profiles)}.  ")
    if because := getattr(claim, "because", ""):
        lines.append(f"Because {because}.  ")
    if claim.expected is not None:
        lines.append(f"Expected: {claim.expected.verdict} ({claim.expected.source}).  ")
    if claim.caveat:
        lines.append(f"{claim.caveat}  ")
    lines[-1] = lines[-1].rstrip()
    return "\n".join([*lines, ""])


def _decided(claim: Claim) -> str:
    """Say what decides it: kind, metric, cells."""
    said = f"{claim.kind}: {sense(claim)}"
    if isinstance(claim, LimitClaim):
        return f"{said}."
    metric = f"{metric_of(claim)} " if metric_of(claim) else ""
    where = f"in `{claim.experiment}`" if claim.experiment else ""
    if isinstance(claim, ReplicationClaim) and claim.program:
        where = f"by the program `{claim.program}`"
    at = ""
    if isinstance(claim, RatioClaim) and any(claim.at):
        cells = ("+".join(f"{name}={level}" for name, level in place.items()) for place in claim.at)
        at = f", at {' and '.join(cells)}"
    compared = ", ".join(dict.fromkeys(arms(claim)))
    return f"{said}; {metric}{where}{at}{f', arms {compared}' if compared else ''}."
