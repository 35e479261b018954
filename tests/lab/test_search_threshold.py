"""The statistics of a search against truths that are known: coverage, cost, and odd shapes."""

import math
import random
from collections import Counter
from itertools import pairwise

import pytest

from lab.search.axis import gaps, levels
from lab.search.belief import Belief
from lab.search.evidence import ALPHA, Evidence
from lab.search.threshold import State, Threshold, replayed

SEARCHES = 25  # of each kind: a few seconds; decision 18 has the figures of many


def chance(level, turn, width):
    x = (math.log1p(level) - math.log1p(turn)) / width
    return 1 / (1 + math.exp(-max(-500.0, min(500.0, x))))


def searched(dice, yes, low=100, high=20_000, tolerance=0.1, most=60, **changes):
    search = Threshold(levels(low, high, tolerance), tolerance, most=most, **changes)
    while search.asked < most and not search.done():
        level = search.next()
        search.add(level, yes=dice.random() < yes(level))
    return search


def missed(found, turn):
    return (found.low is not None and turn < found.low) or (
        found.high is not None and turn > found.high
    )


def capacity(seed, width, lapse=0.0):
    """A careful search for a turn somewhere; returns (turn, search)."""
    dice = random.Random(seed)
    turn = math.exp(dice.uniform(math.log(300), math.log(15_000)))

    def yes(level):
        return lapse / 2 + (1 - lapse) * chance(level, turn, width)

    steps = levels(100, 20_000, 0.1)
    start = max(i for i, level in enumerate(steps) if level <= 1000)
    return turn, searched(dice, yes, survey=(start,), careful=True)


@pytest.mark.parametrize(
    ("width", "lapse", "ratio"),
    [(0.005, 0.0, 1.15), (0.03, 0.0, 1.35), (0.1, 0.0, 2.5), (0.03, 0.1, 2.2)],
    ids=["cliff", "steep", "slope", "noisy machine"],
)
def test_the_interval_covers_the_turn_and_is_narrow_for_its_trials(width, lapse, ratio):
    runs = [capacity(seed, width, lapse) for seed in range(SEARCHES)]
    misses = sum(missed(search.found(), turn) for turn, search in runs)
    assert misses <= ALPHA * SEARCHES + 2 * math.sqrt(ALPHA * SEARCHES)
    found = [search.found() for _, search in runs]
    assert sum(one.state is State.FOUND for one in found) >= 0.95 * SEARCHES
    widths = sorted((1 + f.high) / (1 + f.low) for f in found if f.state is State.FOUND)
    assert widths[len(widths) // 2] <= ratio
    assert all(search.asked <= 60 for _, search in runs)


def test_a_cliff_is_found_to_a_tenth_within_fifty_trials():
    asked = sorted(search.asked for _, search in (capacity(s, 0.002) for s in range(SEARCHES)))
    assert asked[len(asked) // 2] <= 45
    assert asked[int(0.9 * SEARCHES)] <= 50


def test_where_an_answer_says_nothing_anywhere_hardly_any_search_says_it_found_something():
    dice = random.Random(7)
    states = Counter(searched(dice, lambda _: 0.5, most=40).found().state for _ in range(SEARCHES))
    assert states[State.OPEN] >= (1 - 2 * ALPHA) * SEARCHES


def test_evidence_errs_in_few_searches_even_if_every_chance_said_before_is_wrong():
    """The worst guess and the worst choice of levels: the promise does not depend on either."""
    wrong = 0
    for seed in range(600):
        dice = random.Random(seed)
        evidence = Evidence(4)
        for _ in range(60):  # the turn is gap 2: levels 0 and 1 below it, 2 and 3 above
            level = dice.randrange(4)
            evidence.add(level, dice.choice([0.05, 0.3, 0.7, 0.95]), yes=dice.random() < 0.5)
            first, last = evidence.kept()
            if not first <= 2 <= last:
                wrong += 1
                break
    assert wrong <= 600 * ALPHA


def test_stopping_at_the_first_level_that_once_held_and_once_failed_would_err():
    """What the interval replaces: one trial per level. It misses far more often than it may."""
    misses = 0
    for seed in range(300):
        dice = random.Random(seed)
        low, high = 100, 20_000
        turn = 3000
        while (1 + high) / (1 + low) > 1.1:
            middle = round(math.sqrt(low * high))
            if dice.random() < chance(middle, turn, 0.1):
                high = middle
            else:
                low = middle
        misses += not low <= turn <= high
    assert misses > 3 * ALPHA * 300


@pytest.mark.parametrize(
    ("name", "log_ratio", "states"),
    [
        ("crosses at 40", lambda x: math.log((20 + 0.2 * x) / 28), {State.FOUND}),
        ("b always ahead", lambda _: 0.3, {State.BELOW}),
        ("b never ahead", lambda _: -0.3, {State.ABOVE}),
        ("falls", lambda x: 0.5 - 0.01 * x, {State.NOT_MONOTONE}),
        ("ahead in the middle", lambda x: 0.4 if 20 < x < 300 else -0.4, {State.OPEN}),
    ],
)
def test_shapes_of_a_ratio_over_the_levels(name, log_ratio, states):
    found = []
    for seed in range(10):
        dice = random.Random(seed)
        steps = levels(0, 900, 0.25)
        last = len(steps) - 1
        survey = (0, last, last // 2, last // 4, 3 * last // 4)
        search = Threshold(steps, 0.25, survey, most=50)
        while search.asked < 50 and not search.done():
            level = search.next()
            search.add(level, yes=dice.gauss(log_ratio(level), 0.05) > 0)
        found.append(search.found())
    assert sum(one.state in states for one in found) >= 9, name
    if State.FOUND in states:
        assert sum(missed(one, 40) for one in found) <= 1


def test_seven_answers_of_one_mind_exclude_a_side():
    evidence = Evidence(1)
    for n in range(7):
        evidence.add(0, (n + 0.5) / (n + 1), yes=True)  # Krichevsky and Trofimov
    assert evidence.kept() == (0, 0)
    assert evidence.missing(1) == 0


def test_what_was_given_up_stays_given_up():
    evidence = Evidence(1)
    for _ in range(6):
        evidence.add(0, 0.95, yes=True)
    for _ in range(50):
        evidence.add(0, 0.95, yes=False)
    assert evidence.kept() == (0, 0)


def test_a_careful_search_never_asks_more_than_twice_what_has_held():
    dice = random.Random(3)
    steps = levels(100, 20_000, 0.1)
    start = max(i for i, level in enumerate(steps) if level <= 1000)
    search = Threshold(steps, 0.1, (start,), careful=True)
    held = steps[start] / 2
    for _ in range(40):
        level = search.next()
        assert level <= 2 * held
        yes = dice.random() < chance(level, 9000, 0.01)
        held = held if yes else max(held, level)
        search.add(level, yes=yes)


def test_nothing_is_asked_at_a_level_where_nobody_can_tell():
    search = Threshold(levels(100, 20_000, 0.1), 0.1)
    search.cut(search.levels[50])
    assert search.top * 1.09 < search.levels[50]
    for _ in range(30):
        level = search.next()
        assert level <= search.top
        search.add(level, yes=False)
        if search.done():
            break
    assert search.found().low == search.top
    assert search.done()


def test_the_same_answers_make_the_same_search():
    dice = random.Random(5)
    answers = []
    first = Threshold(levels(0, 900, 0.25), 0.25)
    for _ in range(25):
        level = first.next()
        answers.append((level, dice.random() < chance(level, 60, 0.2)))
        first.add(level, yes=answers[-1][1])
    again = replayed(Threshold(levels(0, 900, 0.25), 0.25), answers)
    assert again.found() == first.found()
    assert again.next() == first.next()


def test_levels_are_whole_ascending_and_fine_enough():
    found = levels(0, 900, 0.25)
    assert found[0] == 0
    assert found[-1] == 900
    assert found == sorted(set(found))
    coarse = [b for a, b in pairwise(found) if b - a > 1]
    assert all((1 + b) / (1 + found[found.index(b) - 1]) < 1.1 for b in coarse)
    assert len(levels(1, 100_000_000, 0.01)) <= 1201


@pytest.mark.parametrize("bad", [(5, 5), (9, 3), (-1, 4)])
def test_a_range_that_is_none_is_refused(bad):
    with pytest.raises(ValueError, match="must be below"):
        levels(*bad, 0.1)


def test_places_for_the_turn_lie_between_the_levels_and_beyond_them():
    assert gaps([0.0, 1.0, 3.0]) == [-0.5, 0.5, 2.0, 4.0]


def test_chances_are_chances_and_follow_the_answers():
    belief = Belief([0.0, 1.0, 2.0, 3.0])
    assert sum(belief.chance(place) for place in range(4)) == pytest.approx(2.0)
    for _ in range(5):
        belief.add(1, yes=False)
        belief.add(2, yes=True)
    assert belief.chance(0) < belief.chance(1) < 0.3
    assert belief.chance(3) > belief.chance(2) > 0.7
    assert belief.quantile(0.5) == 2
