"""The page: golden, offline, escaped, byte-equal."""

import hashlib
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lab.report import html

from . import sample_results as sample

HERE = Path(__file__).parent
VOID = {"meta", "br", "rect", "line", "path", "link", "img"}
AGAIN = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
import sample_results
from lab.report import html, junit, machine
for render in (html.render, junit.render, machine.render):
    print(hashlib.sha256(render(sample_results.full()).encode()).hexdigest())
"""


class Page(HTMLParser):
    """All ids, internal links, loaded addresses and the balance of tags."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loaded, self.open, self.text = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            elif name == "href":
                self.links.append(value)
            elif name in ("src", "srcset", "data", "action", "poster", "xlink:href"):
                self.loaded.append(value)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)


@pytest.fixture(scope="module")
def bare():
    return html.render(sample.full(), bundle=False)


@pytest.fixture(scope="module")
def whole():
    return html.render(sample.full())


@pytest.mark.parametrize("which", ["full", "empty"])
def test_golden(which, golden):
    golden(f"report_{which}.html", html.render(getattr(sample, which)(), bundle=False))


def test_golden_charts(whole, golden):
    found = re.search(
        r'<script type="application/json" id="specs">(.*?)</script>', whole, re.DOTALL
    )
    specs = json.loads(found.group(1))
    golden("report_charts.json", json.dumps(specs, indent=1, sort_keys=True) + "\n")


def test_tags_balance_ids_are_unique_and_links_lead_somewhere(bare):
    page = Page(bare)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert {link for link in page.links if link[1:] not in page.ids} == set()


def test_the_page_loads_nothing(whole):
    page = Page(whole)
    assert page.loaded == []
    assert all(link.startswith("#") for link in page.links)
    assert "@import" not in whole
    assert not re.search(r"url\(\s*['\"]?(https?:)?//", whole)
    assert "default-src 'none'" in whole
    assert len(whole.encode()) < 2_000_000


def test_no_address_outside_the_library(bare):
    assert "http://" not in bare
    assert "https://" not in bare


def test_text_stays_text(bare, whole):
    assert sample.HOSTILE not in bare
    assert sample.HOSTILE not in whole
    assert sample.HOSTILE in "".join(Page(bare).text)


def test_text_in_a_chart_cannot_end_its_script():
    results = sample.full()
    ladder = results.ladders[0].model_copy(update={"arm": "</script><script>alert(2)</script>"})
    page = html.render(results.model_copy(update={"ladders": [ladder]}))
    assert "<script>alert(2)" not in page
    assert page.count("</script>") == 3


def test_every_verdict_says_all_that_must_be_printed_with_it(bare):
    text = " ".join("".join(Page(bare).text).split())
    for verdict in sample.full().verdicts:
        assert verdict.sentence in text
        assert verdict.notes in text
        assert verdict.reason in text
        assert f"lab run {verdict.claim} --profile quick --seed 7" in text
    for said in [
        "at least 1.3, because less would not make anyone rewrite a server",
        "12 of 12 blocks, 1 look",
    ]:
        assert said in text
    assert "host-noise 3 times" in text
    assert "< 0.001 raw, 0.002 adjusted (Benjamini–Hochberg)" in text


def test_every_claim_of_the_book_stands_in_the_table_of_its_section(bare):
    table = bare[bare.index('<table class="glance">') :]
    table = table[: table.index("</table>")]
    for chapter in sample.book():
        section = table[table.index(f"{chapter.title[-12:]}</th>") :]
        section = section[: section.index("</tbody>")]
        for listed in chapter.claims:
            assert listed.sentence in section
    assert "8 of 9\N{NO-BREAK SPACE}claims of the book tested in this run, in 3 of" in bare
    assert "not in this run" in table
    assert "lab run twins" in table


def test_a_claims_anchor_is_its_id_and_holds_both_languages(bare):
    page = Page(bare)
    for verdict in sample.full().verdicts:
        assert verdict.claim in page.ids
        assert f'<q lang="zh">{verdict.notes}</q>' in bare


def test_a_surprise_stands_first_with_its_ledger_and_what_may_explain_it():
    caveat = "Both arms share one load engine."
    judged = sample.refuted().model_copy(update={"caveat": caveat})
    results = sample.full().model_copy(update={"verdicts": [sample.supported(), judged]})
    page = html.render(results, bundle=False)
    first, rest = page.split('<section id="page.book">')
    block = first[first.index('id="page.surprises"') :]
    for said in (judged.sentence, "Expected <b>supported</b>", caveat, "epoll_wait", "pselect6"):
        assert said in block
    assert sample.supported().sentence not in block
    assert 'id="active-select"' in rest


def test_a_run_of_an_older_lab_has_its_sections_from_its_verdicts():
    results = sample.full().model_copy(update={"book": []})
    page = html.render(results, bundle=False)
    assert 'id="idle-epoll"' in page
    assert "of the book tested" not in page
    assert "multiplexing</th>" in page


def test_a_percentile_that_is_absent_is_not_shown(bare):
    text = "".join(Page(bare).text)
    assert "p99" in text
    assert "p99.9" not in text


def test_no_chart_no_library():
    assert "vegaEmbed" not in html.render(sample.empty())


def test_equal_results_are_equal_bytes_whatever_the_hash_seed():
    seen = {
        subprocess.run(
            [sys.executable, "-c", AGAIN, str(HERE)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1
    here = hashlib.sha256(html.render(sample.full()).encode()).hexdigest()
    assert next(iter(seen)).decode().split()[0] == here
