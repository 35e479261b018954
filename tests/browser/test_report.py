"""The report in a real browser: charts are drawn, nothing is asked for, nothing sticks out."""

import importlib.util
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import expect

from lab.report import html
from tests.browser.looks import FAINT

CHARTS = 10  # of the sample: map, three of claims, growth, two crossovers, latency, two of a table
SAMPLE = Path(__file__).parents[1] / "lab" / "sample_results.py"
# What reaches past the window's edge would make the page scroll.
BLOCKS = "[id='chart.idle-epoll.blocks']"
OUTSIDE = """(() => {
  const outside = (one) => one.getBoundingClientRect().right > innerWidth + 1;
  const wide = [...document.querySelectorAll("body *")]
    .filter((one) => !one.closest(".scroll, svg, .skip") && outside(one))
    .map((one) => one.tagName + "." + one.className);
  const cut = [...document.querySelectorAll(".chart svg text")].filter(outside).length;
  return { wide, cut };
})()"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sample():
    spec = importlib.util.spec_from_file_location("sample_results_of_the_browser", SAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def browse(page, tmp_path):
    """Open a report whose charts, so many, are drawn."""

    def run(report, charts):
        path = tmp_path / "report.html"
        path.write_text(report, encoding="utf-8")
        page.goto(path.as_uri())
        expect(page.locator(".chart svg")).to_have_count(charts)
        return page

    return run


@pytest.mark.parametrize("width", [360, 500, 1400])
def test_charts_are_drawn_offline_and_nothing_sticks_out(sample, page, browse, heard, width):
    page.set_viewport_size({"width": width, "height": 900})
    browse(html.render(sample.full()), CHARTS)
    charts = [chart.inner_html() for chart in page.locator(".chart").all()]
    assert len(charts) == CHARTS
    drawn = ("line mark container", "symbol mark container", "rect mark container")
    assert all(any(mark in chart for mark in drawn) for chart in charts)
    assert page.evaluate(OUTSIDE) == {"wide": [], "cut": 0}
    assert heard.console == []
    assert heard.requests == [page.url]


def test_dark_and_empty(sample, page, browse, heard):
    page.emulate_media(color_scheme="dark")
    browse(html.render(sample.empty()), 0)
    assert "No sentence has a verdict in this run." in page.inner_text("body")
    assert heard.console == []


def test_hostile_text_never_runs(sample, browse, heard):
    results = sample.full()
    ladder = results.ladders[0].model_copy(update={"arm": sample.HOSTILE, "unit": sample.HOSTILE})
    page = browse(html.render(results.model_copy(update={"ladders": [ladder]})), CHARTS)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.content()
    assert heard.console == []


def test_the_contents_lead_to_a_claim_in_two_languages(sample, page, browse, heard):
    browse(html.render(sample.full()), CHARTS)
    contents = page.get_by_role("navigation", name="Sections of the notes")
    expect(contents.get_by_role("link")).to_have_count(4)
    contents.get_by_role("link", name="select, poll and epoll compared").click()
    expect(page.get_by_role("heading", level=3, name="select, poll and epoll")).to_be_in_viewport()
    table = page.get_by_role("region", name="Every claim and its verdict")
    table.get_by_role("link", name="of which few are active").click()
    assert page.url.endswith("#idle-epoll")
    card = page.get_by_role("article", name="of which few are active")
    expect(card.get_by_role("heading", level=4)).to_be_in_viewport()
    expect(card.locator("q:lang(zh)")).to_have_text("连接活跃度不高,epoll比select好")
    assert "Design. select against epoll-level, at idle 900; 4 long" in card.inner_text()
    assert "lab run idle-epoll --profile quick --seed 7" in card.inner_text()
    assert heard.console == []


def test_a_claims_chart_has_its_blocks_and_answers_the_pointer(sample, page, browse, heard):
    browse(html.render(sample.full()), CHARTS)
    chart = page.locator(BLOCKS)
    points = chart.locator(".mark-symbol path")
    expect(points).to_have_count(12)
    points.nth(3).hover()
    expect(page.locator("#vg-tooltip-element.visible")).to_contain_text("select/idle=900")
    chart.locator("xpath=following-sibling::details").locator("summary").click()
    table = page.get_by_role("region", name="Numbers of idle-epoll by block")
    expect(table.get_by_role("rowheader")).to_have_count(13)
    assert heard.console == []


def test_the_map_names_who_wins_and_answers_the_pointer(sample, page, browse, heard):
    browse(html.render(sample.full()), CHARTS)
    chart = page.locator("[id='chart.map-1']")
    words = chart.locator(".mark-text.role-mark text").all_text_contents()
    assert [words.count(name) for name in ("select", "epoll-level", "≈ poll", "? poll")] == [
        2,
        2,
        1,
        1,
    ]
    assert "31.0" in words
    cell = chart.get_by_label("0 idle, 1 active: select, ≈ poll, epoll-level 1.3 ×", exact=True)
    cell.hover(position={"x": 9, "y": 9})
    expect(page.locator("#vg-tooltip-element.visible")).to_contain_text("0 idle, 1 active")
    expect(page.locator("#vg-tooltip-element.visible")).to_contain_text("1.27 ×")
    assert heard.console == []


def test_headings_grow_one_by_one_and_tables_have_heads(sample, page, browse):
    browse(html.render(sample.full()), CHARTS)
    levels = page.evaluate(
        "[...document.querySelectorAll('h1,h2,h3,h4,h5')].map((one) => +one.tagName[1])"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    bare = "[...document.querySelectorAll('th:not([scope])')].map((one) => one.textContent)"
    assert page.evaluate(bare) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(sample, page, browse, scheme):
    page.emulate_media(color_scheme=scheme)
    browse(html.render(sample.full()), CHARTS)
    found = page.evaluate(FAINT)
    assert found["texts"] > 400
    assert found["faint"] == []


def test_on_paper_nothing_is_hidden_behind_an_edge(sample, page, browse):
    page.set_viewport_size({"width": 720, "height": 1000})
    browse(html.render(sample.full()), CHARTS)
    page.emulate_media(media="print")
    assert page.locator("nav:visible").count() == 0
    assert page.locator("article:visible").count() == 8
    assert page.evaluate(OUTSIDE)["wide"] == []
