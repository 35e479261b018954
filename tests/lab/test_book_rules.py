"""Across the book: needs, budgets, A/A, label shuffles, two runs, the history of a claim."""

import json
import random
from dataclasses import replace

import pytest

from lab import comparing, needs, shuffling, within
from lab.analysis import analyse
from lab.config import parse
from lab.data import Data
from lab.errors import UsageError
from lab.forecast import forecast
from lab.history import history
from lab.needs import Here
from lab.plan import expand
from lab.planning import planned, runnable
from lab.schema import Lab
from lab.stats import shuffle
from lab.store import create
from lab.twins import twins
from lab.units import SPAN
from lab.units import parse as quantity
from lab.wishes import Wishes, agree, span
from tests.lab import simulated
from tests.lab.test_analysis import FACTS
from tests.lab.test_kinds import COMMON, HEAD, cost

CLAIMS = f"""
  near:{COMMON}
    kind: equality
    ratio: select / epoll
    about: 1.7
    at: {{idle: 10}}
  far:{COMMON}
    kind: compare
    ratio: select / epoll
    at-least: 2
    at: {{idle: 900}}
  farther:{COMMON}
    kind: compare
    ratio: select / poll
    at-least: 1.5
    at: {{idle: 900}}
  grows:{COMMON.replace("    because: it must be more than nothing", "")}
    kind: growth
    arm: select
    over: idle
    growth: linear
  slopes:{COMMON}
    kind: slope
    slope: epoll / select
    over: idle
    at-most: 0.1
  mute:
    kind: probe
    sentence: It stands alone.
    probe: bio-waits
    profiles: [quick]
  big:{COMMON}
    kind: compare
    ratio: select / epoll
    at-least: 2
    at: {{idle: 400}}
    needs: {{cpus: 3, nofile: 4200, features: [io_uring]}}
"""
BOOK = HEAD.replace("[10, 100, 900]", "[10, 400, 900]") + CLAIMS


@pytest.fixture(scope="module")
def book():
    return parse(BOOK.encode())


def plan_of(book, seed=1, select=(), **more):
    return expand(book, select or list(book.claims), "quick", seed, **more)


# needs

HERE = Here(cpus=2, nofile=1000, absent=lambda what: "" if what == "strace" else f"no {what}")


def test_what_is_missing_is_told_with_what_it_would_take(book):
    why = needs.lacking(book.claims["big"], HERE)
    for words in ("3 CPUs, and there are 2", "4200 open files", "ulimit -Hn 4200", "no io_uring"):
        assert words in why
    enough = Here(cpus=3, nofile=4200, absent=lambda _: "")
    assert needs.lacking(book.claims["big"], enough) == ""
    assert needs.lacking(book.claims["far"], HERE) == ""  # declares nothing


def test_cells_of_such_claims_alone_are_not_wanted(book):
    plan = plan_of(book)
    lacked = needs.lacked(book, plan, HERE)
    assert list(lacked) == ["claim big"]
    gone = {cell.id for cell in plan.cells} - {c.id for c in needs.wanted(book, plan, lacked)}
    assert gone == set()  # `grows` and `slopes` climb over the same levels
    alone = plan_of(book, select=["big", "far"])
    gone = {c.id for c in alone.cells} - {c.id for c in needs.wanted(book, alone, lacked)}
    assert gone == {"ladder/select/idle=400", "ladder/epoll/idle=400"}


@pytest.mark.parametrize("feature", ["io_uring", "strace", "frameworks", "free-threaded", "json"])
def test_this_machine_can_be_asked_for_every_feature(feature):
    assert isinstance(needs.absent(feature), str)


def test_a_module_that_is_not_here_is_told():
    assert "nowhere_at_all" in needs.absent("nowhere_at_all")
    assert needs.absent("json") == ""


# a budget


def seconds(book, names):
    plan = plan_of(book, select=names)
    return forecast(plan).total_s


def test_everything_fits_into_enough_time(book):
    plan = plan_of(book)
    found = within.choose(book, plan, 10_000)
    assert found.claims == plan.claims
    assert found.left == {}
    assert found.notes(10_000) == []
    assert found.seconds == pytest.approx(forecast(plan).total_s, rel=0.01)


def test_the_cheapest_come_first_and_shared_cells_are_paid_once(book):
    plan = plan_of(book)
    probe = seconds(book, ["mute"])
    assert within.choose(book, plan, probe + 0.1).claims == ["mute"]
    pair = seconds(book, ["far", "farther"])
    found = within.choose(book, plan, pair + probe + 0.1)
    # two claims on three cells are cheaper each than one on two
    assert set(found.claims) == {"far", "farther", "mute"}
    assert found.seconds <= pair + probe + 0.1
    assert "left out" in found.notes(pair)[0]
    assert "grows" in found.left


def test_the_forecast_of_what_was_chosen_fits_the_budget(book):
    plan = plan_of(book)
    for budget in range(2, 200, 7):
        chosen = within.choose(book, plan, budget)
        assert seconds(book, chosen.claims) <= budget + 0.01
        assert chosen.seconds == pytest.approx(seconds(book, chosen.claims), abs=0.01)


def test_a_cell_is_paid_once_whoever_bought_it():
    # the first two are cheapest together; the third then lacks one dear cell of its three
    apart = "".join(
        f"""
  {name}:{COMMON}
    kind: {kind}
    ratio: select / epoll
    at-least: 2
    at: [{places}]
"""
        for name, kind, places in (
            ("one", "compare", "{idle: 10}"),
            ("two", "compare", "{idle: 10}, {idle: 100}"),
            ("all", "compare", "{idle: 10}, {idle: 100}, {idle: 900}"),
        )
    )
    book = parse((HEAD + apart).encode())
    plan = plan_of(book)
    total = forecast(plan).total_s
    assert within.choose(book, plan, total + 0.01).claims == plan.claims
    fewer = within.choose(book, plan, total - 0.01)
    assert fewer.claims == ["one", "two"]
    dear = total - fewer.seconds
    assert fewer.left == {"all": pytest.approx(dear)}


def test_a_claim_that_cannot_be_decided_here_is_not_bought(book):
    found = within.choose(book, plan_of(book), 10_000, ["big"])
    assert "big" not in found.claims
    assert "big" not in found.left


def test_no_time_at_all_is_refused_with_the_least_price(book):
    with pytest.raises(UsageError, match="the cheapest, mute, takes"):
        within.choose(book, plan_of(book), 0.5)


@pytest.mark.parametrize(
    ("text", "found"), [("20m", 1200), ("90s", 90), ("1.5 h", 5400), ("2 min", 120), ("", None)]
)
def test_a_span_of_time_is_read(text, found):
    assert span(text) == found


@pytest.mark.parametrize("text", ["20", "m", "20 parsecs", "-3m"])
def test_what_is_no_span_is_refused(text):
    with pytest.raises(UsageError, match="--budget"):
        span(text)
    assert quantity("1h", SPAN) == 3600


# wishes and plans


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "lab.yaml"
    path.write_text(BOOK, encoding="utf-8")
    return path


def wishes(file, *select, **more):
    return Wishes(file, select, "quick", 1, "hashed", file.parent / "results", **more)


def test_a_plan_without_these_wishes_is_the_old_one(file, book):
    found = planned(wishes(file))
    assert found.plan.model_dump_json() == expand(book, (), "quick", 1).model_dump_json()
    assert found.notes == []
    assert "until" not in json.loads(found.plan.model_dump_json())
    assert "programs" not in json.loads(found.plan.model_dump_json())


def test_until_decided_plans_more_blocks(file):
    twice = planned(wishes(file, "far", until_decided=True)).plan
    assert (twice.until, twice.most) == (24, 24)
    assert max(trial.block for trial in twice.trials) == 24 + 24 // 6 - 1
    fifty = planned(wishes(file, "far", until_decided=True, most_blocks=50)).plan
    assert fifty.most == 50
    assert planned(wishes(file, "far")).plan.most == 12


def test_more_blocks_without_until_decided_are_refused(file):
    with pytest.raises(UsageError, match="--until-decided"):
        agree(wishes(file, most_blocks=50))


def test_a_budget_leaves_claims_out_and_says_so(file):
    found = planned(wishes(file, budget_s=3.0))
    assert "mute" in found.plan.claims
    assert "far" not in found.plan.claims
    assert any("left out" in note for note in found.notes)
    assert set(found.lacked) == {"claim big"} & set(found.lacked)
    assert all(cell.id for cell in runnable(found).cells)


# A/A


def test_every_arm_becomes_the_first_one(book):
    found = twins(book)
    ladder = found.experiments["ladder"]
    assert {arm.server for arm in ladder.arms.values()} == {"select"}
    assert list(ladder.arms) == ["select", "poll", "epoll"]
    assert set(found.claims) == {"far", "farther", "slopes", "big"}
    assert {claim.gate for claim in found.claims.values()} == {"refuted"}
    assert Lab.model_validate_json(found.model_dump_json(by_alias=True)) == found


def test_twins_have_the_levels_of_the_first_arm():
    text = BOOK.replace("      idle: [10, 400, 900]", "      idle: [10, 400, 800]")
    text = text.replace(
        "  standing:", "    factors-for:\n      epoll: {idle: [10, 400, 900]}\n  standing:"
    )
    text = text.replace("idle: 900}", "idle: 800}")
    text = text.replace("epoll: {idle: [10, 400, 900]}", "epoll: {idle: [10, 400, 800, 4000]}")
    found = twins(parse(text.encode()))
    assert found.experiments["ladder"].factors_for == {}
    assert {cell.factors["idle"] for cell in plan_of(found).cells} == {10, 400, 800}


def test_no_claim_on_twins_comes_out_supported(book):
    found = twins(book)
    plan = plan_of(found)
    outcomes = []
    for seed in range(6):
        records = list(simulated.simulate(plan, lambda _: 20.0, sd=0.05, seed=seed))
        outcomes += [v.outcome for v in analyse(found, plan, FACTS, records, ()).verdicts]
    assert "supported" not in outcomes
    assert outcomes.count("refuted") > len(outcomes) / 3  # the ratios are, each time


def test_a_book_without_comparisons_has_no_twins():
    text = HEAD + "  mute: {kind: probe, sentence: s, probe: bio-waits, profiles: [quick]}\n"
    with pytest.raises(UsageError, match="no claim of the file compares two arms"):
        twins(parse(text.encode()))


# the label shuffle


def test_a_shuffle_exchanges_whole_blocks():
    values, exchanged = [1.0, 2.0, 3.0], [-1.0, -2.0, -3.0]
    seen = [tuple(one) for one in shuffle.shuffled(values, exchanged, 400, seed=1)]
    assert {tuple(map(abs, one)) for one in seen} == {(1.0, 2.0, 3.0)}
    assert len(set(seen)) == 8
    assert list(shuffle.shuffled(values, exchanged, 5, 1)) == [list(one) for one in seen[:5]]
    with pytest.raises(ValueError, match="2 of them"):
        list(shuffle.shuffled(values, exchanged[:2], 1, 1))


def test_levels_are_exchanged_inside_blocks():
    for table in shuffle.permuted([[1, 2, 3], [4, 5, 6]], 50, seed=2):
        assert [sorted(row) for row in table] == [[1, 2, 3], [4, 5, 6]]


def test_a_rule_that_looks_too_often_is_caught():
    # whoever stops at the first of 30 blocks whose plain mean is off zero errs far too often
    dice = random.Random(1)
    values = [dice.gauss(0, 0.1) for _ in range(30)]

    def hasty(d):
        for n in range(4, 31):
            mean = sum(d[:n]) / n
            sd = (sum((x - mean) ** 2 for x in d[:n]) / (n - 1)) ** 0.5
            if abs(mean) > 1.96 * sd / n**0.5:
                return True
        return False

    minus = [-value for value in values]
    assert shuffle.errors(values, minus, 500, 1, hasty) / 500 > 0.15


@pytest.mark.parametrize("truth", [cost, lambda _: 20.0], ids=["as it is", "all alike"])
def test_shuffled_labels_are_decided_in_at_most_5_of_100(book, truth):
    plan = plan_of(book)
    data = Data(plan, simulated.simulate(plan, truth, sd=0.05))
    found = shuffling.shuffle_all(book, plan, data, times=200)
    assert {one.claim for one in found} == {"near", "far", "farther", "grows", "slopes", "big"}
    total = shuffling.summary(found)
    assert total.holds
    assert total.asserts <= 0.05
    assert 0 < total.limit < 0.1
    assert not replace(total, excludes=0.2).holds


def test_nothing_to_shuffle_is_nothing():
    assert shuffling.summary([]).holds


# two runs, and many


def stored(results, book, name, seed=1, truth=cost, noise=1, **changes):
    plan = plan_of(book, seed)
    run = create(results, name)
    run.write("plan.json", plan.model_dump_json())
    run.write("lab.json", book.model_dump_json(by_alias=True))
    facts = FACTS.model_copy(update={"id": name, "seed": seed, **changes})
    run.write_facts(facts)
    for record in simulated.simulate(plan, truth, sd=0.03, seed=noise):
        run.add(record)
    return run


def slower(cell):
    return cost(cell) * (1.5 if cell.server == "select" else 1.0)


def test_a_change_is_found_where_it_is_and_blocks_are_paired(tmp_path, book):
    then = comparing.load(stored(tmp_path, book, "then"))
    now = comparing.load(stored(tmp_path, book, "now", truth=slower, noise=2))
    found = comparing.compare(then, now)
    by_claim = {change.claim: change for change in found.changes}
    assert found.paired
    change = by_claim["far"]
    assert change.change.low < 1.5 < change.change.high
    assert change.change.low > 1.3
    assert change.blocks == 12
    assert by_claim["mute"].change is None
    assert by_claim["slopes"].change.value < 0  # a difference: 0.1 x a steeper slope
    assert (by_claim["near"].then, by_claim["near"].now) == ("supported", "refuted")
    assert found.turned == ["near"]
    assert found.agree == pytest.approx(1 - 1 / found.decided_in_both)


def test_another_seed_is_two_samples(tmp_path, book):
    then = comparing.load(stored(tmp_path, book, "then"))
    now = comparing.load(stored(tmp_path, book, "now", seed=2, truth=slower, noise=2))
    found = comparing.compare(then, now)
    change = next(one for one in found.changes if one.claim == "far")
    assert not found.paired
    assert change.change.value == pytest.approx(1.5, rel=0.06)  # noise of 3 %, 12 blocks
    assert 1.01 < change.change.high / change.change.low < 1.15


def test_the_same_run_has_not_changed(tmp_path, book):
    one = comparing.load(stored(tmp_path, book, "one"))
    found = comparing.compare(one, one)
    assert found.agree == 1
    assert found.turned == []
    for change in found.changes:
        if change.scale == "ratio" and change.change:
            assert change.change.value == change.change.low == change.change.high == 1


def test_changes_that_are_none_are_seldom_found(tmp_path, book):
    misses = []
    for noise in range(12):
        then = comparing.load(stored(tmp_path, book, f"then{noise}", noise=2 * noise))
        now = comparing.load(stored(tmp_path, book, f"now{noise}", noise=2 * noise + 1))
        found = comparing.compare(then, now)
        ratios = [c for c in found.changes if c.scale == "ratio" and c.change]
        misses += [not c.change.low <= 1 <= c.change.high for c in ratios]
    assert len(misses) >= 48
    assert sum(misses) / len(misses) <= 0.12  # 5 %, and claims of one run share their cells


def test_unlike_machines_and_meters_are_named(tmp_path, book):
    here = comparing.load(stored(tmp_path, book, "here")).facts
    other = here.model_copy(
        update={"backend": "docker", "machine": {"cpu": "another"}, "instances": 3}
    )
    found = comparing.unlike(here, other)
    assert len(found) == 3
    assert comparing.unlike(here, here) == []
    served = here.model_copy(update={"machine": {**here.machine, "server mine": "abc"}})
    assert comparing.unlike(here, served) == []


def test_a_claim_that_was_changed_is_marked(tmp_path, book):
    other = parse(BOOK.replace("at-least: 1.5", "at-least: 1.4").encode())
    then = comparing.load(stored(tmp_path, book, "then"))
    now = comparing.load(stored(tmp_path, other, "now"))
    marked = {c.claim for c in comparing.compare(then, now).changes if c.redefined}
    assert marked == {"farther"}


def test_the_history_of_a_claim_is_in_order_and_skips_what_is_none(tmp_path, book):
    stored(tmp_path, book, "second", started_unix=1_700_000_500.0)
    first = stored(tmp_path, book, "first", seed=2, truth=slower)
    first.write("results.json", "{}")  # of another version: judged anew
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{}", encoding="utf-8")
    found = history(tmp_path, "near")
    assert [entry.run for entry in found] == ["first", "second"]
    assert [entry.outcome for entry in found] == ["refuted", "supported"]
    assert found[0].effect.value == pytest.approx(33 / 15, rel=0.05)
    with pytest.raises(UsageError, match="no run in"):
        history(tmp_path, "nothing")


def test_both_corrections_are_shown_and_strict_chooses(book):
    plan = plan_of(book)
    records = list(simulated.simulate(plan, cost))
    found = {m: analyse(book, plan, FACTS, records, (), m) for m in ("bh", "holm")}
    for method, results in found.items():
        assert results.multiplicity == method
        for verdict in results.verdicts:
            if verdict.p is not None:
                assert verdict.p <= verdict.p_bh <= verdict.p_holm
                assert verdict.p_adjusted == (verdict.p_bh if method == "bh" else verdict.p_holm)
    assert any(v.p_bh < v.p_holm for v in found["bh"].verdicts if v.p is not None)


def test_minutes_per_decided_claim(book):
    plan = plan_of(book)
    records = list(simulated.simulate(plan, cost))
    facts = FACTS.model_copy(update={"ended_unix": FACTS.started_unix + 600})
    found = analyse(book, plan, facts, records, ())
    decided = sum(v.outcome in {"supported", "refuted"} for v in found.verdicts)
    assert found.run.decided == decided > 3
    assert found.run.minutes_per_decided == pytest.approx(10 / decided)
    assert analyse(book, plan, FACTS, (), ()).run.minutes_per_decided is None
