"""The analysis of a whole run against a truth that is known by construction."""

from pathlib import Path

import pytest

from lab.analysis import against_gate, analyse, surprises, undecided
from lab.claims import experiment_of, metric_of
from lab.config import load
from lab.plan import expand
from lab.store import ProbeRecord, RunFacts
from lab.verdicts import Decision, Outcome
from tests.lab import simulated

LAB = Path(__file__).parents[2] / "lab.yaml"
FACTS = RunFacts(
    id="run",
    profile="quick",
    seed=1,
    order="hashed",
    backend="process",
    command=["lab", "run"],
    started_unix=1_700_000_000.0,
    ended_unix=None,
    how="finished",
    host="abc",
    machine={"cpu": "made up"},
    version="0",
)


LOADS = {"idle-ladder", "busy-few", "short-lived", "one-connection", "few-connections", "twins"}


@pytest.fixture(scope="module")
def lab():
    """Of lab.yaml the headlines, which are about CPU time, and one limit."""
    whole = load(LAB)
    kept = {
        name: claim
        for name, claim in whole.claims.items()
        if name == "select-1024" or (experiment_of(claim) in LOADS and metric_of(claim) == "cpu")
    }
    loads = {name: found for name, found in whole.experiments.items() if name in LOADS}
    return whole.model_copy(update={"claims": kept, "experiments": loads, "searches": {}})


def book(cell):
    """The truth as the notes have it: scans cost by the descriptor, epoll does not."""
    idle = cell.factors.get("idle", 0)
    base = {"select": 20.0, "poll": 20.0, "epoll": 24.0, "threads": 22.0, "blocking": 10.0}
    scanned = 0.2 * idle if cell.server in {"select", "poll"} else 0.0
    return base[cell.server] + scanned


def probes(outcome=True, control=True):
    return [
        ProbeRecord(
            claim="select-1024",
            probe="select-1024",
            repeat=repeat,
            outcome=outcome,
            control=control,
            evidence={"select on 1024": "refused"},
        )
        for repeat in range(3)
    ]


def judged(lab, cost=book, profile="quick", select=(), records=None, sd=0.02, told=None):
    plan = expand(lab, select, profile, 1, "hashed")
    made = list(simulated.simulate(plan, cost, sd)) if records is None else records(plan)
    found = analyse(lab, plan, FACTS, made, probes() if told is None else told)
    return {verdict.claim: verdict for verdict in found.verdicts}, found


def test_a_run_that_is_as_the_notes_say(lab):
    verdicts, results = judged(lab)
    for claim in (
        "select-1024",
        "select-linear",
        "poll-linear",
        "epoll-flat",
        "epoll-flat-slope",
        "idle-epoll",
        "active-select",
        "one-fd-mux-worse",
        "crossover-idle",
        "short-epoll-among-idle",
    ):
        assert verdicts[claim].outcome == "supported", verdicts[claim].reason
    assert verdicts["short-epoll-alone"].outcome == "refuted"  # 20/24 is below 1/1.10
    assert results.run.attempts_void == 0
    assert {gate.voided for gate in results.gates} == {0}


def test_a_run_in_which_nothing_differs_supports_no_difference(lab):
    verdicts, _ = judged(lab, lambda _: 20.0)
    for claim in ("idle-epoll", "active-select", "short-epoll-alone", "one-fd-mux-worse"):
        assert verdicts[claim].outcome == "refuted"
        assert verdicts[claim].effect.low < 1 < verdicts[claim].effect.high
    for claim in ("select-linear", "poll-linear"):
        assert verdicts[claim].outcome == "refuted"
        assert verdicts[claim].reason.startswith("Constant")
    assert verdicts["epoll-flat"].outcome == "supported"


def test_surprises_are_only_decided_verdicts_against_the_literature(lab):
    verdicts, _ = judged(lab, lambda _: 20.0)
    assert verdicts["select-linear"].surprise
    assert not verdicts["epoll-flat"].surprise
    assert not any(v.surprise for v in verdicts.values() if v.expected is None)


@pytest.mark.parametrize(
    ("expected", "outcome", "conditional", "due"),
    [
        ("supported", Outcome.REFUTED, False, True),
        ("supported", Outcome.SUPPORTED, False, False),
        ("refuted", Outcome.REFUTED, False, False),
        ("supported", Outcome.REFUTED, True, True),
        ("refuted", Outcome.REFUTED, True, True),  # sources: never; found: in some cells
        ("conditional", Outcome.REFUTED, True, False),
        ("conditional", Outcome.SUPPORTED, False, False),  # one case of those it depends on
        ("conditional", Outcome.REFUTED, False, False),
        ("supported", Outcome.INCONCLUSIVE, False, False),
        ("supported", Outcome.VOID, False, False),
        (None, Outcome.REFUTED, False, False),
    ],
)
def test_what_depends_is_a_finding_of_its_own(expected, outcome, conditional, due):
    decision = Decision(outcome, "Because.", conditional=conditional)
    assert surprises(expected, decision) is due


def test_noise_alone_leaves_claims_open_and_says_how_many_blocks_it_takes(lab):
    verdicts, results = judged(lab, sd=0.4)
    open_ = [v for v in verdicts.values() if v.outcome == "inconclusive"]
    assert open_
    assert any(v.needed_blocks and v.needed_blocks > 12 for v in open_)
    assert undecided(results)


def test_the_crossing_is_found_where_it_was_put(lab):
    """22.4 + 0.2 x = 1.1 * 24 at x = 20, which is a level: nothing is owed to the drawing."""

    def cost(cell):
        return book(cell) + (2.4 if cell.server == "select" else 0.0)

    _, results = judged(lab, cost)
    (line,) = results.crossovers
    assert line.state == "found"
    assert line.at.low <= 20 <= line.at.high
    assert line.points[0].level == 0


def test_half_a_run_is_inconclusive_not_void(lab):
    verdicts, _ = judged(lab, records=lambda plan: list(simulated.simulate(plan, book, blocks=5)))
    assert verdicts["idle-epoll"].outcome == "inconclusive"
    assert "5 of 12 blocks" in verdicts["idle-epoll"].reason


def saturated(plan, cell, blocks):
    """The run of the notes, in which the load engine saturated in one cell in some blocks."""
    for record in simulated.simulate(plan, book, 0.02):
        if record.cell == cell and record.block < blocks:
            engine = record.engines[0]
            busy = engine.crossed[1] - engine.crossed[0]
            yield record.model_copy(
                update={"engines": [engine.model_copy(update={"cpu_ns": busy})]}
            )
        else:
            yield record


def test_a_cell_that_the_gates_void_is_not_judged(lab):
    cell = "idle-ladder/select/idle=900"
    verdicts, results = judged(lab, records=lambda plan: list(saturated(plan, cell, 12)))
    found = verdicts["idle-epoll"]
    assert found.outcome == "void"
    assert "generator-saturated" in found.reason
    assert found.effect is None
    assert found.voids == {"generator-saturated": 12}
    assert results.run.void_cells == [cell]
    assert verdicts["one-fd-mux-worse"].outcome == "supported"  # another experiment's


def test_a_block_that_is_lost_is_replaced_by_a_spare_one(lab):
    cell = "idle-ladder/select/idle=900"

    def with_spares(plan):
        spare = [t for t in plan.trials if t.block == 12]
        made = [simulated.made(t, plan.cell(t.cell), book(plan.cell(t.cell))) for t in spare]
        return [*saturated(plan, cell, 1), *made]

    found = judged(lab, records=with_spares)[0]["idle-epoll"]
    assert (found.outcome, found.blocks_used, found.dropped_blocks) == ("supported", 12, 1)


def test_one_block_short_of_the_first_look_is_void_not_a_smaller_look(lab):
    cell = "idle-ladder/select/idle=900"
    found = judged(lab, records=lambda plan: list(saturated(plan, cell, 1)))[0]["idle-epoll"]
    assert found.outcome == "void"
    assert "11 usable blocks" in found.reason


def test_gates_that_choose_between_the_arms_void_the_claim(lab):
    """Repeats that healed leave enough blocks, but only one arm ever needed them."""
    cell = "idle-ladder/select/idle=900"

    def picky(plan):
        for record in simulated.simulate(plan, book, 0.02):
            if record.cell == cell:
                (bad,) = [x for x in saturated(plan, cell, 99) if x.trial == record.trial]
                yield bad
            yield record.model_copy(update={"attempt": 1})

    found = judged(lab, records=lambda plan: list(picky(plan)))[0]["idle-epoll"]
    assert found.outcome == "void"
    assert "chosen by the gates" in found.reason


@pytest.mark.parametrize(
    ("told", "due"),
    [
        (probes(), "supported"),
        (probes(outcome=False), "refuted"),
        (probes(control=False), "inconclusive"),
        (probes(outcome=None), "inconclusive"),
        (probes()[:2], "inconclusive"),
        ([probes()[0].model_copy(update={"error": "ended with 1"})], "void"),
    ],
)
def test_probes(lab, told, due):
    verdicts, _ = judged(lab, select=("select-1024",), told=told, records=lambda _: [])
    assert verdicts["select-1024"].outcome == due


def test_a_claim_against_its_gate(lab):
    _, results = judged(
        lab, select=("select-1024",), told=probes(outcome=False), records=lambda _: []
    )
    assert against_gate(results) == ["select-1024"]


def test_a_margin_that_was_changed_after_data_is_post_hoc(lab):
    plan = expand(lab, ("idle-epoll",), "quick", 1)
    made = list(simulated.simulate(plan, book, 0.02))
    eased = lab.claims["idle-epoll"].model_copy(update={"margin": 1.05})
    later = lab.model_copy(update={"claims": {**lab.claims, "idle-epoll": eased}})
    for declared, due in ((lab, False), (later, True)):
        (verdict,) = analyse(declared, plan, FACTS, made, ()).verdicts
        assert verdict.post_hoc is due


def test_post_hoc_is_told_claim_by_claim(lab):
    plan = expand(lab, ("idle-epoll", "active-select", "crossover-idle"), "quick", 1)
    made = list(simulated.simulate(plan, book, 0.02))
    eased = lab.claims["active-select"].model_copy(update={"margin": 1.05})
    ladder = lab.experiments["idle-ladder"]
    fewer = ladder.model_copy(update={"factors": {"idle": {"quick": [20, 450, 900]}}})
    one = lab.model_copy(update={"claims": {**lab.claims, "active-select": eased}})
    two = lab.model_copy(update={"experiments": {**lab.experiments, "idle-ladder": fewer}})
    old = plan.model_copy(update={"declared": {}})  # of a run from before claims had digests

    def marked(declared, planned):
        found = analyse(declared, planned, FACTS, made, ()).verdicts
        return {verdict.claim for verdict in found if verdict.post_hoc}

    assert marked(lab, plan) == set()
    assert marked(one, plan) == {"active-select"}
    assert marked(two, plan) == {"idle-epoll", "crossover-idle"}
    assert marked(one, old) == set(plan.claims)


def test_the_same_records_give_the_same_bytes(lab):
    first, second = (judged(lab)[1].model_dump_json() for _ in range(2))
    assert first == second


def test_a_claim_whose_server_cannot_run_here_is_skipped_with_the_reason(lab):
    plan = expand(lab, (), "quick", 1, "hashed")
    here = [r for r in simulated.simulate(plan, book, 0.02) if plan.cell(r.cell).server != "epoll"]
    facts = FACTS.model_copy(update={"absent": {"epoll": "epoll_create1() says: no"}})
    found = analyse(lab, plan, facts, here, probes())
    verdicts = {v.claim: v for v in found.verdicts}
    assert verdicts["idle-epoll"].outcome == "skipped"
    assert verdicts["idle-epoll"].reason == "epoll cannot run here: epoll_create1() says: no."
    assert verdicts["select-linear"].outcome == "supported"
    assert found.run.absent == {"epoll": "epoll_create1() says: no"}
