"""The plan: what runs, in which order, with which set-up; and nothing but the seed decides it."""

import hashlib
import json
import os
import subprocess
import sys
from itertools import groupby, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.cells import cells
from lab.config import parse
from lab.context import load_words
from lab.errors import EXIT_USAGE, UsageError
from lab.model import Plan
from lab.orders import Order
from lab.plan import expand, forecast, ladder, needed_by, pairs, trial_seconds
from lab.schema import Lab
from loadtests.engine import order as engine_order

TEXT = b"""\
version: 1
profiles:
  smoke: {looks: [2], warm-up: 0.1 s, window: 0.2 s, cool-down: 0.05 s}
  quick: {looks: [12], warm-up: 0.25 s, window: 0.5 s, cool-down: 0.05 s}
  full: {looks: [12, 18, 24, 30], warm-up: 1 s, window: 2 s, cool-down: 0.2 s}
experiments:
  idle:
    question: What does a silent connection cost?
    arms: [select, epoll]
    load:
      long: {connections: 4, rate: 1000/s}
      idle: {connections: $idle}
    factors:
      idle: {smoke: [900], quick: [0, 20, 450, 900], full: [0, 20, 450, 900]}
    factors-for:
      epoll: {idle: {full: [0, 20, 450, 900, 4000]}}
    timing:
      full: {window: 3 s, because: a slower clock}
  mixed:
    question: And where two factors vary?
    arms: [poll, epoll]
    load:
      short: {connections: 8, rate: $rate, payload: $bytes, spacing: poisson}
    factors:
      rate: [100, 200]
      bytes: [1, 1000]
  twins:
    question: And where nothing does?
    arms: {epoll: epoll, twin: epoll}
    load: {long: {connections: 4, think: 400 us}}
claims:
  idle-epoll:
    kind: compare
    sentence: epoll beats select.
    experiment: idle
    metric: cpu
    ratio: select / epoll
    at: {idle: 900}
    at-least: 1.30
    because: less is not worth it
    profiles: [smoke, quick, full]
  everywhere:
    kind: equality
    sentence: All the same.
    experiment: mixed
    metric: p50
    ratio: poll / epoll
    at: [{bytes: 1, rate: 100}, {rate: 200, bytes: 1000}]
    about: 1.15
    because: the probe's noise
    profiles: [quick, full]
  flat:
    kind: growth
    sentence: epoll is flat.
    experiment: idle
    metric: cpu
    arm: epoll
    over: idle
    from: 10
    growth: constant
    profiles: [quick, full]
  slope:
    kind: slope
    sentence: epoll is flatter.
    experiment: idle
    metric: cpu
    slope: epoll / select
    over: idle
    at-most: 0.1
    because: a tenth does not scan
    profiles: [quick, full]
  crossover:
    kind: crossover
    sentence: epoll wins from some number on.
    experiment: idle
    metric: cpu
    ratio: select / epoll
    over: idle
    threshold: 1.0
    because: equal cost
    profiles: [full]
  noise:
    kind: compare
    sentence: A twin differs.
    experiment: twins
    metric: throughput
    ratio: epoll / twin
    at-least: 1.10
    because: it must not
    profiles: [full]
  wall:
    kind: limit
    sentence: select has a limit.
    probe: select-1024
    profiles: [smoke, quick, full]
"""
LAB = parse(TEXT)
PROFILES = sorted(LAB.profiles)
profiles = st.sampled_from(PROFILES)
seeds = st.integers(0, 2**40)


def ids(plan: Plan) -> list[str]:
    return [cell.id for cell in plan.cells]


# ---- which cells


def test_a_claim_brings_the_cells_it_needs_and_no_others() -> None:
    assert ids(expand(LAB, ["idle-epoll"], "quick", 1)) == [
        "idle/select/idle=900",
        "idle/epoll/idle=900",
    ]


def test_a_cell_that_several_claims_share_is_planned_once() -> None:
    plan = expand(LAB, ["idle-epoll", "flat", "slope"], "quick", 1)
    assert len(ids(plan)) == len(set(ids(plan))) == 8


def test_an_experiment_brings_all_its_cells_and_its_claims_of_the_profile() -> None:
    plan = expand(LAB, ["idle"], "full", 1)
    assert ids(plan) == [cell.id for cell in cells(LAB, "full", "idle")]
    assert plan.claims == ["idle-epoll", "flat", "slope", "crossover"]
    assert expand(LAB, ["idle"], "quick", 1).claims == ["idle-epoll", "flat", "slope"]


def test_no_selection_means_also_what_no_claim_is_on() -> None:
    text = TEXT.replace(
        b"claims:",
        b"""  tables:
    question: What does it cost?
    arms: [select]
    load: {long: {connections: $many, rate: 100/s}}
    factors: {many: {smoke: [1, 2]}}
claims:""",
    )
    planned = {
        profile: {cell.experiment for cell in expand(parse(text), [], profile, 1).cells}
        for profile in ("smoke", "quick")
    }
    assert "tables" in planned["smoke"]
    assert "tables" not in planned["quick"]  # it has no levels there


def test_no_selection_means_the_claims_of_the_profile() -> None:
    plan = expand(LAB, [], "quick", 1)
    assert plan.claims == ["idle-epoll", "everywhere", "flat", "slope", "wall"]
    needed = {cell for claim in plan.claims for cell in needed_by(LAB, "quick", claim)}
    assert set(ids(plan)) == needed


def test_a_name_selects_a_claim_that_the_profile_does_not_list() -> None:
    plan = expand(LAB, ["noise"], "quick", 1)
    assert (plan.claims, ids(plan)) == (["noise"], ["twins/epoll", "twins/twin"])
    assert "noise" not in expand(LAB, ["*"], "quick", 1).claims


def test_a_limit_is_a_probe_and_no_trial() -> None:
    plan = expand(LAB, ["wa*"], "smoke", 1)
    assert [(run.claim, run.probe, run.repeats) for run in plan.probes] == [
        ("wall", "select-1024", 3)
    ]
    assert plan.trials == plan.cells == []


@pytest.mark.parametrize(
    ("select", "profile", "told"),
    [
        (["idle-epol"], "quick", '"idle-epol" selects nothing. Did you mean idle-epoll?'),
        (["x*"], "quick", '"x*" selects nothing. Write one of idle, mixed, twins, idle-epoll'),
        ([], "quik", '"quik" is not a profile. Did you mean quick?'),
        (
            ["flat"],
            "smoke",
            (
                "flat cannot be judged in smoke: there is no ladder of 3 levels of idle. "
                "Write --profile quick or full."
            ),
        ),
        (["nois*"], "quick", "the selection has nothing to run in profile quick."),
    ],
)
def test_a_selection_that_means_nothing(select: list[str], profile: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        expand(LAB, select, profile, 1)
    assert str(caught.value).startswith(told)
    assert caught.value.exit_code == EXIT_USAGE


@given(profiles, seeds, st.sets(st.sampled_from([*LAB.claims, *LAB.experiments, "*"])))
@settings(deadline=None, max_examples=40)
def test_every_cell_of_every_planned_claim_is_planned(profile, seed, select) -> None:
    try:
        plan = expand(LAB, sorted(select), profile, seed)
    except UsageError:
        return
    for claim in plan.claims:
        assert set(needed_by(LAB, profile, claim)) <= set(ids(plan))


# ---- what a cell is


def test_levels_stand_where_the_load_names_them() -> None:
    (cell,) = (c for c in cells(LAB, "quick", "mixed") if c.id == "mixed/poll/rate=200,bytes=1000")
    assert cell.load["short"].rate == 200
    assert cell.load["short"].payload == 1000
    assert cell.load["short"].spacing == "poisson"
    assert cell.factors == {"rate": 200, "bytes": 1000}


def test_a_path_goes_from_lab_yaml_into_the_order_and_into_the_engine() -> None:
    text = TEXT.replace(b"think: 400 us", b"think: 400 us, path: /block/5")
    text = text.replace(
        b"arms: {epoll: epoll, twin", b"protocol: http\n    arms: {epoll: epoll, twin"
    )
    (cell, _) = cells(parse(text), "quick", "twins")
    order = Order(
        trial="t",
        label="l",
        target=("127.0.0.1", 1),
        protocol=cell.protocol,
        classes=cell.load,
        seed=1,
        timing=cell.timing,
    )
    sent = json.loads(order.model_dump_json(exclude={"label"}))
    assert sent["classes"]["long"]["path"] == "/block/5"
    assert sent["classes"]["long"]["payload"] == 0
    assert engine_order.parse(sent).classes["long"].path == "/block/5"
    assert load_words(cell.load) == "4 long, closed, think 400 us, /block/5"


def test_a_plan_without_paths_is_the_one_from_before_there_were_any() -> None:
    (cell, _) = cells(LAB, "quick", "twins")
    assert cell.load["long"].path == "/echo"
    assert "path" not in expand(LAB, ["*"], "quick", 1).model_dump_json()
    raw = cell.load["long"].model_dump(mode="json")
    assert engine_order.load("long", raw).path == "/echo"


def test_a_class_of_no_connections_is_absent() -> None:
    by_id = {cell.id: cell for cell in cells(LAB, "quick", "idle")}
    assert set(by_id["idle/epoll/idle=0"].load) == {"long"}
    assert by_id["idle/epoll/idle=900"].load["idle"].connections == 900


def test_a_twin_is_the_same_server_under_another_name() -> None:
    one, twin = cells(LAB, "quick", "twins")
    assert one.model_copy(update={"id": twin.id, "arm": "twin"}) == twin


def test_phases_are_the_profiles_unless_the_experiment_has_its_own() -> None:
    quick, full = (cells(LAB, profile, "idle")[0].timing for profile in ("quick", "full"))
    assert (quick.warm_up, quick.window, quick.cool_down) == (0.25, 0.5, 0.05)
    assert (full.warm_up, full.window, full.cool_down) == (1.0, 3.0, 0.2)


# ---- what the analysis asks


def test_pairs_are_arm_a_before_arm_b() -> None:
    assert pairs(LAB, "quick", "idle-epoll") == [("idle/select/idle=900", "idle/epoll/idle=900")]
    assert pairs(LAB, "quick", "everywhere") == [
        ("mixed/poll/rate=100,bytes=1", "mixed/epoll/rate=100,bytes=1"),
        ("mixed/poll/rate=200,bytes=1000", "mixed/epoll/rate=200,bytes=1000"),
    ]


def test_a_ladder_climbs_from_its_start_over_what_its_arms_share() -> None:
    assert [level for level, _ in ladder(LAB, "full", "flat", "epoll")] == [20, 450, 900, 4000]
    assert [level for level, _ in ladder(LAB, "full", "slope", "epoll")] == [0, 20, 450, 900]
    assert ladder(LAB, "quick", "flat", "epoll")[0] == (20, "idle/epoll/idle=20")


# ---- order


@given(profiles, seeds)
@settings(deadline=None, max_examples=20)
def test_each_cell_is_once_in_each_block_and_experiments_follow_one_another(profile, seed) -> None:
    plan = expand(LAB, ["*"], profile, seed)
    last = LAB.profiles[profile].looks[-1]
    runs = [(name, list(group)) for name, group in groupby(plan.trials, lambda t: t.experiment)]
    assert [name for name, _ in runs] == list(dict.fromkeys(c.experiment for c in plan.cells))
    for name, trials in runs:
        blocks = [(block, list(group)) for block, group in groupby(trials, lambda t: t.block)]
        assert [block for block, _ in blocks] == list(range(last + last // 6))
        expected = sorted(cell.id for cell in plan.cells if cell.experiment == name)
        for _, group in blocks:
            assert sorted(trial.cell for trial in group) == expected


def test_the_order_in_a_block_is_the_documented_one() -> None:
    plan = expand(LAB, [], "quick", 7)
    for (experiment, block), group in groupby(plan.trials, lambda t: (t.experiment, t.block)):
        of_it = [cell.id for cell in plan.cells if cell.experiment == experiment]
        by_digest = sorted(
            of_it,
            key=lambda cell: hashlib.sha256(f"7|{experiment}|{block}|{cell}".encode()).hexdigest(),
        )
        assert [trial.cell for trial in group] == by_digest


def test_the_order_differs_from_block_to_block_and_from_seed_to_seed() -> None:
    plans = [expand(LAB, ["slope"], "quick", seed) for seed in (1, 2)]
    assert plans[0].trials != plans[1].trials
    orders = {
        tuple(t.cell for t in group) for _, group in groupby(plans[0].trials, lambda t: t.block)
    }
    assert len(orders) > 10


@given(profiles, seeds)
@settings(deadline=None, max_examples=10)
def test_reversed_is_each_block_backwards_with_the_same_draws(profile, seed) -> None:
    hashed = expand(LAB, [], profile, seed)
    backwards = expand(LAB, [], profile, seed, "reversed")
    for plan in (hashed, backwards):
        assert len({trial.id for trial in plan.trials}) == len(plan.trials)
    blocks = [list(group) for _, group in groupby(hashed.trials, lambda t: (t.experiment, t.block))]
    assert [t.id for t in backwards.trials] == [t.id for block in blocks for t in block[::-1]]
    drawn = {t.id: (t.swap, t.hash_seed, t.padding, t.arrival_seed) for t in hashed.trials}
    for t in backwards.trials:
        assert drawn[t.id] == (t.swap, t.hash_seed, t.padding, t.arrival_seed)


# ---- set-up


@given(profiles, seeds)
@settings(deadline=None, max_examples=20)
def test_half_of_the_blocks_are_swapped_at_every_even_number_of_them(profile, seed) -> None:
    plan = expand(LAB, [], profile, seed)
    for _, group in groupby(plan.trials, lambda t: t.experiment):
        swapped: dict[int, set[bool]] = {}
        for trial in group:
            swapped.setdefault(trial.block, set()).add(trial.swap)
        assert all(len(of_block) == 1 for of_block in swapped.values())
        once = [of_block.pop() for of_block in swapped.values()]
        for blocks in range(2, len(once) + 1, 2):
            assert sum(once[:blocks]) == blocks / 2


@given(profiles, seeds)
@settings(deadline=None, max_examples=20)
def test_draws_are_in_range_and_ports_differ_from_the_last(profile, seed) -> None:
    plan = expand(LAB, ["*"], profile, seed)
    for trial in plan.trials:
        assert 20_000 <= trial.port <= 31_999
        assert 1 <= trial.hash_seed < 2**32
        assert 0 <= trial.padding <= 4095
    assert all(a.port != b.port for a, b in pairwise(plan.trials))


def test_arrivals_are_shared_inside_a_block_and_by_nothing_else() -> None:
    plan = expand(LAB, ["*"], "quick", 3)
    seeds: dict[tuple[str, int], set[int]] = {}
    for trial in plan.trials:
        seeds.setdefault((trial.experiment, trial.block), set()).add(trial.arrival_seed)
    assert all(len(of_block) == 1 for of_block in seeds.values())
    assert len(set.union(*seeds.values())) == len(seeds)


def test_a_draw_is_the_documented_digest() -> None:
    trial = expand(LAB, ["idle-epoll"], "quick", 5).trials[0]
    assert trial.id in {"idle.00.select.idle=900", "idle.00.epoll.idle=900"}
    digest = hashlib.sha256(f"5|padding|{trial.id}".encode()).digest()
    assert trial.padding == int.from_bytes(digest[:8], "big") % 4096


def test_a_draw_does_not_depend_on_what_else_is_selected() -> None:
    alone = {t.id: t for t in expand(LAB, ["idle-epoll"], "quick", 1).trials}
    among = {t.id: t for t in expand(LAB, ["*"], "quick", 1).trials}
    for name, trial in alone.items():
        same = among[name].model_copy(update={"port": trial.port})  # moves where two would collide
        assert same == trial


def test_the_plan_is_the_same_in_every_process(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_bytes(TEXT)
    program = (
        "import sys; from pathlib import Path; from lab.config import load\n"
        "from lab.plan import expand\n"
        "print(expand(load(Path(sys.argv[1])), [], 'full', 11).model_dump_json())"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program, str(path)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "1", "4242")
    }
    assert len(printed) == 1
    here = expand(LAB, [], "full", 11)
    assert Plan.model_validate_json(printed.pop()) == here
    assert here.lab_sha256 == LAB.sha256


def test_trial_ids_are_file_names() -> None:
    for trial in expand(LAB, ["*"], "full", 1).trials:
        assert set(trial.id) <= set("abcdefghijklmnopqrstuvwxyz0123456789.,=-")


# ---- how long


def test_a_forecast_counts_phases_overhead_and_connections() -> None:
    plan = expand(LAB, ["idle-epoll", "wall"], "quick", 1)
    assert trial_seconds(plan.cells[0], 0.3, 0.001) == pytest.approx(0.8 + 0.3 + 0.904)
    found = forecast(plan, 0.3, 0.001, start_s=2.0, probe_s=1.0, repeat_share=0.0)
    assert found.trials == 24  # spare blocks are not counted
    assert found.experiments == {"idle": pytest.approx(24 * 2.004)}
    assert found.total_s == pytest.approx(2.0 + 3.0 + 24 * 2.004)


def test_a_forecast_says_how_soon_a_run_may_end() -> None:
    """If all is decided at the first of several looks, the blocks behind it are not run."""
    plan = expand(LAB, ["idle-epoll"], "quick", 1)
    found = forecast(plan, start_s=2.0, repeat_share=0.0)
    assert found.soonest_s == found.total_s  # one look
    several = plan.model_copy(update={"looks": [plan.looks[0] // 2, plan.looks[0]]})
    halved = forecast(several, start_s=2.0, repeat_share=0.0)
    assert halved.total_s == found.total_s
    assert halved.soonest_s - 2.0 == pytest.approx((found.total_s - 2.0) / 2)


def test_probes_alone_need_no_locust() -> None:
    found = forecast(expand(LAB, ["wall"], "quick", 1), probe_s=1.0)
    assert (found.total_s, found.experiments) == (3.0, {})


def test_a_plan_of_a_lab_that_was_stored_is_the_same() -> None:
    stored = Lab.model_validate_json(LAB.model_dump_json(by_alias=True))
    assert expand(stored, [], "full", 1) == expand(LAB, [], "full", 1)
