"""The report in a real browser: charts are drawn, nothing is asked for, nothing sticks out."""

import importlib.util
from pathlib import Path

import pytest
from playwright.sync_api import expect

from lab.report import html

SAMPLE = Path(__file__).parents[1] / "lab" / "sample_results.py"
# What reaches past the window's edge would make the page scroll.
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
    browse(html.render(sample.full()), 4)
    charts = [chart.inner_html() for chart in page.locator(".chart").all()]
    assert len(charts) == 4
    assert all('aria-roledescription="line mark container"' in c or "symbol" in c for c in charts)
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
    page = browse(html.render(results.model_copy(update={"ladders": [ladder]})), 4)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.content()
    assert heard.console == []
