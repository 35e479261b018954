"""By hand, all of it for real: a Locust master and worker, a server, and a browser that fills in
Locust's form, watches both pages, and stops.
"""

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect

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
HALF_THE_RATE = re.compile(r"^[1-9]\d\d /s$")  # 100 or more


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


def button(page, label):
    """Locust's button that says so; the page shows its labels in capitals."""
    return page.get_by_role("button", name=re.compile(f"^{label}$", re.IGNORECASE))


def open_form(page, master):
    page.goto(master.url + "/")
    again, more = button(page, "new"), button(page, "custom parameters")
    expect(again.or_(more)).to_be_visible()
    if again.is_visible():  # a run has ended before
        again.click()
    more.click()


def start(page, master, server):
    open_form(page, master)
    page.select_option("[name=server]", "epoll")
    page.select_option("[name=protocol]", "http")
    page.select_option("[name=workload]", "idle + busy")
    for name, value in (("connections", "4"), ("idle", "10"), ("rate", str(RATE))):
        page.fill(f"[name={name}]", value)
    page.fill("[name=target]", f"127.0.0.1:{server}")
    button(page, "start").click()


def test_a_run_by_hand_is_started_watched_and_stopped(context, heard, master, server, tmp_path):
    locust, live = context.new_page(), context.new_page()
    kept = Path(os.environ.get("LAB_SCREENSHOTS", tmp_path))
    start(locust, master, server)
    live.goto(master.url + "/lab/")
    expect(live.locator("#state")).to_have_text("running")
    expect(live.locator("#tiles dd").first).to_have_text(HALF_THE_RATE)
    assert live.inner_text("h1") == "epoll over http"
    assert "4 connections and 10 idle, 200/s" in live.inner_text("#facts")
    idle = live.inner_text("#census-rows tr:nth-child(3)").split()
    assert idle[:3] == ["idle", "10", "10"]

    line = live.locator("#figures path.line").first
    points = len(re.findall("[ML]", line.get_attribute("d")))
    longer = re.compile(f"^([ML][^ML]*){{{points + 1},}}$")
    expect(line).to_have_attribute("d", longer)  # a second later
    count = locust.locator("table tbody tr td").nth(2)
    expect(count).to_have_text(re.compile("^[1-9]"))
    before = count.inner_text()
    expect(count).not_to_have_text(before)
    assert int(count.inner_text()) > int(before)

    post(master, "/lab/verdicts", [VERDICT])
    expect(live.locator("#verdict-rows tr")).to_have_count(1)
    assert "<b>within</b> the margin" in live.inner_text("#verdict-rows")
    locust.get_by_role("tab", name="verdicts").click()
    expect(locust.locator("tr", has_text="epoll-flat")).to_be_visible()
    assert "<b>within</b>" in locust.inner_text("table")  # as text there, too
    locust.screenshot(path=kept / "locust-verdicts.png")
    live.screenshot(path=kept / "live.png", full_page=True)

    button(locust, "stop").click()
    expect(live.locator("#state")).to_have_text("idle")
    expect(live.locator("#run-rows tr")).to_have_count(1)
    assert live.inner_text("#run-rows tr").split("\t")[1] == "epoll"
    assert heard.console == []
    assert {url for url in heard.requests if not url.startswith((master.url, "data:"))} == set()


def test_a_form_that_makes_no_sense_is_refused_on_the_form(page, master, server):
    open_form(page, master)
    page.select_option("[name=workload]", "idle + busy")  # and no idle connections
    button(page, "start").click()
    expect(page.get_by_text("needs idle connections")).to_be_visible()
    with urllib.request.urlopen(master.url + "/lab/live", timeout=10) as answer:
        assert json.load(answer)["state"] == "idle"
