"""The load engine against wrk and against a plain Locust user, as ratios in one run."""
