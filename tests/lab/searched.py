"""A lab with two searches, and servers whose truth is known: what the tests of searches share."""

import math
import random

from lab import gates
from lab.config import parse
from lab.measure import ACTIVE
from lab.plan import expand
from tests.lab import records as r
from tests.lab import simulated

TEXT = """
version: 1
profiles:
  quick: {looks: [2], warm-up: 0.1 s, window: 0.5 s, cool-down: 0.05 s}
experiments:
  rates:
    question: What can they bear?
    arms: [select, epoll]
    load: {long: {connections: 4, rate: $rate}, idle: {connections: 20}}
    factors: {rate: [100, 20000]}
  ladder:
    question: What does silence cost?
    arms: [select, epoll, poll]
    load: {long: {connections: 4, rate: 1000/s}, idle: {connections: $idle}}
    factors: {idle: [0, 900]}
searches:
  bear:
    kind: capacity
    question: What can they bear?
    experiment: rates
    tolerance: 10 %
    budget: 60 s
    profiles: [quick]
  turn:
    kind: crossover
    question: Where does it turn?
    experiment: ladder
    over: idle
    ratio: select / epoll
    tolerance: 25 %
    budget: 60 s
    profiles: [quick]
claims:
  cheap:
    kind: compare
    sentence: select costs more.
    experiment: ladder
    metric: cpu
    ratio: select / epoll
    at: {idle: 900}
    at-least: 1.1
    because: a tenth matters
    profiles: [quick]
"""


def lab(text=TEXT):
    return parse(text.encode())


def plan(name, made=None, **changes):
    made = made or lab()
    searches = {key: one.model_copy(update=changes) for key, one in made.searches.items()}
    made = made.model_copy(update={"searches": searches})
    return made, expand(made, [name], "quick", 1)


def answered(trial, cell, p99_ms=1.0, share=0.3, attempt=0, unsent=0, **changes):
    """A healthy record with that p99 of the response time, and that share of the engine's core."""
    made = simulated.made(trial, cell, 20.0, attempt)
    engine = made.engines[0]
    window_ns = engine.crossed[1] - engine.crossed[0]
    for name in ACTIVE:
        if name in engine.classes:
            n = engine.classes[name].window.completed
            times = r.histogram(int(p99_ms * 1e6), n)
            engine = r.of_class(engine, name, "window", response=times)
            if unsent:
                lost = {"completed": engine.classes[name].total.completed - unsent}
                engine = r.of_class(engine, name, "total", failed={"unsent": unsent}, **lost)
                locust = made.locust.model_copy(update={"failures": unsent})
                made = made.model_copy(update={"locust": locust})
    engine = engine.model_copy(update={"cpu_ns": int(share * window_ns)})
    return made.model_copy(update={"engines": [engine], **changes})


class Servers:
    """Servers of a known capacity and cost, in the place of a trial: `run_trial`, simulated."""

    def __init__(self, capacity=None, cost=None, noise=0.03, seed=1):
        self.capacity = capacity or {}
        self.cost = cost
        self.noise = noise
        self.dice = random.Random(seed)
        self.asked = []
        self.share = lambda rate: 0.3
        self.void = lambda number: False
        self.waits = 0.0  # seconds, before each trial

    def run_trial(self, trial, cell, attempt, place, stage):
        self.asked.append((trial.id, attempt))
        began = stage.clock.unix()
        stage.clock.sleep_until(stage.clock.now_ns() + int((0.8 + self.waits) * 1e9))
        load = cell.load["long"]
        at = self.dice.gauss(0, self.noise)
        if self.cost:
            made = simulated.made(trial, cell, self.cost(cell) * math.exp(at), attempt)
        else:
            over = load.rate > self.capacity[cell.arm] * math.exp(at)
            share = self.share(load.rate)
            made = answered(trial, cell, 50.0 if over else 1.0, share, attempt)
        noise = made.noise
        if self.void(len(self.asked)):
            noise = noise.model_copy(update={"spin_after_ns": 100 * noise.spin_before_ns})
        times = {"started_unix": began, "waited_s": self.waits, "took_s": 0.8}
        made = made.model_copy(update={"noise": noise, **times})
        return made.model_copy(update={"gates": gates.check(made, cell)})
