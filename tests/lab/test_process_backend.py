import os
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest

from lab.backends.contract import StartFailed, StartOptions, WrongAnswer, verify
from lab.backends.leftovers import Leftover, leftovers, remove
from lab.backends.process import ProcessBackend
from lab.meter import Gone, ProcessMeter

OPTIONS = StartOptions()
RUN = f"tests-{os.getpid()}"  # so that no other run's servers are in our way, nor we in theirs


def environment(pid):
    entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(entry.partition("=")[::2] for entry in entries)


def wait_until_refused(address):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            socket.create_connection(address, 1).close()
        except ConnectionError:
            return


@pytest.fixture
def own(tmp_path):
    """Starts a server of our own: the text of its module, then the options."""
    targets = []
    (tmp_path / "own").mkdir()

    def start(text, **options):
        (tmp_path / "own/server.py").write_text(text)
        given = StartOptions(env={"PYTHONPATH": str(tmp_path)}, **options)
        targets.append(ProcessBackend().start("own.server", "echo", given))
        return targets[-1]

    yield start
    for target in targets:
        target.kill()


def test_a_server_starts_answers_and_stops():
    with ProcessBackend().start("epoll", "echo", OPTIONS) as target:
        assert target.address[0] == "127.0.0.1"
        assert target.alive()
        target.verify("echo")
        end = target.stop(5)
    assert (end.exit_code, end.counters, end.stderr, end.escaped) == (0, {"refused": 0}, "", 0)
    assert not target.alive()
    assert target.stop(5) is target.kill() is end
    with pytest.raises(Gone):
        target.meter.read()


def test_options_reach_the_server():
    cpu = max(os.sched_getaffinity(0))
    env = {"PYTHONHASHSEED": "7", "PADDING": "x" * 4095}
    options = StartOptions(cpu=cpu, nofile=77, env=env, label=RUN, backlog=5, workers=3)
    with ProcessBackend().start("threads", "echo", options) as target:
        assert os.sched_getaffinity(target.pid) == {cpu}
        assert resource.prlimit(target.pid, resource.RLIMIT_NOFILE) == (77, 77)
        assert environment(target.pid).items() >= {**env, "LAB_RUN": RUN}.items()
        assert os.getsid(target.pid) == target.pid != os.getsid(0)
        command = Path(f"/proc/{target.pid}/cmdline").read_text().split("\0")
        assert {"--backlog=5", "--workers=3", "-P"} <= set(command)


def test_the_descriptor_limit_is_as_high_as_allowed_unless_told():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ProcessBackend().start("epoll", "echo", OPTIONS) as target:
        assert resource.prlimit(target.pid, resource.RLIMIT_NOFILE) == (hard, hard)


def test_a_folder_named_servers_where_we_stand_is_not_taken_for_ours(tmp_path, monkeypatch):
    (tmp_path / "servers").mkdir()
    (tmp_path / "servers/__main__.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    with ProcessBackend().start("epoll", "echo", OPTIONS) as target:
        target.verify("echo")


@pytest.mark.parametrize(
    ("server", "options", "why", "code"),
    [
        ("nope", OPTIONS, 'exit code 2: servers: no server "nope"', 2),
        ("epoll", StartOptions(nofile=2**31 - 1), "exit code 5: .* above the hard limit", 5),
        ("epoll", StartOptions(cpu=1023), "cannot run on CPU 1023", None),
    ],
)
def test_a_server_that_does_not_start_says_why(server, options, why, code):
    with pytest.raises(StartFailed, match=why) as caught:
        ProcessBackend().start(server, "echo", options)
    assert caught.value.code == code
    assert not caught.value.port_taken


def test_an_interpreter_that_is_not_there_is_said_so():
    with pytest.raises(StartFailed, match="/no/python: No such file"):
        ProcessBackend("/no/python").start("epoll", "echo", OPTIONS)


def test_a_server_that_never_listens_is_given_up(own):
    with pytest.raises(StartFailed, match=r"not listening after 0\.5 s"):
        own("import time; time.sleep(60)\ndef serve(*_): pass", deadline=0.5)


def test_a_crash_at_the_start_shows_the_last_line(own):
    with pytest.raises(StartFailed, match="exit code 1: ZeroDivisionError") as caught:
        own("1 / 0")
    assert caught.value.code == 1


def test_a_server_that_dies_later_is_seen_and_its_words_kept(own):
    target = own("def serve(*_):\n    raise RuntimeError('lost the thread')")
    os.waitid(os.P_PID, target.pid, os.WEXITED | os.WNOWAIT)
    assert not target.alive()
    end = target.stop(5)
    assert end.exit_code == 1
    assert end.stderr.endswith("RuntimeError: lost the thread\n")
    assert target.logs() == end.stderr


def test_what_ignores_sigterm_is_killed(own):
    target = own(
        "import time\n"
        "from servers.core import ending\n"
        "def serve(listener, new_connection, workers):\n"
        "    ending.finish = lambda _: time.sleep(60)\n"
        "    listener.close()\n"
        "    time.sleep(60)\n"
    )
    wait_until_refused(target.address)  # the listener is closed, so SIGTERM is ignored by now
    begin = time.monotonic()
    assert target.stop(0.2).exit_code is None
    assert 0.2 <= time.monotonic() - begin < 3


def test_the_closure_holds_threads_and_children_and_agrees_with_the_meter(own):
    target = own(
        "import os, threading, time\n"
        "def burn():\n"
        "    end = time.thread_time() + 0.1\n"
        "    while time.thread_time() < end: pass\n"
        "def serve(listener, new_connection, workers):\n"
        "    thread = threading.Thread(target=burn); thread.start(); thread.join()\n"
        "    pid = os.fork()\n"
        "    if not pid: burn(); os._exit(0)\n"
        "    os.waitpid(pid, 0)\n"
        "    listener.accept()[0].close()\n"
        "    listener.accept()\n"
    )
    with socket.create_connection(target.address, 10) as client:
        assert client.recv(1) == b""  # both have burnt
    last = target.meter.read()
    end = target.stop(5)
    assert end.cpu_ns == end.user_ns + end.system_ns >= 200_000_000
    assert end.cpu_ns == pytest.approx(last.cpu_ns, abs=30_000_000)


def test_what_outlives_the_server_is_counted_and_killed(own):
    target = own(
        "import os, sys, time\n"
        "def serve(listener, new_connection, workers):\n"
        "    pid = os.fork()\n"
        "    if not pid: time.sleep(60)\n"
        "    sys.stderr.write(f'{pid}\\n'); sys.stderr.flush()\n"
        "    listener.accept()[0].close()\n"
        "    listener.accept()\n"
    )
    with socket.create_connection(target.address, 5) as client:
        assert client.recv(1) == b""  # it has forked
    end = target.stop(5)
    assert (end.exit_code, end.escaped) == (0, 1)
    with pytest.raises(Gone):
        ProcessMeter(int(end.stderr)).read()


def test_a_paused_server_answers_after_it_resumes_and_can_be_stopped_while_paused():
    with ProcessBackend().start("epoll", "echo", OPTIONS) as target:
        target.pause()
        with socket.create_connection(target.address, 5) as client:
            client.sendall(b"a")
            client.settimeout(0.1)
            with pytest.raises(TimeoutError):
                client.recv(1)
            target.resume()
            client.settimeout(5)
            assert client.recv(1) == b"A"
        target.pause()
        assert target.alive()
        assert target.stop(5).exit_code == 0


def wrong_server(answer, then):
    """Answers one client, whatever it says."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listener, listener.accept()[0] as client:
            client.recv(100)
            client.sendall(answer)
            then(client)

    thread = Thread(target=serve)
    thread.start()
    return listener.getsockname(), thread


@pytest.mark.parametrize(
    ("answer", "then", "why"),
    [
        (b"READY!", lambda client: client.recv(1), "got b'READY!', not b'READY\\?'"),
        (b"READ", lambda client: None, "got b'READ', not b'READY\\?'"),
        (b"READ", lambda client: client.recv(1), "timed out"),
        (b"READY?more", lambda client: client.recv(1), "got b'READY\\?more', not"),
        (b"READY?", lambda client: time.sleep(0.3), "timed out"),  # it does not hang up
    ],
)
def test_ready_means_byte_exact_in_time_and_hung_up(answer, then, why):
    address, thread = wrong_server(answer, then)
    with pytest.raises(WrongAnswer, match=why):
        verify(address, "echo", timeout=0.2)
    thread.join()


def test_nobody_there_is_no_answer():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with pytest.raises(WrongAnswer, match="Connection refused"):
        verify(address, "echo")


def test_after_verify_the_server_holds_no_descriptor_of_it():
    with ProcessBackend().start("threads", "echo", OPTIONS) as target:
        target.verify("echo")
        before = target.meter.fds()
        for _ in range(20):
            target.verify("echo")
            assert target.meter.fds() == before


def test_leftovers_are_found_by_their_label_and_removed():
    with (
        ProcessBackend().start("epoll", "echo", StartOptions(label=RUN)) as one,
        ProcessBackend().start("blocking", "echo", StartOptions(label=RUN)) as two,
    ):
        two.pause()
        found = [left for left in leftovers() if left.run == RUN]
        assert {left.pid for left in found} == {one.pid, two.pid}
        remove(found)
        assert not one.alive()
        assert not two.alive()
        assert [left for left in leftovers() if left.run == RUN] == []


def test_what_does_not_heed_sigterm_is_removed_too(tmp_path):
    code = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); input()"
    )
    env = {"LAB_RUN": RUN + "-deaf"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], env=env, **pipes) as deaf:
        deaf.stdout.readline()
        remove([left for left in leftovers() if left.run == RUN + "-deaf"], timeout=0.1)
        assert deaf.wait(5) == -9


def test_a_process_that_only_has_the_number_of_a_leftover_is_left_alone():
    with ProcessBackend().start("epoll", "echo", StartOptions(label=RUN)) as target:
        (found,) = [left for left in leftovers() if left.run == RUN]
        remove([Leftover(found.pid, found.run, found.started - 1)])
        target.verify("echo")
