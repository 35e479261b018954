"""What a network costs: ratios of a truth that is known, and where they are printed."""

import io

import pytest
from rich.console import Console

from lab.analysis import analyse
from lab.backends.site import processes
from lab.config import parse
from lab.data import Data
from lab.errors import ConfigErrors
from lab.judging import judge, still_needed
from lab.plan import expand
from lab.report import html, terminal
from tests.lab import records as r
from tests.lab import simulated
from tests.lab.test_analysis import FACTS

TEXT = """
version: 1
profiles: {{tiny: {{looks: [12], warm-up: 0.1 s, window: 0.5 s, cool-down: 0.05 s}}}}
experiments:
  tax:
    question: What does it cost?
    arms: {arms}
    load: {{long: {{connections: {connections}, rate: 1000/s}}}}
claims:
  dearer:
    {{kind: compare, sentence: b costs more., experiment: tax, metric: cpu, ratio: b / a,
     at-least: 1.1, because: it matters, profiles: [tiny]}}
"""
ARMS = "{a: {server: epoll, network: loopback}, b: {server: epoll, network: bridge}}"
COST = {"loopback": 20.0, "bridge": 30.0, "published": 60.0, "": 20.0}


def lab_of(arms=ARMS, connections=16):
    return parse(TEXT.format(arms=arms, connections=connections).encode())


def results(arms=ARMS, **changes):
    lab = lab_of(arms)
    plan = expand(lab, (), "tiny", 1)
    records = list(simulated.simulate(plan, lambda cell: COST[cell.network], 0.01))
    return analyse(lab, plan, FACTS.model_copy(update=changes), records, ())


def test_the_tax_is_the_ratio_against_loopback_in_the_same_blocks():
    (tax,) = results().taxes
    assert (tax.network, tax.against, tax.server, tax.blocks) == ("bridge", "loopback", "epoll", 12)
    assert tax.cpu.value == pytest.approx(1.5, rel=0.02)
    assert tax.cpu.low < tax.cpu.value < tax.cpu.high
    assert tax.cpu_us.value == pytest.approx(30, rel=0.2)  # blocks differ, arms of one do not
    assert tax.service.value == pytest.approx(1.0)


def test_the_service_time_is_compared_as_well():
    lab = lab_of()
    plan = expand(lab, (), "tiny", 1)
    records = []
    for one in simulated.simulate(plan, lambda cell: COST[cell.network], 0.01):
        ns = {"tax/a": 100_000, "tax/b": 150_000}[one.cell]
        (engine,) = one.engines
        count = engine.classes["long"].window.completed
        timed = r.of_class(engine, "long", "window", service=r.histogram(ns, count))
        records.append(one.model_copy(update={"engines": [timed]}))
    (tax,) = analyse(lab, plan, FACTS, records, ()).taxes
    assert tax.service.value == pytest.approx(1.5)
    assert tax.service_us.value == pytest.approx(150)


@pytest.mark.parametrize(
    "arms",
    [
        "{a: epoll, b: select}",  # nowhere in particular
        "{a: {server: epoll, network: loopback}, b: {server: poll, network: bridge}}",  # no twin
        "{a: {server: epoll, network: bridge}, b: {server: epoll, network: published}}",
        "{a: {server: epoll, network: loopback}, b: {server: epoll, workers: 2, network: host}}",
    ],
)
def test_there_is_no_tax_without_the_same_server_on_loopback(arms, monkeypatch):
    monkeypatch.setitem(COST, "host", 20.0)
    assert results(arms).taxes == []


def test_a_report_that_compares_across_networks_prints_it_and_no_other_does():
    found = results()
    out = io.StringIO()
    terminal.tax_table(found, Console(file=out, width=100))
    assert "bridge, epoll" in out.getvalue()
    assert "1.5" in out.getvalue()
    assert "What the network costs" in html.render(found, bundle=False)
    plain = results("{a: epoll, b: select}")
    assert "What the network costs" not in html.render(plain, bundle=False)
    terminal.tax_table(plain, Console(file=(silent := io.StringIO())))
    assert silent.getvalue() == ""


def test_what_a_reader_must_know_of_a_run_stands_in_its_report():
    found = results(notes=["Servers are <somebody> else's."])
    assert "Servers are &lt;somebody&gt; else&#39;s." in html.render(found, bundle=False)
    out = io.StringIO()
    terminal.verdict_table(found, Console(file=out, width=100))
    assert "Servers are <somebody> else's." in out.getvalue()


def test_a_network_is_part_of_its_cell_and_leaves_no_trace_where_it_is_not_named():
    cells = expand(lab_of(), (), "tiny", 1).cells
    assert [cell.network for cell in cells] == ["loopback", "bridge"]
    plain = expand(lab_of("{a: epoll, b: select}"), (), "tiny", 1)
    assert "network" not in plain.model_dump_json()
    assert '"network"' not in lab_of("{a: epoll, b: select}").model_dump_json()


def test_more_connections_than_the_proxy_bears_are_a_mistake():
    arms = "{a: {server: epoll, network: bridge}, b: {server: epoll, network: published}}"
    lab_of(arms, connections=200)
    with pytest.raises(ConfigErrors, match="Write 200 in all at most, not 201"):
        lab_of(arms, connections=201)


def test_a_network_that_is_none_is_a_mistake():
    with pytest.raises(ConfigErrors, match="network"):
        lab_of("{a: {server: epoll, network: loopback}, b: {server: epoll, network: moon}}")


def test_on_processes_a_claim_on_containers_is_skipped_and_nothing_of_it_runs():
    lab = lab_of()
    plan = expand(lab, (), "tiny", 1)
    absent = processes().absent(plan.cells)
    found = judge(lab, plan, Data(plan, ()), (), "dearer", absent).decision
    assert found.outcome == "skipped"
    assert found.reason == (
        "network bridge cannot run here: it takes containers. Write --backend docker."
    )
    assert still_needed(lab, plan, Data(plan, ()), "tax", 0, absent) == set()
    assert still_needed(lab, plan, Data(plan, ()), "tax", 0) == {"tax/a", "tax/b"}
