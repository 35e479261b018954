"""The report as one self-contained HTML page that asks nothing of the network.

Sentences, reasons and errors are text that others wrote: the template escapes all of it, and the
page's content security policy forbids every request. Equal results give equal bytes. What the page
shows is arranged here and in `figures`; how it looks stands in templates/. Imported only when a
report is written, because altair is large.
"""

import json
import re
import shlex
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from lab.report import (
    charts,
    claim_figures,
    contents,
    courses,
    figures,
    forest,
    maps,
    replicated,
    searches,
    words,
)
from lab.report.model import OutcomeName, Results, RunInfo, Verdict

BADGES: dict[OutcomeName, str] = {
    "supported": "✓",
    "refuted": "✗",
    "inconclusive": "?",
    "void": "∅",
    "skipped": "–",
}
CHINESE = re.compile("[\u4e00-\u9fff]+")
FAMILIES = {"bh": "Benjamini–Hochberg", "holm": "Holm"}


def render(results: Results, *, bundle: bool = True) -> str:
    """Write the page. bundle=False leaves the chart library out: tables, but no charts."""
    specs: figures.Specs = {}
    cards = [_card(verdict, results, specs) for verdict in results.verdicts]
    judged = {verdict.claim for verdict in results.verdicts}
    page = _environment().get_template("report.html.j2")
    return page.render(
        results=results,
        run=results.run,
        title=f"Server I/O in verdicts: {results.run.profile} run",
        counts=words.tally(verdict.outcome for verdict in results.verdicts),
        cards=cards,
        sections=contents.sections(results, cards),
        coverage=contents.coverage(results),
        silent=contents.silent(results),
        surprises=[card for card in cards if card["verdict"].surprise],
        growth=figures.growth(results.ladders, specs),
        crossovers=figures.crossovers(
            [line for line in results.crossovers if line.claim not in judged], specs
        ),
        experiments=figures.experiments(results.cells, specs),
        searches=searches.figures(results.searches, specs),
        courses=courses.figures(results.courses, specs),
        maps=maps.figures_of(results.maps, specs),
        ledgers=figures.ledgers(results.mechanism),
        rebuild=shlex.join(["lab", "report", results.run.id]),
        rerun=shlex.join(["lab", "run", *_options(results.run)]),
        specs=_script_json(specs),
        library=Markup(charts.bundle()) if bundle and specs else "",  # noqa: S704 (ours, not text)
    )


def _environment() -> Environment:
    """Make the template engine: everything is escaped, and an unknown name is an error."""
    environment = Environment(
        loader=PackageLoader("lab.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.update(words=words, badges=BADGES, meanings=words.MEANINGS)
    environment.globals.update(cell=replicated.cell, said=replicated.said, mixed=_mixed)
    return environment


def _mixed(text: str) -> Markup:
    """Mark the Chinese of a title as Chinese, for fonts and for those who listen."""
    said = str(escape(text))
    return Markup(CHINESE.sub(r'<span lang="zh">\g<0></span>', said))  # noqa: S704 (escaped)


def _script_json(value: object) -> Markup:
    """Write JSON that is safe inside a script element, whatever its strings hold."""
    text = json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    escaped = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return Markup(escaped)  # noqa: S704 (nothing is left that could end the element)


def _options(run: RunInfo) -> list[str]:
    where = [] if run.backend == "process" else ["--backend", run.backend]
    return ["--profile", run.profile, "--seed", str(run.seed), *where]


def _card(verdict: Verdict, results: Results, specs: figures.Specs) -> dict[str, Any]:
    """Arrange one verdict: what stands beside its sentence, in the order of reading."""
    cells = [cell for cell in results.mechanism if cell.cell in verdict.cells]
    traced = figures.ledgers(cells)
    untraced = "" if cells or not verdict.experiment else "not traced: add --mechanism"
    facts = [*_decision(verdict, results.multiplicity), *_context(verdict)]
    facts.append(("Mechanism", untraced))
    plot = forest.layout(verdict)
    return {
        "verdict": verdict,
        "forest": plot,
        "design": words.design(verdict),
        "figures": claim_figures.arrange(verdict, results.crossovers, specs),
        "outline": claim_figures.outline(f"chart.{verdict.claim}", verdict.replication, specs)
        if verdict.replication
        else None,
        "ledgers": {name: ledger for name, ledger in traced.items() if ledger["rows"]},
        "effect": words.effect(verdict),
        "facts": [(name, text) for name, text in facts if text],
        "again": shlex.join(["lab", "run", verdict.claim, *_options(results.run)]),
        "against_gate": words.against_gate(verdict),
    }


def _decision(verdict: Verdict, family: str) -> list[tuple[str, str]]:
    p = f"{words.chance(verdict.p)} raw, {words.chance(verdict.p_adjusted)} adjusted"
    return [
        ("Adjusted for", verdict.covariate),
        ("Used", words.blocks(verdict) if verdict.blocks_planned else ""),
        ("Blocks won", "" if verdict.won is None else words.share(verdict.won)),
        (
            "p",
            f"{p} ({FAMILIES[family]}){_other(verdict, family)}" if verdict.p is not None else "",
        ),
        ("Would decide", f"about {verdict.needed_blocks} blocks" if verdict.needed_blocks else ""),
        ("Void attempts", words.times(verdict.voids)),
        ("Void because", "; ".join(f"{g}: {why}" for g, why in verdict.void_reasons.items())),
    ]


def _other(verdict: Verdict, family: str) -> str:
    """Say what the other correction makes of p: both are always shown."""
    other = "holm" if family == "bh" else "bh"
    p = verdict.p_holm if other == "holm" else verdict.p_bh
    return "" if p is None else f"; {words.chance(p)} ({FAMILIES[other]})"


def _context(verdict: Verdict) -> list[tuple[str, str]]:
    source = f" ({verdict.source})" if verdict.source else ""
    gate = f"{verdict.gate}; exit code 3 if it is decided otherwise" if verdict.gate else ""
    return [
        ("Literature says", f"{verdict.expected}{source}" if verdict.expected else verdict.source),
        ("Must come out", gate),
        ("Cells", ", ".join(verdict.cells)),
    ]
