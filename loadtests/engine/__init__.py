"""The load engine: one process, one epoll loop, all connections of a trial. See `__main__` for its protocol.

Rules: standard library only; no locust, no gevent, no lab. `arrivals`, `clients`, `histogram`, `order`
and `report` are pure; `loop`, `timer`, `link`, `pacing` and `trial` hold the sockets and the clock.
"""
