"""Attached servers: what is said of them, what their meter tells, and what a trial makes of it.

Masters, meters and servers are sockets in this process that say what they are told to.
"""

import contextlib
import json
import socket
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from lab import gates, lacks, measure
from lab.analysis import analyse
from lab.backends import attach, attached_locust, attached_meter
from lab.backends.attached_meter import UNKNOWN, AttachedMeter, Vitals, broken, understood
from lab.backends.attached_servers import parse
from lab.backends.contract import StartOptions
from lab.config import parse as lab_of
from lab.errors import EnvironmentUnfit, TrialFailed, UsageError
from lab.meter import Gone
from lab.model import Cell
from lab.orders import Order
from lab.plan import expand
from lab.record import MeterResult, as_json, read
from lab.trial import run_trial
from lab.wishes import Wishes, agree, shown
from servers.catalog import PROTOCOLS
from tests.lab import fakes, simulated
from tests.lab import records as r
from tests.lab.test_analysis import FACTS

MS = 1_000_000
TINY = b"""
version: 1
profiles: {tiny: {looks: [12], warm-up: 0.1 s, window: 0.5 s, cool-down: 0.05 s}}
experiments:
  pair:
    question: Does it work?
    arms: [select, epoll]
    load: {long: {connections: 4, rate: 1000/s}, idle: {connections: 20}}
claims:
  cheaper:
    {kind: compare, sentence: select costs more., experiment: pair, metric: cpu,
     ratio: select / epoll, at-least: 1.1, because: it matters, profiles: [tiny]}
  smaller:
    {kind: compare, sentence: select is larger., experiment: pair, metric: pss,
     ratio: select / epoll, at-least: 1.1, because: it matters, profiles: [tiny]}
"""


# what is said of a server


@pytest.mark.parametrize(
    ("text", "door"),
    [
        ("a=h:1,meter=none", ("a", "", ("h", 1), ("h", 1), None)),
        ("a=h:1", ("a", "", ("h", 1), ("h", 1), ("h", 7000))),
        ("a=h:1,protocol=http", ("a", "http", ("h", 1), ("h", 1), ("h", 7000))),
        ("a=h:1,meter=9", ("a", "", ("h", 1), ("h", 1), ("h", 9))),
        ("a=h:1,meter=m:9", ("a", "", ("h", 1), ("h", 1), ("m", 9))),
        ("a=h:1,here=l:2", ("a", "", ("h", 1), ("l", 2), ("l", 7000))),
        ("a=h:1,here=l", ("a", "", ("h", 1), ("l", 1), ("l", 7000))),
        ("a=[::1]:1,meter=[::2]:9", ("a", "", ("::1", 1), ("::1", 1), ("::2", 9))),
    ],
)
def test_a_server_is_where_it_is_said_to_be(text, door):
    (found,) = parse([text])
    assert (found.server, found.protocol, found.address, found.here, found.meter) == door


def test_a_host_alone_is_a_container_of_this_lab_with_all_that_its_server_speaks():
    assert [(d.protocol, d.address) for d in parse(["epoll=h"])] == [
        ("echo", ("h", 7001)),
        ("http", ("h", 7002)),
        ("websocket", ("h", 7003)),
    ]
    assert "echo" not in {door.protocol for door in parse(["django=h"])}
    assert [door.address for door in parse(["epoll=h,protocol=websocket"])] == [("h", 7003)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("epoll", "needs a name and an address"),
        ("=h:1", "needs a name and an address"),
        ("epoll=", "needs a name and an address"),
        ("epoll=h:x", '"x" is no port'),
        ("epoll=h:70000", '"70000" is no port'),
        ("epoll=h:1,protocol=gopher", 'no protocol "gopher"'),
        ("epoll=h:1,metre=9", '"metre=9" is none of'),
        ("epoll=h:1,meter=9,meter=8", "meter stands there twice"),
        ("epoll=::1", "wants brackets"),
        ("epoll=[::1", "is no"),
        ("epoll=h,here=l:2", "here= has a port"),
        ("epoll=:7", "has no host"),
    ],
)
def test_what_is_no_server_is_one_line_and_all_come_at_once(text, why):
    with pytest.raises(UsageError, match=why) as caught:
        parse([text, "b=h:0"])
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"backend": "attach"}, "needs a Locust master"),
        ({"backend": "attach", "locust": "http://h:1"}, "needs servers"),
        ({"locust": "http://h:1"}, "goes with --backend attach"),
        ({"locust": "somewhere"}, "write process, docker, or a master's URL"),
        ({"servers": ("a=h:1",)}, "Write --backend attach too"),
        ({"locust": "docker"}, "Write --backend docker too"),
        (
            {"backend": "attach", "locust": "http://h", "servers": ("a=h",), "verify": True},
            "Leave one of them out",
        ),
    ],
)
def test_options_that_contradict_each_other_are_refused(tmp_path, changes, why):
    given = Wishes(tmp_path, (), "quick", 1, "hashed", tmp_path)
    with pytest.raises(UsageError, match=why):
        agree(replace(given, **changes))


def test_options_that_agree_pass(tmp_path):
    given = Wishes(tmp_path, (), "quick", 1, "hashed", tmp_path)
    agree(given)
    agree(replace(given, backend="docker", locust="docker"))
    agree(replace(given, backend="attach", locust="http://h:1", servers=("a=h:1",)))


def test_a_token_is_not_stored_with_the_command():
    assert shown(["run", "--token", "secret", "--seed", "1"]) == [
        "run",
        "--token",
        "…",
        "--seed",
        "1",
    ]
    assert shown(["run", "--token=secret"]) == ["run", "--token=…"]


@pytest.mark.parametrize("url", ["h:8089", "https://h", "http://", "http://h:x", "ftp://h"])
def test_what_is_no_url_of_a_master_is_refused(url):
    with pytest.raises(UsageError):
        attached_locust.address(url)


# the meter


def line(**changes):
    said = {
        "shape": 1,
        "monotonic_ns": 5_000,
        "cpu_ns": 90 * MS,
        "own_ns": 20 * MS,
        "throttled": 3,
        "memory_bytes": 1_000,
        "pids": 4,
        "nofile": 1024,
        "io_uring": True,
        "sockets": {"echo": 7, "http": 1},
    }
    return json.dumps({**said, **changes}).encode() + b"\n"


def test_a_line_is_read_and_the_meters_own_time_left_out():
    assert understood(line()) == Vitals(5_000, 70 * MS, 1_000, 3, 4, {"echo": 7, "http": 1})


def test_a_meter_outside_of_a_container_tells_of_the_machine_and_is_not_believed():
    found = understood(line(pids=None))
    assert (found.cpu_ns, found.memory_bytes, found.threads) == (UNKNOWN, UNKNOWN, UNKNOWN)
    assert found.sockets["echo"] == 7


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"hello\n",
        b"[]\n",
        line(shape=2),
        line(sockets=3),
        line(monotonic_ns="1"),
        line(cpu_ns="x"),
    ],
)
def test_another_line_is_no_reading(said):
    with pytest.raises(ValueError, match=r"meter|Expecting"):
        understood(said)


@pytest.mark.parametrize(
    ("there_ns", "cpu_ns", "why"),
    [
        (100 * MS, 70 * MS, ""),
        (97 * MS, 70 * MS, ""),  # both readings lay where they may have lain
        (104 * MS, 70 * MS, ""),
        (80 * MS, 70 * MS, "two hosts"),
        (-(10**15), 70 * MS, "two hosts"),
        (130 * MS, 70 * MS, "two hosts"),
        (100 * MS, 65 * MS, ""),  # the account lags by a tick
        (100 * MS, 5 * MS, "counts anew"),
    ],
)
def test_two_readings_must_be_of_one_server(there_ns, cpu_ns, why):
    def vitals(at_ns, used):
        return Vitals(at_ns, used, 0, 0, 1, {})

    began = 10**12  # of a clock that has nothing to do with this one
    before = (0, vitals(began, 70 * MS), 2 * MS)
    after = (100 * MS, vitals(began + there_ns, cpu_ns), 103 * MS)
    assert why in broken(before, after)
    assert bool(why) == bool(broken(before, after))


@contextlib.contextmanager
def saying(*answers):
    """A door that says one thing to each who comes, and the last one again."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        left = list(answers)

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    said = left[0] if len(left) == 1 else left.pop(0)
                    with client:
                        client.sendall(said() if callable(said) else said)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()
        listener.shutdown(socket.SHUT_RDWR)


def test_a_reading_is_by_the_meters_own_clock():
    with saying(line()) as address:
        found = AttachedMeter(address, "echo").read()
    assert (found.at_ns, found.cpu_ns) == (5_000, 70 * MS)
    assert 0 < found.bracket_ns < 10**9


def test_a_footprint_is_what_a_container_tells_of_itself():
    with saying(line()) as address:
        meter = AttachedMeter(address, "echo")
        found = meter.footprint()
        assert meter.sockets() == 7
        assert AttachedMeter(address, "websocket").sockets() == UNKNOWN
    assert (found.sockets, found.threads, found.memory_bytes, found.throttled) == (7, 4, 1_000, 3)
    assert {found.pss_bytes, found.fds, found.voluntary, found.listen_drops} == {UNKNOWN}


def test_no_meter_is_no_number():
    meter = AttachedMeter(None, "echo")
    assert meter.read().cpu_ns == meter.footprint().sockets == meter.sockets() == UNKNOWN
    assert meter.footprint().held < 0


def test_a_meter_that_does_not_answer_is_gone():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with pytest.raises(Gone, match="does not answer"):
        AttachedMeter(address, "echo").read()
    with saying(b"nonsense\n") as address, pytest.raises(Gone, match="does not answer"):
        AttachedMeter(address, "echo").read()


# a trial


@pytest.fixture
def world():
    made = fakes.World()
    made.stage = replace(made.stage, away=True)
    return made


def run(world, cell=None):
    cell = cell or r.cell()
    return run_trial(fakes.trial(cell), cell, 0, fakes.PLACE, world.stage)


def test_a_trial_on_attached_servers_is_read_at_its_edges_and_leaves_the_server(world):
    record = run(world)
    assert len(record.meter.slices) == 2
    assert record.meter.own_clock
    assert (record.noise, record.server) == (None, None)
    assert gates.voids(record.gates) == []
    assert read(as_json(record)) == record
    judged = {found.gate for found in record.gates}
    assert not judged & {"host-noise", "drift", "meter-closure", "server-died"}
    assert {"conservation", "census", "window-edges", "errors"} <= judged


def test_an_attached_server_that_died_is_void(world):
    world.backend.gone_at_ns = 1
    record = run(world)
    assert "server-died" in gates.voids(record.gates)
    assert "gone" in record.error


def test_a_server_that_was_gone_for_a_while_is_void_though_it_is_there_again():
    why = "the server was gone: its meter counts anew"
    record = r.record(server=None, error=why, error_gate="server-died", meter=None, engines=[])
    (found,) = (one for one in gates.check(record, r.cell()) if one.state == "void")
    assert (found.gate, found.why) == ("server-died", why)


def away(record, shift_ns=10**15, **changes):
    """The same record as read by a meter whose clock is another one."""
    first, last = (
        one.model_copy(update={"at_ns": one.at_ns + shift_ns})
        for one in (record.meter.slices[0], record.meter.slices[-1])
    )
    given = {"slices": [first, last], "own_clock": True, **changes}
    made = MeterResult.model_validate({**record.meter.model_dump(), **given})
    return record.model_copy(update={"meter": made, "noise": None, "server": None})


def test_cpu_per_request_does_not_depend_on_what_time_it_is_at_the_meter():
    record = r.record()
    assert measure.cpu_ns(away(record)) == pytest.approx(measure.cpu_ns(record), rel=1e-9)
    assert measure.throughput(away(record)) == pytest.approx(measure.throughput(record), rel=1e-9)
    # two readings that lie closer together: less CPU time, and as many fewer requests
    slices = record.meter.slices
    near = away(record, slices=[slices[2], slices[12]])
    assert measure.cpu_ns(near) == pytest.approx(measure.cpu_ns(record), rel=1e-9)


def test_several_engines_on_hosts_of_their_own_count_by_their_own_clocks():
    one = r.engine()
    moved = [(at + 10**14, n) for at, n in one.marks]
    edges = tuple(at + 10**14 for at in one.crossed)
    other = one.model_copy(update={"marks": moved, "crossed": edges, "window": edges})
    both = away(r.record(engines=[one, other], cpus=(-1, -1)))
    assert measure.cpu_ns(both) == pytest.approx(measure.cpu_ns(r.record()) / 2, rel=1e-9)
    assert measure.engine_share(both) == measure.engine_share(r.record())  # not of one core


def test_a_reading_that_took_too_much_of_the_window_is_void():
    slow = [s.model_copy(update={"bracket_ns": 11 * MS}) for s in r.record().meter.slices[::20]]
    found = gates.check(away(r.record(), slices=slow), r.cell())
    assert "window-edges" in gates.voids(found)
    fast = [s.model_copy(update={"bracket_ns": 9 * MS}) for s in slow]
    assert gates.voids(gates.check(away(r.record(), slices=fast), r.cell())) == []


def test_numbers_that_cannot_be_had_are_not_made_up():
    blank = [s.model_copy(update={"cpu_ns": UNKNOWN}) for s in r.record().meter.slices[::20]]
    unknown = AttachedMeter(None, "echo").footprint()
    record = away(r.record(), slices=blank, idle=unknown, ready=unknown, after=unknown)
    for take in (measure.cpu_ns, measure.pss, measure.switches, measure.server_share):
        with pytest.raises(measure.Unmeasured):
            take(record)
    assert measure.throughput(record) > 0
    found = gates.check(record, r.cell())
    assert gates.voids(found) == []
    assert "accept-drops" not in {one.gate for one in found}


# the judge


def test_a_claim_that_needs_what_cannot_be_had_is_skipped_and_the_rest_is_marked():
    lab = lab_of(TINY)
    plan = expand(lab, (), "tiny", 1)
    cost = {"select": 40.0, "epoll": 20.0}
    records = [away(one) for one in simulated.simulate(plan, lambda c: cost[c.server], 0.02)]
    facts = FACTS.model_copy(
        update={"instances": 1, "absent": {lacks.metric("pss"): "no process of it is seen"}}
    )
    results = analyse(lab, plan, facts, records, ())
    cheaper, smaller = results.verdicts
    assert (cheaper.outcome, smaller.outcome) == ("supported", "skipped")
    assert smaller.reason == "The metric pss cannot be had here: no process of it is seen."
    assert any("1 running instance" in w.replace("\xa0", " ") for w in cheaper.warnings)
    assert smaller.warnings == []
    silent = {tally.gate: tally.silent for tally in results.gates if tally.silent}
    assert silent["drift"] == silent["host-noise"] == len(records)
    assert not silent.keys() & {"census", "conservation", "errors"}


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("epoll", "epoll cannot run here: no."),
        (lacks.speech("epoll", "echo"), "epoll over echo cannot run here: no."),
        (lacks.network("bridge"), "network bridge cannot run here: no."),
        (lacks.speech("epoll", "http"), ""),
        (lacks.network("host"), ""),
    ],
)
def test_a_cell_lacks_its_server_its_protocol_or_its_network(what, why):
    cell = Cell.model_validate({**r.cell().model_dump(), "network": "bridge"})
    assert lacks.of_cell(cell, {what: "no"}) == why


# all that is looked at before a run begins


class Master(BaseHTTPRequestHandler):
    """Says /lab/state, and knows a token."""

    state: ClassVar[dict] = {}
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200, self.state)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        right = self.headers.get("X-Lab-Token") == "right"
        self.answer(200 if right else 403, {} if right else {"error": "not this one"})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


UP = {
    "workers": 2,
    "expected": 2,
    "engines": [{"pid": 1}, {"pid": 2}],
    "runner": "ready",
    "users": 0,
    "trial": None,
    "driver": None,
}


@contextlib.contextmanager
def master(**changes):
    kind = type("Said", (Master,), {"state": {**UP, **changes}})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def speaking(protocol):
    """A server for one client after the other, which knows the catalog's exchange only."""
    spoken = PROTOCOLS[protocol]
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    with client, contextlib.suppress(OSError):
                        talk(client)

        def talk(client):
            while data := client.recv(65_536):
                known = {spoken.hello: spoken.welcome, spoken.question: spoken.answer}
                if not data or data not in known:
                    return
                client.sendall(known[data])

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def looked_at(servers, url, token="right", n=1):
    lab = lab_of(TINY)
    return attach.site(lab, expand(lab, (), "tiny", 1).cells, servers, url, token, n)


def test_a_site_says_what_it_has_and_what_it_lacks():
    with master() as url, speaking("echo") as port, saying(line()) as (_, meter):
        site = looked_at([f"epoll=127.0.0.1:{port},meter={meter}"], url)
        with site.open("run@1") as backend:
            target = backend.start("epoll", "echo", StartOptions())
            assert target.address == ("127.0.0.1", port)
            assert target.alive()
    cells = expand(lab_of(TINY), (), "tiny", 1).cells
    absent = site.absent(cells)
    assert set(absent) == {"select", lacks.metric("pss")}
    assert "--server select=" in absent["select"]
    assert (site.away, site.instances) == (True, 1)
    assert site.facts["pinned"] == "no"
    assert "2 workers" in site.facts["load"]


def test_without_a_meter_cpu_time_is_not_to_be_had():
    with master() as url, speaking("echo") as port:
        site = looked_at([f"epoll=127.0.0.1:{port},meter=none"], url)
    assert lacks.metric("cpu", "epoll") in site.absent([])


def test_another_protocol_than_the_experiments_is_skipped():
    with master() as url, speaking("http") as port:
        site = looked_at([f"epoll=127.0.0.1:{port},meter=none"], url)
    absent = site.absent(expand(lab_of(TINY), (), "tiny", 1).cells)
    assert absent[lacks.speech("epoll", "echo")] == "it was attached for http"


def test_instances_take_turns():
    with master() as url, speaking("echo") as one, speaking("echo") as other:
        given = [f"epoll=127.0.0.1:{port},meter=none" for port in (one, other)]
        site = looked_at(given, url)
        with site.open("run@1") as backend:
            ports = [backend.start("epoll", "echo", StartOptions()).address[1] for _ in range(3)]
    assert ports == [one, other, one]
    assert site.instances == 2


def test_a_server_is_handed_out_when_the_last_clients_have_left():
    def holding(count):
        return lambda: line(sockets={"echo": count}, monotonic_ns=time.monotonic_ns())

    many, few = holding(9), holding(2)
    with speaking("echo") as port, saying(few, many, many, few) as meter:
        door = replace(parse([f"epoll=127.0.0.1:{port},protocol=echo"])[0], meter=meter)
        backend = attach.AttachBackend({("epoll", "echo"): [door]})
        backend.start("epoll", "echo", StartOptions())
        target = backend.start("epoll", "echo", StartOptions())
        assert target.meter.sockets() == 2


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.mark.parametrize(
    ("state", "token", "n", "why"),
    [
        ({}, "wrong", 1, "refuses this lab: not this one"),
        ({"workers": 1, "engines": [{"pid": 1}]}, "right", 1, "has 1 workers, .* 2 are needed"),
        ({"engines": [{"pid": 1}]}, "right", 1, "1 of them with a load engine"),
        ({}, "right", 3, "has 2 workers, .* 3 are needed"),
        ({"driver": "hand"}, "right", 1, "a load by hand is under way"),
        ({"workers": None, "engines": None}, "right", 1, "no Locust master of this lab"),
    ],
)
def test_a_master_that_cannot_be_used_is_one_line(state, token, n, why):
    with master(**state) as url, pytest.raises(EnvironmentUnfit, match=why) as caught:
        attached_locust.look(url, token, n)
    assert "\n" not in str(caught.value)


def test_no_master_is_one_line():
    with pytest.raises(EnvironmentUnfit, match="no Locust master answers at"):
        attached_locust.look(f"http://127.0.0.1:{closed_port()}", "", 1)


def test_servers_that_are_not_as_they_were_said_to_be_are_a_line_each():
    with master() as url, speaking("http") as port:
        given = [
            f"epoll=127.0.0.1:{closed_port()}",
            f"select=127.0.0.1:{port},protocol=echo,meter=none",
        ]
        with pytest.raises(EnvironmentUnfit) as caught:
            looked_at(given, url)
    nobody, other = str(caught.value).splitlines()
    assert "speaks none of" in nobody
    assert "Connection refused" in nobody
    assert "does not answer as it must" in other


def test_a_meter_that_was_named_must_be_there():
    with master() as url, speaking("echo") as port:
        given = [f"epoll=127.0.0.1:{port},meter={closed_port()}"]
        with pytest.raises(EnvironmentUnfit, match=r"the meter of epoll at .* does not answer"):
            looked_at(given, url)


def test_a_server_that_no_experiment_has_is_a_mistake():
    with pytest.raises(UsageError, match=r"no experiment here has it\. It has: epoll, select"):
        looked_at(["epol=127.0.0.1:1"], "http://127.0.0.1:1")


def test_whoever_may_not_be_loaded_is_not_even_asked(monkeypatch):
    monkeypatch.delenv("LAB_ALLOW_TARGETS", raising=False)
    for given, url in (("192.0.2.7:1", "http://127.0.0.1:1"), ("127.0.0.1:1", "http://192.0.2.7")):
        with pytest.raises(UsageError, match=r"192\.0\.2\.7 is neither this machine"):
            looked_at([f"epoll={given}"], url)
    monkeypatch.setenv("LAB_ALLOW_TARGETS", "192.0.2.0/24")
    with pytest.raises(EnvironmentUnfit, match="no Locust master answers"):
        looked_at(["epoll=192.0.2.7:1"], f"http://127.0.0.1:{closed_port()}")


# the load


class Standing:
    """A Locust that is there, and takes its time to begin."""

    def __init__(self, took_s=0.0):
        self.took_s, self.orders = took_s, []

    def alive(self):
        return True

    def prepare(self, order):
        self.orders.append(order)

    def go(self, trial):
        time.sleep(self.took_s)
        return (10**15, 10**15 + 1)  # of the engine's clock: nobody may use it


def order():
    return Order(
        trial="t",
        label="l",
        target=("127.0.0.1", 1),
        protocol="echo",
        classes=r.cell().load,
        seed=1,
        timing=r.cell().timing,
        cpu=1,
    )


def test_the_window_is_named_by_this_machines_clock_and_nothing_is_pinned():
    standing = Standing()
    load = attached_locust.AttachedLoad(standing, standing)
    load.prepare(order())
    before = time.monotonic_ns()
    start, end = load.go("t")
    after = time.monotonic_ns()
    assert standing.orders[0].cpu is None
    timing = order().timing
    assert before + timing.warm_up * 1e9 <= start <= after + timing.warm_up * 1e9
    assert before <= end - (timing.warm_up + timing.window) * 1e9 <= after
    assert end - start <= timing.window * 1e9


def test_a_load_that_began_nobody_knows_when_is_not_metered():
    standing = Standing(took_s=0.26)  # more than half a window of 0.5 s
    load = attached_locust.AttachedLoad(standing, standing)
    load.prepare(order())
    with pytest.raises(TrialFailed, match="too late to meter"):
        load.go("t")


def test_a_client_of_an_attached_master_sets_no_time():
    assert not attached_locust.AttachedLocust("http://127.0.0.1:1", "").client().beside
    assert attached_meter.SHAPE == 1
