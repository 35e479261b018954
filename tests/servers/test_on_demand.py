"""Several protocols of one server, each begun by its first client; and what the meter tells."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.backends.contract import WrongAnswer, verify
from servers import vitals
from servers.catalog import PROTOCOLS
from servers.on_demand import port_of

ALL = ",".join(PROTOCOLS)
DEADLINE = 10.0  # seconds for anything here
QUICK = "on_demand.IDLE, on_demand.LOOK = 0.2, 20"


class Running:
    """`python -m servers` with several protocols, on ports of the kernel's choice."""

    def __init__(self, *arguments, before="", protocols=ALL, cwd=None):
        code = f"from servers import __main__, on_demand; {before}\n__main__.main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments, "--protocol", protocols, "--meter-port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
        )
        self.ports = []
        self.meter_port = 0
        while not self.meter_port:
            line = self.process.stdout.readline()
            assert line, self.process.stderr.read()
            told = json.loads(line)
            self.meter_port = told.get("meter", 0)
            self.ports += [told["listening"]] if "listening" in told else []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.process.stdout.closed:
            self.end()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.output, self.errors = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode

    def address(self, place=0):
        return "127.0.0.1", self.ports[place]

    def children(self):
        pid = self.process.pid
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]

    def meter(self):
        with socket.create_connection(("127.0.0.1", self.meter_port), DEADLINE) as client:
            return json.loads(client.makefile().read())


def until(said):
    """What cannot be waited for in the kernel is looked at, until a deadline."""
    end = time.monotonic() + DEADLINE
    while not said():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_protocol_has_its_port_whatever_else_is_spoken():
    assert [port_of(name, 7001) for name in ("echo", "http", "websocket")] == [7001, 7002, 7003]
    assert port_of("http", 0) == 0


def test_each_protocol_is_answered_on_its_own_port():
    with Running("epoll") as server:
        for place, protocol in enumerate(PROTOCOLS):
            verify(server.address(place), protocol)
        assert server.end() == 0
        assert server.output.endswith('{"refused": 0}\n')
        assert server.errors == ""


def test_a_protocol_that_is_not_spoken_has_no_door():
    with Running("fastapi") as server:
        assert len(server.ports) == 1
        assert list(server.meter()["sockets"]) == ["http"]


def test_no_process_is_begun_before_its_first_client_and_then_only_its_own():
    with Running("threads") as server:
        assert server.children() == []
        verify(server.address(1), "http")
        assert len(server.children()) == 1
        verify(server.address(1), "http")
        assert len(server.children()) == 1
        verify(server.address(0), "echo")
        assert len(server.children()) == 2


def test_a_child_has_the_descriptors_that_a_server_alone_has():
    def kinds(pid):
        links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
        return sorted(link.partition(":")[0] for link in links)

    command = [sys.executable, "-m", "servers", "threads"]
    alone = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    alone.stdout.readline()
    with Running("threads") as server:
        for place in (2, 1, 0):  # the one begun last inherits most
            verify(server.address(place), list(PROTOCOLS)[place])
        child = server.children()[-1]
        until(lambda: kinds(child) == kinds(alone.pid))
    alone.terminate()
    alone.communicate(timeout=DEADLINE)


def test_after_a_child_has_died_the_next_client_begins_it_anew():
    with Running("epoll") as server:
        table = Path(f"/proc/{server.process.pid}/fd")
        before = len(list(table.iterdir()))
        verify(server.address(), "echo")
        [first] = server.children()
        os.kill(first, signal.SIGKILL)
        until(lambda: server.children() == [])
        server.meter()  # who answers here has its door back
        until(lambda: len(list(table.iterdir())) == before)
        verify(server.address(), "echo")
        assert server.children() != [first]


def test_clients_at_a_door_where_no_child_can_live_are_turned_away_one_try_for_each(tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/server.py").write_text("raise ImportError('no such library')\n")
    with Running("broken.server", cwd=tmp_path) as server:
        for _ in range(2):
            with pytest.raises(WrongAnswer):
                verify(server.address(), "echo")
            assert server.meter()["sockets"]["echo"] == 0  # all were seen off before it told
        assert server.end() == 0
        assert server.errors.count("no such library\n") >= 2
        assert server.errors.count("cannot import broken.server") == 2
        assert server.output.endswith('{"refused": 2}\n')


def test_a_model_that_spins_is_ended_when_idle_and_not_while_it_holds_a_client():
    with Running("nonblocking", before=QUICK) as server:
        with socket.create_connection(server.address(), DEADLINE) as client:
            client.sendall(b"x")
            assert client.recv(1) == b"X"
            child = server.children()
            time.sleep(0.6)  # three times as long as it may be idle
            assert server.children() == child
        until(lambda: server.children() == [])
        verify(server.address(), "echo")
        verify(server.address(1), "http")


def test_a_model_that_waits_is_left_alone_however_idle():
    with Running("epoll", before=QUICK) as server:
        verify(server.address(), "echo")
        child = server.children()
        time.sleep(0.6)
        assert server.children() == child


def test_at_the_end_who_has_spoken_is_answered_and_no_child_is_left():
    with Running("epoll") as server, socket.create_connection(server.address(), 5) as client:
        client.sendall(b"first")
        assert client.recv(5) == b"FIRST"
        children = server.children()
        os.kill(children[0], signal.SIGSTOP)
        client.sendall(b"last")
        server.process.send_signal(signal.SIGTERM)
        os.kill(children[0], signal.SIGCONT)
        assert client.recv(10) == b"LAST"
        assert client.recv(10) == b""
        assert server.process.wait(DEADLINE) == 0
        assert not Path(f"/proc/{children[0]}").exists()


def test_the_meter_counts_the_sockets_of_each_protocol_the_listener_among_them():
    with Running("epoll") as server:
        held = [socket.create_connection(server.address(1), DEADLINE) for _ in range(3)]
        until(lambda: server.meter()["sockets"] == {"echo": 0, "http": 4, "websocket": 0})
        for client in held:
            client.close()
        until(lambda: server.meter()["sockets"]["http"] == 1)


def test_a_meter_client_that_never_reads_holds_nobody_up():
    with Running("epoll") as server:
        meter = "127.0.0.1", server.meter_port
        silent = [socket.create_connection(meter, DEADLINE) for _ in range(20)]
        first, second = server.meter(), server.meter()
        assert second["monotonic_ns"] > first["monotonic_ns"]
        assert second["own_ns"] > first["own_ns"]
        verify(server.address(), "echo")
        for client in silent:
            client.close()


def test_the_meter_survives_clients_that_reset_before_they_are_heard():
    with Running("epoll") as server:
        os.kill(server.process.pid, signal.SIGSTOP)
        for _ in range(3):
            client = socket.create_connection(("127.0.0.1", server.meter_port), DEADLINE)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
        os.kill(server.process.pid, signal.SIGCONT)
        assert server.meter()["shape"] == vitals.SHAPE


V1 = {
    "cpuacct/cpuacct.usage": "123456789\n",
    "cpu/cpu.stat": "nr_periods 9\nnr_throttled 4\nthrottled_time 77\n",
    "memory/memory.usage_in_bytes": "5000\n",
    "pids/pids.current": "3\n",
}
V2 = {
    "cpu.stat": "usage_usec 123456\nuser_usec 1\nsystem_usec 2\nnr_periods 9\nnr_throttled 4\n",
    "memory.current": "5000\n",
    "pids.current": "3\n",
}
KNOWN = {"throttled": 4, "memory_bytes": 5000, "pids": 3}
UNKNOWN = {"cpu_ns": None, "throttled": None, "memory_bytes": None, "pids": None}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(V1, {"cpu_ns": 123_456_789, **KNOWN}, id="version 1"),
        pytest.param(V2, {"cpu_ns": 123_456_000, **KNOWN}, id="version 2"),
        pytest.param({}, UNKNOWN, id="none"),
    ],
)
def test_either_version_of_cgroups_is_read_and_what_is_not_there_is_null(files, expected, tmp_path):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    reading = json.loads(vitals.line({}, tmp_path))
    assert {name: reading[name] for name in expected} == expected
    assert reading["nofile"] > 0
    assert reading["io_uring"] in {True, False}


def test_a_shared_socket_counts_once_and_those_of_descendants_count():
    code = """
import os, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
if os.fork() == 0:
    own = socket.socketpair()
sys.stdout.write(".")
sys.stdout.flush()
sys.stdin.read()
"""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as process:
        process.stdout.read(2)  # both have said that they have all
        assert vitals.sockets({"both": process.pid}) == {"both": 3}
        child = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
        assert vitals.sockets({"one": process.pid, "other": child}) == {"one": 1, "other": 3}
    assert vitals.sockets({"gone": process.pid}) == {"gone": 0}


def test_who_speaks_none_of_the_protocols_is_told():
    done = subprocess.run(
        [sys.executable, "-m", "servers", "fastapi", "--protocol", "echo,websocket"],
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE,
    )
    assert done.returncode == 2
    assert "fastapi speaks none of: echo, websocket" in done.stderr


def test_an_unknown_name_in_a_list_is_told():
    command = [sys.executable, "-m", "servers", "epoll", "--protocol", "echo,nope"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE)
    assert (done.returncode, "echo, http, websocket" in done.stderr) == (2, True)
