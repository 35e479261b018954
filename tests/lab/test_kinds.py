"""Kinds of claims and metrics, on runs that are made up from a known truth."""

import io
import math

import pytest
from rich.console import Console

from lab import lacks, saying
from lab.analysis import analyse
from lab.config import parse
from lab.data import Data
from lab.errors import ConfigErrors
from lab.measure import Unmeasured, value
from lab.metrics import METRICS
from lab.plan import expand
from lab.record import MeterResult
from lab.report import html, replicated
from lab.series import of
from lab.store import TableRecord
from tests.lab import records as r
from tests.lab import simulated
from tests.lab.test_analysis import FACTS

HEAD = """
version: 1
profiles:
  quick: {looks: [12], warm-up: 0.2 s, window: 0.5 s, cool-down: 0.05 s}
experiments:
  ladder:
    question: What does a silent connection cost?
    arms: [select, poll, epoll]
    load:
      long: {connections: 4, rate: 2000/s}
      idle: {connections: $idle}
    factors:
      idle: [10, 100, 900]
  standing:
    question: What does a server cost that nobody asks?
    arms: [nonblocking, epoll]
    load: {idle: {connections: 4}}
claims:
"""
COMMON = """
    sentence: It is so.
    experiment: ladder
    metric: cpu
    profiles: [quick]
    because: it must be more than nothing
"""


def lab(claims):
    return parse((HEAD + claims).encode())


def one(name, text):
    return lab(f"  {name}:{COMMON}{text}")


def cost(cell):
    idle = cell.factors.get("idle", 0)
    return {"select": 20 + 0.2 * idle, "poll": 19 + 0.1 * idle, "epoll": 15.0}[cell.server]


def judged(book, truth=cost, sd=0.02, **changes):
    plan = expand(book, list(book.claims), "quick", 1, **changes)
    records = list(simulated.simulate(plan, truth, sd, blocks=plan.most))
    found = analyse(book, plan, FACTS, records, ())
    return {verdict.claim: verdict for verdict in found.verdicts}


ABOUT = """
    kind: equality
    ratio: select / epoll
    about: 1.7
    at: {idle: 10}
"""


def test_equality_holds_within_its_margin_and_not_beyond():
    assert judged(one("near", ABOUT))["near"].outcome == "supported"  # 22 / 15
    far = ABOUT.replace("1.7", "1.2")
    assert judged(one("near", far))["near"].outcome == "refuted"


def test_cells_that_disagree_make_it_conditional():
    text = """
    kind: compare
    ratio: select / epoll
    at-least: 2
    at: [{idle: 10}, {idle: 900}]
"""
    found = judged(one("both", text))["both"]
    assert (found.outcome, found.conditional) == ("refuted", True)
    assert "holds in ladder/select/idle=900" in found.reason
    agreeing = text.replace("{idle: 10}", "{idle: 100}")
    found = judged(one("both", agreeing))["both"]
    assert (found.outcome, found.conditional) == ("supported", False)


def test_an_arm_against_itself_under_another_load():
    text = """
    kind: compare
    ratio: select / select
    at: {idle: 900}
    against: {idle: 10}
    at-least: 5
"""
    book = one("grown", text)
    found = judged(book)["grown"]
    assert found.outcome == "supported"
    assert found.effect.value == pytest.approx(200 / 22, rel=0.05)
    assert "select at idle 10" in found.effect_words
    assert found.cells == ["ladder/select/idle=900", "ladder/select/idle=10"]


def test_an_order_needs_every_step():
    text = """
    kind: order
    order: [select, poll, epoll]
    at: {idle: 900}
    at-least: 1.5
"""
    assert judged(one("chain", text))["chain"].outcome == "supported"
    found = judged(one("chain", text.replace("1.5", "2.5")))["chain"]
    assert found.outcome == "refuted"  # 200 : 109 is less
    assert found.conditional
    assert judged(one("chain", text.replace("select, poll", "poll, select")))["chain"].outcome == (
        "refuted"
    )


def test_slopes_in_order():
    text = """
    kind: slope-order
    order: [select, poll]
    over: idle
    at-least: 1.25
"""
    assert judged(one("chain", text))["chain"].outcome == "supported"
    found = judged(one("chain", text.replace("1.25", "3")))["chain"]
    assert found.outcome == "refuted"
    assert "slope" in found.effect_words


DIFFERENCE = """
    kind: difference
    difference: select - epoll
    at: {idle: 900}
    at-least: 100
"""


def test_a_difference_in_the_metrics_own_unit():
    found = judged(one("less", DIFFERENCE))["less"]
    assert (found.outcome, found.scale) == ("supported", "difference")
    assert found.effect.value == pytest.approx(185, rel=0.3)
    assert "select - epoll is" in found.effect_words
    assert judged(one("less", DIFFERENCE.replace("100", "500")))["less"].outcome == "refuted"


def idle_record(trial, cell, share):
    """A trial in which nobody asks: the server uses that share of a CPU."""
    window = int(cell.timing.window * 1e9)
    made = simulated.made(trial, cell, 1.0)
    slices = [
        one.model_copy(update={"cpu_ns": int(share * window * k / 20)})
        for k, one in enumerate(made.meter.slices)
    ]
    meter = MeterResult.model_validate({**made.meter.model_dump(), "slices": slices})
    return made.model_copy(update={"meter": meter})


STANDING = """
    kind: difference
    difference: nonblocking - epoll
    at-least: 0.5
""" + COMMON.replace("ladder", "standing").replace("cpu", "standing")


def test_standing_cost_where_nobody_asks():
    book = lab(f"  spin:{STANDING}")
    plan = expand(book, list(book.claims), "quick", 1)
    share = {"nonblocking": 0.95, "epoll": 0.0}
    trials = [t for t in plan.trials if t.block < 12]
    records = [idle_record(t, plan.cell(t.cell), share[plan.cell(t.cell).arm]) for t in trials]
    assert {
        g.gate for record in Data(plan, records).results for g in record if g.state == "void"
    } == (set())
    (found,) = analyse(book, plan, FACTS, records, ()).verdicts
    assert found.outcome == "supported"
    assert found.effect.value == pytest.approx(0.95, rel=0.01)


def test_a_metric_of_requests_needs_somebody_who_asks():
    with pytest.raises(ConfigErrors, match="no class of standing asks anything"):
        lab(f"  spin:{STANDING.replace('metric: standing', 'metric: cpu')}")


UNSEEN = {name for name in METRICS if name.startswith(("connect", "first-byte"))} | {"p99.9"}


@pytest.mark.parametrize("metric", sorted(METRICS.keys() - UNSEEN))
def test_every_metric_has_a_number(metric):
    assert value(r.record(), metric, ("long",)) > 0


@pytest.mark.parametrize("metric", sorted(UNSEEN))
def test_a_metric_without_samples_says_so(metric):
    with pytest.raises(Unmeasured, match="needs more than"):
        value(r.record(), metric, ("long",))


@pytest.mark.parametrize(
    ("metric", "kind", "us"),
    [("connect-p50", "connect", 70), ("first-byte-p99", "first_byte", 90), ("p95", "response", 50)],
)
def test_quantiles_of_other_times(metric, kind, us):
    made = r.of_class(r.engine(), "long", "window", **{kind: r.histogram(us * 1000)})
    assert value(r.record(engines=[made]), metric, ("long",)) == pytest.approx(us, rel=0.002)


def test_memory_is_the_control_groups_where_there_is_one():
    record = r.record()
    assert value(record, "memory") == value(record, "pss") == 10_000_000
    ready = record.meter.ready.model_copy(update={"memory_bytes": 12_000_000})
    meter = record.meter.model_copy(update={"ready": ready})
    assert value(record.model_copy(update={"meter": meter}), "memory") == 12_000_000


def test_standing_is_cpu_time_per_second():
    assert value(r.record(), "standing") == pytest.approx(0.08)


TABLE = """
  replicate/rows:
    kind: replication
    sentence: The order is the published one.
    experiment: ladder
    metric: cpu
    over: idle
    profiles: [quick]
    published:
      source: somebody
      unit: s
      columns: [10, 900]
      rows: {select: [1.0, 90.0], epoll: [1.0, 1.1]}
    shape:
      - {order: [epoll, poll, select], at: [900]}
      - {grows: select, at: [10, 900], at-least: 5}
      - {flat: epoll, within: 1.25}
"""


def test_a_replication_on_cells_is_shown_beside_what_was_published():
    found = judged(lab(TABLE))["replicate/rows"]
    assert found.outcome == "supported"
    assert found.replication.verdict == "reproduced"
    assert found.replication.columns == ["10", "100", "900"]
    assert found.replication.published["select"] == [1.0, None, 90.0]
    assert found.replication.measured["epoll"][0] == pytest.approx(15, rel=0.3)
    assert len(found.cells) == 9
    turned = judged(lab(TABLE), lambda cell: 3000 / cost(cell))["replicate/rows"]
    assert (turned.outcome, turned.replication.verdict) == ("refuted", "reversed")


PROGRAM = """
  replicate/five:
    kind: replication
    sentence: So many.
    program: gil-5ms
    profiles: [quick]
    published: {source: somebody, unit: 1/s, columns: [5 ms], rows: {rate: [100]}}
    shape: [{value: rate, at: 5 ms, at-least: 50}]
"""


def tables(*rates, **changes):
    base = {"claim": "replicate/five", "program": "gil-5ms", "unit": "1/s"}
    return [
        TableRecord.model_validate(
            {**base, "repeat": n, "table": {"rate": {"5 ms": rate}}, **changes}
        )
        for n, rate in enumerate(rates)
    ]


def programmed(records):
    book = lab(PROGRAM)
    plan = expand(book, ["replicate/*"], "quick", 1)
    assert [run.repeats for run in plan.programs] == [3]
    (found,) = analyse(book, plan, FACTS, (), (), tables=records).verdicts
    return found


def test_a_program_is_judged_from_its_tables():
    found = programmed(tables(90, 100, 110))
    assert (found.outcome, found.replication.verdict) == ("supported", "reproduced")
    assert found.replication.measured == {"rate": [100.0]}
    assert programmed(tables(40, 30, 20)).outcome == "refuted"
    assert programmed(tables(40, 60, 80)).outcome == "inconclusive"
    assert programmed([]).outcome == "inconclusive"


def test_a_program_that_broke_or_lacks_something_says_so():
    broken = programmed(tables(1, error="no", table={}))
    assert (broken.outcome, "no" in broken.reason) == ("void", True)
    lacking = programmed(tables(1, skipped="io_uring", table={}))
    assert (lacking.outcome, "io_uring" in lacking.reason) == ("skipped", True)


def test_a_claim_whose_needs_are_not_met_is_skipped_with_what_it_would_take():
    book = one("near", ABOUT)
    plan = expand(book, list(book.claims), "quick", 1)
    records = list(simulated.simulate(plan, cost))
    facts = FACTS.model_copy(update={"absent": {lacks.claim("near"): "it takes 3 CPUs"}})
    (found,) = analyse(book, plan, facts, records, ()).verdicts
    assert found.outcome == "skipped"
    assert "3 CPUs" in found.reason


def test_until_decided_reaches_the_verdict():
    margin = ABOUT.replace("equality", "compare").replace("about: 1.7", "at-least: 1.44")
    book = one("close", margin)  # 22/15 = 1.467
    early = judged(book, sd=0.04)["close"]
    late = judged(book, sd=0.04, until=200)["close"]
    assert early.outcome == "inconclusive"
    assert late.outcome == "supported"
    assert 12 < late.blocks_used <= 200


def test_every_kind_has_words_for_its_sense():
    order = "\n    order: [select, poll]\n    at-least: 2\n"
    texts = {
        "a": ABOUT,
        "b": DIFFERENCE,
        "c": f"{order}    kind: order\n    at: {{idle: 10}}\n",
        "d": f"{order}    kind: slope-order\n    over: idle\n",
    }
    said = {saying.sense(one(name, text).claims[name]) for name, text in texts.items()}
    assert len(said) == 4
    assert all(said)


def test_a_series_can_be_exchanged_and_back():
    book = one("less", DIFFERENCE)
    plan = expand(book, list(book.claims), "quick", 1)
    (series,) = of(book, plan, Data(plan, simulated.simulate(plan, cost)), "less")
    assert series.exchanged == tuple(-x for x in series.values)
    assert len(series.by_block) == 12
    assert math.isfinite(sum(series.values))


MISTAKES = [
    (DIFFERENCE.replace("select - epoll", "select / epoll"), "no difference of two arms"),
    (DIFFERENCE.replace("select - epoll", "select - kqueue"), "is not an arm of ladder"),
    (ABOUT.replace("select / epoll", "select / select"), "compared with itself"),
    (ABOUT + "    against: {idel: 10}\n", "is not a factor of ladder"),
    (ABOUT + "    against: {idle: 11}\n", "no level 11 of idle for epoll"),
    (ABOUT + "    needs: {cpus: 3, features: [uring]}\n", "is not known here"),
]


@pytest.mark.parametrize(("text", "said"), MISTAKES)
def test_mistakes_are_told(text, said):
    with pytest.raises(ConfigErrors, match=said):
        one("wrong", text)


def test_a_replication_needs_one_source_of_numbers():
    for wrong, said in (
        (PROGRAM.replace("gil-5ms\n", "gil-6ms\n"), "Did you mean gil-5ms"),
        (PROGRAM.replace("    program: gil-5ms\n", ""), "one source of numbers"),
        (TABLE.replace("    metric: cpu\n", ""), "needs a metric"),
        (TABLE.replace("over: idle", "over: idel"), "is not a factor"),
        (TABLE.replace("epoll, poll, select", "epoll, pole, select"), "is not an arm"),
    ):
        with pytest.raises(ConfigErrors, match=said):
            lab(wrong)


def test_both_tables_stand_in_the_page_and_on_the_terminal():
    book = lab(TABLE)
    plan = expand(book, list(book.claims), "quick", 1)
    results = analyse(book, plan, FACTS, list(simulated.simulate(plan, cost, 0.02)), ())
    page = html.render(results, bundle=False)
    assert "select, published" in page
    assert "<b>Reproduced</b>" in page
    assert "select from 10 to 900: at least 5" in page
    console = Console(width=100, record=True, file=io.StringIO())
    replicated.tables(results, console)
    said = console.export_text()
    assert "replicate/rows: reproduced, 12" in said
    assert "epoll, published" in said
    assert said.count("holds") == 4
