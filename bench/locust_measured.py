"""What both Locust files have in common: measure between two instants, print it, quit."""

import json
import os
import time

import gevent
from locust import events

SETTLE = 1.0  # seconds until all users run
SECONDS = float(os.environ["BENCH_SECONDS"])


def measure(environment):
    gevent.sleep(SETTLE)
    cpu, done = time.process_time_ns(), environment.stats.total.num_requests
    gevent.sleep(SECONDS)
    cpu, done = time.process_time_ns() - cpu, environment.stats.total.num_requests - done
    failed = environment.stats.total.num_failures
    total = environment.stats.total.num_requests
    print(json.dumps({"cpu_ns": cpu, "completed": done, "total": total, "failed": failed}))
    environment.runner.quit()


@events.test_start.add_listener
def on_test_start(environment, **_):
    gevent.spawn(measure, environment)
