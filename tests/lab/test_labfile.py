"""The lab.yaml that is shipped: it loads, fits its time, and can decide what it lists."""

from pathlib import Path

import pytest

from lab.claims import GrowthClaim, experiment_of
from lab.config import load
from lab.plan import expand, forecast, ladder, needed_by

ROOT = Path(__file__).parents[2]
LAB = load(ROOT / "lab.yaml")


@pytest.mark.parametrize(("profile", "minutes"), [("smoke", 0.75), ("quick", 20), ("full", 100)])
def test_a_profile_fits_its_time(profile: str, minutes: float) -> None:
    assert forecast(expand(LAB, [], profile, 1)).total_s <= 60 * minutes


@pytest.mark.parametrize("profile", ["smoke", "quick", "full"])
def test_every_claim_of_a_profile_has_its_cells_there(profile: str) -> None:
    plan = expand(LAB, [], profile, 1)
    planned = {cell.id for cell in plan.cells}
    listed = [name for name, claim in LAB.claims.items() if profile in claim.profiles]
    assert plan.claims == listed
    for claim in listed:
        assert set(needed_by(LAB, profile, claim)) <= planned


TAX = {name for name, claim in LAB.claims.items() if "tax" in claim.profiles}


def test_full_answers_all_claims_and_quick_nothing_else() -> None:
    ours = [name for name in LAB.claims if name not in TAX]
    assert expand(LAB, [], "full", 1).claims == ours
    assert set(expand(LAB, [], "quick", 1).claims) < set(ours)


def test_what_a_container_costs_is_asked_in_a_profile_of_its_own_and_far_below_the_proxys_end():
    plan = expand(LAB, [], "tax", 1)
    assert set(plan.claims) == TAX
    asked = [cell for cell in plan.cells if cell.experiment == "container-tax"]
    assert {cell.network for cell in asked} == {"loopback", "host", "bridge", "published"}
    assert len({cell.server for cell in asked}) == 1
    assert max(load.connections for cell in asked for load in cell.load.values()) <= 200


def test_growth_is_judged_over_a_ladder_that_spans_a_decade() -> None:
    for name, claim in LAB.claims.items():
        if isinstance(claim, GrowthClaim):
            for profile in claim.profiles:
                levels = [level for level, _ in ladder(LAB, profile, name, claim.arm)]
                assert levels[0] >= 10  # below, caches decide
                assert levels[-1] >= 10 * levels[0]


def test_smoke_decides_the_limit_and_tries_one_pair_of_each_kind_of_load() -> None:
    plan = expand(LAB, [], "smoke", 1)
    assert [run.probe for run in plan.probes] == ["select-1024"]
    assert 6 <= len(plan.cells) <= 8
    assert {name for cell in plan.cells for name in cell.load} == {"long", "short", "idle"}


def test_what_the_notes_do_not_say_is_not_put_into_their_mouth() -> None:
    for claim in LAB.claims.values():
        assert bool(claim.notes) == bool(claim.section)


def test_each_measured_claim_says_why_its_effect_matters() -> None:
    for claim in LAB.claims.values():
        if "because" in type(claim).model_fields:
            assert claim.because or not experiment_of(claim)
