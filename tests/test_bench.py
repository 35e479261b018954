"""What bench judges, on figures made up: the measuring itself needs a quiet machine."""

from bench.generators import Figures
from bench.goals import CASES, GOALS, Goal


def rounds(*pairs):
    return [{"a": Figures(a, 0, 0, 0), "b": Figures(b, 0, 0, 0)} for a, b in pairs]


def test_a_ratio_is_the_median_of_the_rounds_ratios_not_the_ratio_of_medians():
    judged = Goal("a", "b", most=1.0).judge(rounds((1, 2), (9, 10), (30, 10)))
    assert (judged["least"], judged["judged"], judged["most"]) == (0.5, 0.9, 3.0)
    assert judged["met"] is True


def test_a_goal_is_missed_above_its_limit_and_one_without_is_only_shown():
    assert Goal("a", "b", most=0.89).judge(rounds((9, 10)))["met"] is False
    assert Goal("a", "b").judge(rounds((9, 10)))["met"] is None


def test_what_must_never_be_is_judged_by_its_worst_round():
    measured = [{"a": Figures(1, 1, 1, 1, dropped=number)} for number in (0, 0, 7)]
    assert Goal("a", figure="dropped", most=0).judge(measured)["met"] is True
    worst = Goal("a", figure="dropped", most=0, judged=max).judge(measured)
    assert (worst["judged"], worst["met"]) == (7, False)


def test_goals_are_of_cases_that_are_measured():
    for goal in GOALS:
        assert set(goal.cases) <= set(CASES)
