"""By hand, all of it for real: a Locust master and worker, a server, and a browser that fills in
Locust's form, watches both pages, and stops.
"""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from lab.backends import locusts

pytestmark = pytest.mark.slow

RATE = 200
VERDICT = {
    "claim": "epoll-flat",
    "verdict": "supported",
    "effect": "1.02",
    "interval": "0.97 to 1.06",
    "reason": "<b>within</b> the margin",
    "at": "2026-11-23T10:41:00+00:00",
}
ROW = "[...document.querySelectorAll('tr')].map((row) => row.innerText)"
COUNT = "Number(document.querySelectorAll('table tbody tr td')[2]?.innerText ?? 0)"
NUMBER = "parseFloat(document.querySelector('#tiles dd').innerText.replaceAll(',', ''))"


@pytest.fixture(scope="module")
def server():
    command = [sys.executable, "-m", "servers", "epoll", "--protocol", "http", "--port", "0"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as server:
        yield json.loads(server.stdout.readline())["listening"]
        server.terminate()


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    found = locusts.start(1, log_dir=tmp_path_factory.mktemp("locust"))
    yield found
    found.stop()


def post(master, path, body):
    headers = {"X-Lab-Token": master.token, "Content-Type": "application/json"}
    request = urllib.request.Request(master.url + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def press_button(page, label):
    """Click Locust's button that says so, once it is there."""
    find = f"[...document.querySelectorAll('button')].find((one) => one.innerText === '{label}')"
    page.wait_for_function(f"{find} !== undefined")
    page.evaluate(f"{find}.id = 'wanted'")
    page.click("#wanted")
    page.evaluate("document.querySelector('#wanted')?.removeAttribute('id')")


def open_form(page, master):
    page.goto(master.url + "/")
    page.wait_for_function("document.querySelectorAll('header, button').length > 1")
    if "NEW" in page.text("header"):  # a run has ended before
        press_button(page, "NEW")
    press_button(page, "Custom parameters")
    page.wait_for_function("document.querySelector('[name=idle]')?.checkVisibility() ?? false")
    page.wait_for_function(
        "getComputedStyle(document.querySelector('[name=idle]')).visibility === 'visible'"
    )


def start(page, master, server):
    open_form(page, master)
    page.select_option("[name=server]", "epoll")
    page.select_option("[name=protocol]", "http")
    page.select_option("[name=workload]", "idle + busy")
    for name, value in (("connections", "4"), ("idle", "10"), ("rate", str(RATE))):
        page.fill(f"[name={name}]", value)
    page.fill("[name=target]", f"127.0.0.1:{server}")
    press_button(page, "START")


def test_a_run_by_hand_is_started_watched_and_stopped(browser, master, server, tmp_path):
    locust, live = browser.new_page(), browser.new_page()
    kept = Path(os.environ.get("LAB_SCREENSHOTS", tmp_path))
    start(locust, master, server)
    live.goto(master.url + "/lab/")
    live.wait_for_function("document.querySelector('#state').innerText === 'running'")
    live.wait_for_function(f"{NUMBER} > {RATE} / 2")
    assert live.text("h1") == "epoll over http"
    assert "4 connections and 10 idle, 200/s" in live.text("#facts")
    idle = live.text("#census-rows tr:nth-child(3)").split()
    assert idle[:3] == ["idle", "10", "10"]

    points = "document.querySelectorAll('#figures path.line')[0]?.getAttribute('d').length"
    drawn = live.evaluate(points)
    live.wait_for_function(f"{points} > {drawn}")  # a second later
    before = locust.wait_for_function(COUNT)
    locust.wait_for_function(f"{COUNT} > {before}")

    post(master, "/lab/verdicts", [VERDICT])
    live.wait_for_function("document.querySelectorAll('#verdict-rows tr').length === 1")
    assert "<b>within</b> the margin" in live.text("#verdict-rows")
    locust.evaluate(
        "[...document.querySelectorAll('[role=tab]')].find((tab) => tab.innerText.includes("
        "'VERDICTS') || tab.innerText.includes('Verdicts')).click()"
    )
    locust.wait_for_function(f"{ROW}.some((row) => row.includes('epoll-flat'))")
    assert "<b>within</b>" in locust.text("table")  # as text there, too
    locust.screenshot(kept / "locust-verdicts.png")
    live.screenshot(kept / "live.png", full_page=True)

    press_button(locust, "STOP")
    live.wait_for_function("document.querySelector('#state').innerText === 'idle'")
    live.wait_for_function("document.querySelectorAll('#run-rows tr').length === 1")
    assert live.text("#run-rows tr").split("\t")[1] == "epoll"
    for page in (locust, live):
        assert page.console == []
        assert {url for url in page.requests if not url.startswith((master.url, "data:"))} == set()
        page.close()


def test_a_form_that_makes_no_sense_is_refused_on_the_form(page, master, server):
    open_form(page, master)
    page.select_option("[name=workload]", "idle + busy")  # and no idle connections
    press_button(page, "START")
    page.wait_for_function("document.body.innerText.includes('needs idle connections')")
    with urllib.request.urlopen(master.url + "/lab/live", timeout=10) as answer:
        assert json.load(answer)["state"] == "idle"
