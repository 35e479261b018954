"""The load engine: one process, one epoll loop, all connections of a trial.

What it is told and what it answers stands in `__main__`. Rules: standard library only; no locust,
no gevent, no lab. `arrivals`, `clients`, `histogram`, `ledger`, `order`, `paths`, `replies` and
`report` are pure; the others hold the sockets and the clock.
"""
