"""The page /lab/ in a real browser, against a stub of the master: what it shows, how it fails, and
that everybody can use it. With a real master: test_by_hand.py.
"""

import copy
import json

import pytest

from tests.browser.driver import SHIFT
from tests.browser.looks import FAINT, FOCUSED, OUTSIDE, REACHABLE

pytestmark = pytest.mark.slow

HOSTILE = '<img src=x onerror="document.title=1"><script>alert(1)</script>&amp;' + "w" * 90
IDLE = {"state": "idle", "driver": None, "run": None, "now": None, "total": None}
READY = "document.querySelectorAll('#latency-rows tr').length > 0"


@pytest.fixture
def shown(page, stub):
    """The page, with the stub's document on it."""

    def show(document=None, **changes):
        stub.document = {**stub.document, **changes} if document is None else document
        page.goto(stub.url)
        page.wait_for_function(READY)
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


def test_shows_the_document_and_writes_nothing_on_the_console(shown, stub):
    page = shown()
    assert page.text("h1") == "epoll over http"
    assert page.text("#state") == "running"
    tiles = page.text("#tiles").split("\n")
    assert tiles[:4] == ["Requests", "3,004 /s", "CPU per request", "41.3 µs"]
    assert "29.6 MiB" in tiles
    assert page.text("#latency-rows tr:nth-child(3)").split() == [
        "p99",
        "1.63",
        "1.17",
        "1.71",
        "1.19",
    ]
    assert page.text("#gate-rows tr:first-child").startswith("! warn\tsend-lag")  # the worst first
    assert page.text("#census-rows tr:nth-child(3)").split() == [
        "idle",
        "5,000",
        "5,000",
        "✓",
        "exact",
    ]
    assert page.text("#error-rows").split() == ["reset", "2", "timeout", "1"]
    assert page.text("#run-rows tr:first-child").split("\t")[1] == "fastapi"  # the latest first
    assert page.text("#verdict-rows tr:nth-child(3)").startswith("✕ refuted\tthreads-slower\t0.91")
    assert page.evaluate("document.querySelectorAll('#figures svg .line').length") == 6
    assert page.console == []
    assert {url.rsplit("/lab/")[0] + "/lab/" for url in page.requests} == {stub.url}


def test_numbers_move_and_are_not_read_aloud(shown, stub, example):
    stub.document = lambda polls: moved(polls, example)
    page = shown(stub.document)
    said = page.text("#said")
    before = [page.text(part) for part in ("#tiles", "#facts", "#figures")]
    page.wait_for_function(
        f"document.querySelector('#tiles').innerText !== {json.dumps(before[0])}"
    )
    after = [page.text(part) for part in ("#tiles", "#facts", "#figures")]
    assert all(one != other for one, other in zip(before, after, strict=True))
    assert page.text("#said") == said
    assert said.startswith("running: epoll over http.")


def test_texts_from_outside_are_texts(shown, example):
    page = shown(hostile(example))
    page.wait_for_function("document.querySelectorAll('#run-rows tr').length > 0")
    assert (
        page.evaluate("document.querySelectorAll('main img, main script, header img').length") == 0
    )
    for part in ("h1", "#run-rows", "#verdict-rows", "#error-rows", "#gate-rows"):
        assert HOSTILE in page.text(part)
    assert "<img src=x" in page.evaluate("document.title")
    assert page.console == []
    page.set_viewport_size(360, 740)
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
    page.set_viewport_size(width, 740)
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
    page.goto(page.evaluate("location.href"))  # focus begins at the top again
    page.wait_for_function(READY)
    for box in (1, 2):
        page.evaluate(f"document.querySelector('#run-rows tr:nth-child({box}) input').click()")
    reached = []
    while True:
        page.press("Tab")
        one = page.evaluate(FOCUSED)
        if one is None or len(reached) > len(wanted):
            break
        assert one[1], f"no outline on {one[0]}"
        reached.append(one[0][:60])
    assert reached == [html[:60] for html in wanted]
    page.press("Tab")
    page.press("Tab")
    page.press("Tab", modifiers=SHIFT)  # and back: no trap
    assert page.evaluate(FOCUSED)[0][:60] == reached[0]


def test_runs_are_compared_by_keyboard_and_stay_ticked_when_another_ends(shown, stub, example):
    page = shown()
    for server in ("epoll", "select"):
        page.evaluate(
            f"document.querySelector('#run-rows input[aria-label*=\"{server},\"]').focus()"
        )
        page.press(" ")
    rows = [line.split("\t") for line in page.text("#compare-rows").split("\n")]
    assert rows[0][1:] == ["3,000", "2,412 (0.804\u00a0×)"]
    assert rows[5][1:] == ["41.0", "402 (9.80\u00a0×)"]
    note = page.text("#compare-note")
    assert "The loads differ in idle" in note
    assert "Not valid: select." in note
    ended = {**example["runs"][0], "at": "2026-11-23T11:20:00+00:00", "server": "poll"}
    stub.document = {**example, "runs": [*example["runs"], ended]}
    page.wait_for_function("document.querySelectorAll('#run-rows tr').length === 5")
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
    tiles = page.text("#tiles").split("\n")
    assert tiles[3::2][:3] == ["—", "—", "—"]
    assert page.evaluate("document.querySelectorAll('#tiles dd[title]').length") == 4
    assert page.evaluate("document.querySelector('#tiles dd[title]').title") == reason
    assert page.text("#meter-note") == "Select:7000 does not answer."
    assert page.text("#census-rows tr:last-child").split("\t")[2] == "—"
    assert page.text("#figures figure:nth-child(4) .chart") == "Not known: see the note above."


def test_a_chart_is_read_with_the_arrow_keys_and_all_charts_follow(shown, example):
    page = shown()
    page.evaluate("document.querySelector('.chart').focus()")
    page.press("ArrowLeft")
    point = example["series"][-2]
    readouts = page.evaluate(
        "[...document.querySelectorAll('.readout')].map((one) => one.innerText)"
    )
    assert all(readout.startswith(f"at {round(point['t'])} s") for readout in readouts)
    assert f"{point['server_cpu_us_per_request']:.1f}" in readouts[1]
    assert "response" in page.evaluate("document.querySelector('.chart').ariaValueText")
    page.press("Escape")
    assert not page.text(".readout").startswith("at ")


def test_a_master_that_goes_is_said_to_be_gone_and_found_again(shown, stub):
    page = shown()
    stub.stop()
    page.wait_for_function("!document.querySelector('#gone').hidden")
    assert "does not answer" in page.text("#gone")
    assert page.text("#state") == "no answer"
    assert page.text("h1") == "epoll over http"  # what was known stays, marked as old
    assert page.evaluate(FAINT)["faint"] == []
    stub.start()
    page.wait_for_function("document.querySelector('#gone').hidden")
    assert page.text("#state") == "running"


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
    page.wait_for_function("!document.querySelector('#gone').hidden")
    assert wanted in page.text("#gone")
    assert page.text("h1") == "The master does not answer"


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
    assert "driven by lab run, trial t-0007" in page.text("#facts")
    assert page.text("#now-lead").startswith("lab run meters and judges its trials itself")
    assert "lab run judges its trials itself" in page.text("#gate-rows")
    assert page.evaluate("document.querySelector('#figures').hidden")
    assert page.text("#said") == "lab run drives this master."  # and not each trial of it


def test_a_load_that_ended_badly_says_why(shown):
    page = shown(**IDLE, why="Locust worker w went missing")
    assert page.text("h1") == "No load is running"
    assert "The last one: Locust worker w went missing." in page.text("#now-lead")
