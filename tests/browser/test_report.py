"""The page in a real browser: charts are drawn, nothing is asked for, nothing sticks out."""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lab.report import html

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
SAMPLE = Path(__file__).parents[1] / "lab" / "sample_results.py"
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--proxy-server=127.0.0.1:9",  # the discard port: whoever asks the network gets nothing
    "--enable-logging=stderr",
    "--v=0",
]
# --dump-dom shows the title. What reaches past the window's edge would make the page scroll.
PROBE = """<script>addEventListener("load", () => setTimeout(() => {
  const outside = (one) => one.getBoundingClientRect().right > innerWidth + 1;
  const wide = [...document.querySelectorAll("body *")]
    .filter((one) => !one.closest(".scroll, svg, .skip") && outside(one))
    .map((one) => one.tagName + "." + one.className);
  const cut = [...document.querySelectorAll(".chart svg text")].filter(outside).length;
  const loaded = performance.getEntriesByType("resource").map((one) => one.name);
  document.title = JSON.stringify({ wide, cut, loaded });
}, 1500));</script></body>"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None and os.environ.get("CI") != "true",
        reason="chromium is not installed: apt-get install chromium",
    ),
]


@pytest.fixture(scope="module")
def sample():
    spec = importlib.util.spec_from_file_location("sample_results_of_the_browser", SAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def browse(tmp_path):
    """Open a page; returns its DOM after scripts ran, and what the console said."""

    def run(page, width=1400, scheme=1):
        assert CHROMIUM is not None, "CI must have chromium"
        path = tmp_path / "report.html"
        before, _, after = page.rpartition("</body>")
        path.write_text(before + PROBE + after, encoding="utf-8")
        window = [f"--window-size={width},900", f"--blink-settings=preferredColorScheme={scheme}"]
        command = [CHROMIUM, *QUIET, *window, f"--user-data-dir={tmp_path / 'profile'}"]
        command += ["--virtual-time-budget=10000", "--dump-dom", path.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        return done.stdout, said

    return run


@pytest.mark.parametrize("width", [500, 1400])  # chromium's window is never narrower than 500
def test_charts_are_drawn_offline_and_nothing_sticks_out(sample, browse, width):
    dom, said = browse(html.render(sample.full()), width)
    assert said == []
    charts = re.findall(r'<div class="chart[^>]*>(.*?)</svg>', dom, re.DOTALL)
    assert len(charts) == 4
    assert all('aria-roledescription="line mark container"' in c or "symbol" in c for c in charts)
    assert re.search(r"<title>(.*?)</title>", dom).group(1) == ('{"wide":[],"cut":0,"loaded":[]}')


def test_dark_and_empty(sample, browse):
    dom, said = browse(html.render(sample.empty()), scheme=0)
    assert said == []
    assert "No sentence has a verdict in this run." in dom


def test_hostile_text_never_runs(sample, browse):
    results = sample.full()
    ladder = results.ladders[0].model_copy(update={"arm": sample.HOSTILE, "unit": sample.HOSTILE})
    dom, said = browse(html.render(results.model_copy(update={"ladders": [ladder]})))
    assert said == []
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in dom
