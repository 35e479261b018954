"""The page /lab/ in a real browser, against a stub of the master: what it shows, how it fails, and
that everybody can use it. With a real master: test_by_hand.py.
"""

import copy

import pytest
from playwright.sync_api import expect

from tests.browser.looks import FAINT, FOCUSED, OUTSIDE, REACHABLE

pytestmark = pytest.mark.slow

HOSTILE = '<img src=x onerror="document.title=1"><script>alert(1)</script>&amp;' + "w" * 90
IDLE = {"state": "idle", "driver": None, "run": None, "now": None, "total": None}


@pytest.fixture
def shown(page, stub):
    """The page, with the stub's document on it."""

    def show(document=None, **changes):
        stub.document = {**stub.document, **changes} if document is None else document
        page.goto(stub.url)
        expect(page.locator("#latency-rows tr").first).to_be_attached()
        return page

    return show


def hostile(document):
    """Every text of a document replaced by a hostile one, but for the contract's own words."""
    words = {"idle", "running", "hand", "pass", "warn", "void", "unknown"}
    if isinstance(document, dict):
        return {key: hostile(value) for key, value in document.items()}
    if isinstance(document, list):
        return [hostile(value) for value in document]
    return HOSTILE if isinstance(document, str) and document not in words else document


def moved(polls, example):
    document = copy.deepcopy(example)
    document["now"]["requests_per_s"] = 1000 + polls
    document["now"]["server_cpu_us_per_request"] = 40 + polls
    document["run"]["since_s"] = 100 + polls
    last = document["series"][-1]
    document["series"].append({**last, "t": last["t"] + polls})
    return document


def test_shows_the_document_and_writes_nothing_on_the_console(shown, stub, heard):
    page = shown()
    assert page.inner_text("h1") == "epoll over http"
    assert page.inner_text("#state") == "running"
    tiles = page.inner_text("#tiles").split("\n")
    assert tiles[:4] == ["Requests", "3,004 /s", "CPU per request", "41.3 µs"]
    assert "29.6 MiB" in tiles
    assert page.inner_text("#latency-rows tr:nth-child(3)").split() == [
        "p99",
        "1.63",
        "1.17",
        "1.71",
        "1.19",
    ]
    worst = page.inner_text("#gate-rows tr:first-child")
    assert worst.startswith("! warn\tsend-lag")
    assert page.inner_text("#census-rows tr:nth-child(3)").split() == [
        "idle",
        "5,000",
        "5,000",
        "✓",
        "exact",
    ]
    assert page.inner_text("#error-rows").split() == ["reset", "2", "timeout", "1"]
    latest = page.inner_text("#run-rows tr:first-child")
    assert latest.split("\t")[1] == "fastapi"
    verdict = page.inner_text("#verdict-rows tr:nth-child(3)")
    assert verdict.startswith("✕ refuted\tthreads-slower\t0.91")
    assert page.evaluate("document.querySelectorAll('#figures svg .line').length") == 6
    assert heard.console == []
    assert {url.rsplit("/lab/")[0] + "/lab/" for url in heard.requests} == {stub.url}


def test_numbers_move_and_are_not_read_aloud(shown, stub, example):
    stub.document = lambda polls: moved(polls, example)
    page = shown(stub.document)
    said = page.inner_text("#said")
    parts = "['tiles', 'facts', 'figures'].map((id) => document.getElementById(id).innerText)"
    before = page.evaluate(parts)  # all of one moment
    expect(page.locator("#tiles")).not_to_have_text(before[0], use_inner_text=True)
    after = page.evaluate(parts)
    assert all(one != other for one, other in zip(before, after, strict=True))
    assert page.inner_text("#said") == said
    assert said.startswith("running: epoll over http.")


def test_texts_from_outside_are_texts(shown, heard, example):
    page = shown(hostile(example))
    expect(page.locator("#run-rows tr").first).to_be_attached()
    assert (
        page.evaluate("document.querySelectorAll('main img, main script, header img').length") == 0
    )
    for part in ("h1", "#run-rows", "#verdict-rows", "#error-rows", "#gate-rows"):
        assert HOSTILE in page.inner_text(part)
    assert "<img src=x" in page.evaluate("document.title")
    assert heard.console == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate(OUTSIDE) == []


@pytest.mark.parametrize("width", [360, 800, 1280])
@pytest.mark.parametrize("state", ["running", "idle", "void"])
def test_nothing_sticks_out(shown, width, state):
    changes = {
        "running": {},
        "idle": {**IDLE, "runs": [], "series": [], "gates": [], "verdicts": []},
    }
    why = "the load engines used 91% of their core"
    void = {"gates": [{"gate": "generator-saturated", "state": "void", "why": why}]}
    page = shown(**changes.get(state, void))
    page.set_viewport_size({"width": width, "height": 740})
    for box in range(2 if state != "idle" else 0):
        page.click(f"#run-rows tr:nth-child({box + 1}) input")
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.querySelector('#void').hidden") == (state != "void")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast(shown, page, scheme, example):
    page.emulate_media(color_scheme=scheme)
    gates = [
        {"gate": state, "state": state, "why": "x"} for state in ("pass", "warn", "void", "unknown")
    ]
    verdicts = [
        {**example["verdicts"][0], "verdict": verdict}
        for verdict in ("supported", "refuted", "inconclusive", "void", "skipped", "new")
    ]
    shown(gates=gates, verdicts=verdicts)
    for box in (1, 2):
        page.click(f"#run-rows tr:nth-child({box}) input")
    found = page.evaluate(FAINT)
    assert found["texts"] > 150
    assert found["faint"] == []
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 29)"
    assert dark == (scheme == "dark")


def test_the_keyboard_reaches_everything_in_order_and_shows_where_it_is(shown):
    page = shown()
    page.click("#run-rows tr:nth-child(1) input")
    page.click("#run-rows tr:nth-child(2) input")
    page.evaluate("document.activeElement.blur()")
    wanted = page.evaluate(REACHABLE)
    assert len(wanted) > 20
    assert sum('class="chart"' in html for html in wanted) == 5
    page.goto(page.url)  # focus begins at the top again
    expect(page.locator("#latency-rows tr").first).to_be_attached()
    for box in (1, 2):
        page.evaluate(f"document.querySelector('#run-rows tr:nth-child({box}) input').click()")
    reached = []
    while True:
        page.keyboard.press("Tab")
        one = page.evaluate(FOCUSED)
        if one is None or len(reached) > len(wanted):
            break
        assert one[1], f"no outline on {one[0]}"
        reached.append(one[0][:60])
    assert reached == [html[:60] for html in wanted]
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")  # and back: no trap
    assert page.evaluate(FOCUSED)[0][:60] == reached[0]


def test_runs_are_compared_by_keyboard_and_stay_ticked_when_another_ends(shown, stub, example):
    page = shown()
    for server in ("epoll", "select"):
        page.evaluate(
            f"document.querySelector('#run-rows input[aria-label*=\"{server},\"]').focus()"
        )
        page.keyboard.press("Space")
    rows = [line.split("\t") for line in page.inner_text("#compare-rows").split("\n")]
    assert rows[0][1:] == ["3,000", "2,412 (0.804\u00a0×)"]
    assert rows[5][1:] == ["41.0", "402 (9.80\u00a0×)"]
    note = page.inner_text("#compare-note")
    assert "The loads differ in idle" in note
    assert "Not valid: select." in note
    ended = {**example["runs"][0], "at": "2026-11-23T11:20:00+00:00", "server": "poll"}
    stub.document = {**example, "runs": [*example["runs"], ended]}
    expect(page.locator("#run-rows tr")).to_have_count(5)
    checked = page.evaluate(
        "[...document.querySelectorAll('#run-rows input')].map((box) => box.checked)"
    )
    assert checked == [False, False, False, True, True]
    assert "select" in page.evaluate("document.activeElement.ariaLabel")
    page.click("#clear")
    assert page.evaluate("document.querySelector('#compare').hidden")


def test_what_is_not_known_is_a_dash_with_its_reason(shown, example):
    reason = "select:7000 does not answer"
    unknown = dict.fromkeys(
        ("server_cpu_us_per_request", "server_cpu", "server_memory_bytes", "throttled")
    )
    census = {**example["now"]["census"], "server_sockets": None}
    now = {**example["now"], **unknown, "census": census, "meter_note": reason}
    series = [{**point, "server_memory_bytes": None} for point in example["series"]]
    page = shown(now=now, series=series)
    tiles = page.inner_text("#tiles").split("\n")
    assert tiles[3::2][:3] == ["—", "—", "—"]
    assert page.evaluate("document.querySelectorAll('#tiles dd[title]').length") == 4
    assert page.evaluate("document.querySelector('#tiles dd[title]').title") == reason
    assert page.inner_text("#meter-note") == "Select:7000 does not answer."
    assert page.inner_text("#census-rows tr:last-child").split("\t")[2] == "—"
    assert (
        page.inner_text("#figures figure:nth-child(4) .chart") == "Not known: see the note above."
    )


def test_a_chart_is_read_with_the_arrow_keys_and_all_charts_follow(shown, example):
    page = shown()
    page.evaluate("document.querySelector('.chart').focus()")
    page.keyboard.press("ArrowLeft")
    point = example["series"][-2]
    readouts = page.evaluate(
        "[...document.querySelectorAll('.readout')].map((one) => one.innerText)"
    )
    assert all(readout.startswith(f"at {round(point['t'])} s") for readout in readouts)
    assert f"{point['server_cpu_us_per_request']:.1f}" in readouts[1]
    assert "response" in page.evaluate("document.querySelector('.chart').ariaValueText")
    page.keyboard.press("Escape")
    assert not page.inner_text(".readout").startswith("at ")


def test_a_master_that_goes_is_said_to_be_gone_and_found_again(shown, stub):
    page = shown()
    stub.stop()
    expect(page.locator("#gone")).to_be_visible()
    assert "does not answer" in page.inner_text("#gone")
    assert page.inner_text("#state") == "no answer"
    assert page.inner_text("h1") == "epoll over http"  # what was known stays, marked as old
    assert page.evaluate(FAINT)["faint"] == []
    stub.start()
    expect(page.locator("#gone")).to_be_hidden()
    assert page.inner_text("#state") == "running"


@pytest.mark.parametrize(
    ("status", "document", "wanted"),
    [
        (403, {"error": "no"}, "HTTP 403"),
        (200, ["not", "it"], "not the lab"),
        (200, {}, "not the lab"),
    ],
)
def test_an_answer_that_is_no_live_document_is_told_plainly(page, stub, status, document, wanted):
    stub.status, stub.document = status, document
    page.goto(stub.url)
    expect(page.locator("#gone")).to_be_visible()
    assert wanted in page.inner_text("#gone")
    assert page.inner_text("h1") == "The master does not answer"


def test_motion_stops_for_those_who_want_none(shown, page):
    page.emulate_media(reduced_motion="reduce")
    shown()
    assert (
        page.evaluate(
            "getComputedStyle(document.querySelector('#state'), '::before').animationName"
        )
        == "none"
    )
    page.emulate_media(reduced_motion="no-preference")
    assert (
        page.evaluate(
            "getComputedStyle(document.querySelector('#state'), '::before').animationName"
        )
        == "beat"
    )


def test_lab_run_is_named_as_the_driver_and_judges_its_trials_itself(shown, example):
    run = {**example["run"], "trial": "t-0007"}
    nothing = {"now": None, "total": None, "gates": [], "series": []}
    page = shown(driver="lab run", run=run, **nothing)
    assert "driven by lab run, trial t-0007" in page.inner_text("#facts")
    assert page.inner_text("#now-lead").startswith("lab run meters and judges its trials itself")
    assert "lab run judges its trials itself" in page.inner_text("#gate-rows")
    assert page.evaluate("document.querySelector('#figures').hidden")
    assert page.inner_text("#said") == "lab run drives this master."  # and not each trial of it


def test_a_load_that_ended_badly_says_why(shown):
    page = shown(**IDLE, why="Locust worker w went missing")
    assert page.inner_text("h1") == "No load is running"
    assert "The last one: Locust worker w went missing." in page.inner_text("#now-lead")
