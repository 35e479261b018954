"""What one trial says to a search: yes, no, or nothing."""

import pytest

from lab.search import outcomes, template
from lab.search.shapes import CapacitySearch
from tests.lab import records as r
from tests.lab import searched


@pytest.fixture(scope="module")
def lab():
    return searched.lab()


def trial_at(lab, rate=2000, name="bear", arm="epoll"):
    search = lab.searches[name]
    cell = template.cell(lab, "quick", search, arm, rate)
    (trial,) = template.trials([cell], 0, 1, 0)
    return trial, cell, search


def told(lab, **changes):
    trial, cell, search = trial_at(lab)
    return outcomes.capacity(searched.answered(trial, cell, **changes), cell, search)


def test_a_rate_holds_when_all_was_answered_in_time(lab):
    found = told(lab, p99_ms=4.9)
    assert found.yes is False
    assert found.value == pytest.approx(4900, rel=0.01)


def test_a_rate_is_too_much_when_p99_is_above_the_bound(lab):
    found = told(lab, p99_ms=5.1)
    assert found.yes is True
    assert found.why == "p99 5.10 ms"


def test_a_rate_is_too_much_when_one_request_was_not_sent(lab):
    found = told(lab, unsent=1)
    assert (found.yes, found.why) == (True, "1 unsent")


def test_a_rate_is_too_much_when_less_was_achieved_than_offered(lab):
    trial, cell, search = trial_at(lab)
    record = searched.answered(trial, cell)
    (engine,) = record.engines
    late = r.of_class(engine, "long", "window", scheduled=2100)
    found = outcomes.capacity(record.model_copy(update={"engines": [late]}), cell, search)
    assert (found.yes, found.why) == (True, "2000 of 2100 answered in time")


def test_a_rate_is_too_much_when_connections_were_dropped_before_accept(lab):
    trial, cell, search = trial_at(lab)
    record = searched.answered(trial, cell)
    after = record.meter.after.model_copy(update={"listen_drops": 9})
    meter = record.meter.model_copy(update={"after": after})
    found = outcomes.capacity(record.model_copy(update={"meter": meter}), cell, search)
    assert found.yes is True
    assert "dropped" in found.why


@pytest.mark.parametrize("p99_ms", [1.0, 50.0])
def test_whether_a_trial_can_tell_does_not_depend_on_what_it_tells(lab, p99_ms):
    found = told(lab, p99_ms=p99_ms, share=0.75)
    assert found.yes is None
    assert found.gate == "generator-saturated"
    assert found.walled


def test_a_disturbed_machine_says_nothing_and_is_no_wall(lab):
    trial, cell, search = trial_at(lab)
    record = searched.answered(trial, cell)
    noise = record.noise.model_copy(update={"foreign_cpu_ns": 10 * r.WINDOW})
    found = outcomes.capacity(record.model_copy(update={"noise": noise}), cell, search)
    assert (found.yes, found.gate, found.walled) == (None, "host-noise", False)


def test_a_trial_that_broke_says_nothing(lab):
    trial, cell, search = trial_at(lab)
    record = searched.answered(trial, cell).model_copy(
        update={"error": "lost", "error_gate": "load-engine", "engines": [], "meter": None}
    )
    found = outcomes.capacity(record, cell, search)
    assert found.yes is None
    assert not found.walled


def test_the_window_is_long_enough_for_a_p99_at_the_lowest_rate(lab):
    search = lab.searches["bear"]
    assert isinstance(search, CapacitySearch)
    slow = template.cell(lab, "quick", search, "epoll", 200)
    assert slow.timing.window * 200 > 1000
    fast = template.cell(lab, "quick", search, "epoll", 20_000)
    assert fast.timing.window == 0.5


def test_a_cell_of_a_search_names_its_level(lab):
    search = lab.searches["turn"]
    cell = template.cell(lab, "quick", search, "select", 37)
    assert cell.id == "turn/select/idle=37"
    assert cell.load["idle"].connections == 37
    assert template.level_of(search, cell.id) == 37
    assert template.level_of(search, "ladder/select/idle=37") is None


def test_a_ratio_above_one_is_a_yes_and_equal_figures_say_nothing():
    assert outcomes.crossover(2.0, 1.0).yes is True
    assert outcomes.crossover(1.0, 2.0).yes is False
    assert outcomes.crossover(1.0, 1.0).yes is None


def test_the_arms_of_a_round_share_their_arrivals_and_no_port(lab):
    search = lab.searches["turn"]
    cells = [template.cell(lab, "quick", search, arm, 90) for arm in ("select", "epoll")]
    rounds = [template.trials(cells, number, 1, 0) for number in range(12)]
    for pair in rounds:
        assert len({trial.arrival_seed for trial in pair}) == 1
        assert len({trial.port for trial in pair}) == 2
    assert {pair[0].cell for pair in rounds} == {cell.id for cell in cells}  # either goes first
    assert len({pair[0].arrival_seed for pair in rounds}) == 12
