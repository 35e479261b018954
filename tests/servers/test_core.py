"""What all servers stand on, where no wire shows it: counters, children, twins, the rest."""

import os
import signal
import socket
import subprocess
import sys
import textwrap

import pytest

from servers.core.contract import Counter
from servers.core.listener import open_listener, twin
from servers.core.rest import LINGER_SIZE, Rest, half_close
from servers.needs import FEATURES, missing


def script(text, **options):
    command = [sys.executable, "-P", "-c", textwrap.dedent(text)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=20, **options
    )


def test_a_counter_adds_up_over_forked_processes():
    counter = Counter()
    children = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            counter.add()
            counter.add()
            os._exit(0)
        children.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0, 0]
    counter.add()
    assert (counter.take(), counter.take()) == (7, 0)


def test_the_rest_is_read_away_until_the_end_of_file():
    rest = Rest()
    assert (rest.receive(b"more"), rest.closed) == (b"", False)
    assert (rest.receive(b""), rest.closed) == (b"", True)


def test_who_sends_without_end_is_cut_off():
    rest = Rest()
    rest.receive(b"x" * LINGER_SIZE)
    assert not rest.closed
    rest.receive(b"x")
    assert rest.closed


def test_half_close_ends_our_side_only():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not half_close(ours).closed
        assert theirs.recv(1) == b""
        theirs.sendall(b"still sending")
        assert ours.recv(100) == b"still sending"


def test_half_close_of_a_client_that_has_gone_is_quiet():
    ours, theirs = socket.socketpair()
    theirs.close()
    ours.close()
    half_close(ours)


def test_twins_share_an_address_and_have_a_backlog_each():
    with open_listener("127.0.0.1", 0, 16) as first, twin(first) as second:
        address = first.getsockname()
        assert second.getsockname() == address
        for listener in (first, second):
            listener.setblocking(False)
        seen = set()
        for _ in range(200):  # a hash of the client's port chooses: both are hit all but surely
            with socket.create_connection(address, 5):
                for name, listener in (("first", first), ("second", second)):
                    try:
                        listener.accept()[0].close()
                    except BlockingIOError:
                        continue
                    seen.add(name)
            if len(seen) == 2:
                return
        pytest.fail(f"of two listeners only {seen} was ever chosen")


def test_without_a_twin_nobody_else_can_listen_there():
    with open_listener("127.0.0.1", 0, 16) as first, pytest.raises(OSError, match="in use"):
        open_listener(*first.getsockname(), 16)


def test_a_child_that_breaks_says_why_and_is_replaced():
    done = script(
        """
        import os, signal, sys
        from servers.core import children
        def work():
            os.write(1, b"begun\\n")
            raise ValueError("no good")
        def stop(*_): os._exit(0)
        signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, 1.0)
        children.keep([work])
        """
    )
    assert done.returncode == 0
    assert done.stdout.count("begun") > 1
    assert "ValueError: no good" in done.stderr


def test_children_end_before_their_parent_even_if_they_do_not_listen():
    done = script(
        """
        import os, signal, time
        from servers.core import children
        heard, told = os.pipe()
        def deaf():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.write(1, b"%d\\n" % os.getpid())
            os.write(told, b".")
            time.sleep(60)
        children.fork(deaf)
        os.read(heard, 1)
        children.end_all(0.05)
        os.write(1, b"over\\n")
        """
    )
    pid, over = done.stdout.split()
    assert over == "over"
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_sigchld_reaps_whoever_has_ended():
    done = script(
        """
        import os, signal
        from servers.core import children
        children.reap_as_they_end()
        pids = [children.fork(lambda: None) for _ in range(5)]
        while children.alive: os.sched_yield()
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            print("none left")
        """
    )
    assert (done.stdout, done.stderr) == ("none left\n", "")


def test_a_child_that_is_made_while_the_end_has_begun_is_told_too():
    done = script(
        """
        import os, signal, threading
        from servers.core import children
        heard, told = os.pipe()
        def deaf():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.write(told, b".")
            while True: signal.pause()
        first = children.fork(deaf)
        os.read(heard, 1)
        end = threading.Thread(target=children.end_all, args=(60.0,))
        end.start()
        children.closing.wait()
        second = children.fork(signal.pause)
        while second in children.alive: os.sched_yield()
        print("told", first in children.alive, flush=True)
        os.kill(first, signal.SIGKILL)
        end.join()
        """
    )
    assert (done.stdout, done.stderr) == ("told True\n", "")


def test_who_waits_for_a_child_hears_nothing_once_the_end_has_begun():
    done = script(
        """
        import os, signal, threading, time
        from servers.core import children
        children.fork(signal.pause)
        signal.signal(signal.SIGALRM, lambda *_: os._exit(7))
        def end():
            children.end_all(5.0)
            print("all ended", flush=True)
            signal.setitimer(signal.ITIMER_REAL, 0.05)
        threading.Thread(target=end).start()
        children.keep([])
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, "all ended\n", "")


def test_the_end_finds_its_clients_when_no_descriptor_is_left():
    command = [sys.executable, "-P", "-m", "servers", "epoll", "--nofile", "40"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        port = int(process.stdout.readline().split(b":")[1].rstrip(b"}\n"))
        held = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(50)]
        try:
            held[0].sendall(b"a")
            assert held[0].recv(1) == b"A"
            assert held[-1].recv(1) == b""  # refused: the table is full
            process.terminate()
            assert process.wait(5) == 0
            assert process.stderr.read() == b""
            assert held[0].recv(1) == b""
        finally:
            for client in held:
                client.close()


def test_no_signal_of_the_server_goes_to_the_thread_that_waits_for_the_end():
    done = script(
        """
        import os, signal
        from servers.core import ending
        ending.end_on_signal()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGIO})
        os.kill(os.getpid(), signal.SIGIO)  # to whichever thread would take it, and die
        print(signal.sigwait({signal.SIGIO}) == signal.SIGIO)
        """
    )
    assert (done.returncode, done.stdout) == (0, "True\n")


def test_a_need_is_a_feature_or_a_module():
    assert missing("") == ""
    assert missing("json") == ""
    assert missing("no_such_module") == "the Python module no_such_module is not installed"


def test_a_ring_that_is_forbidden_is_a_reason(monkeypatch):
    monkeypatch.setitem(FEATURES, "io_uring", lambda: "io_uring_setup() says: not permitted")
    assert missing("io_uring") == "io_uring_setup() says: not permitted"


def test_what_is_asked_for_and_not_there_is_said_in_one_line():
    done = script(
        """
        import sys
        from servers import needs
        import servers.__main__ as main
        needs.FEATURES["io_uring"] = lambda: "io_uring_setup() says: no"
        sys.argv = ["servers", "io-uring"]
        main.main()
        """
    )
    assert done.returncode == 5
    assert done.stderr == "servers: io-uring cannot run here: io_uring_setup() says: no\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_is_told_to_end_answers_what_was_said_and_closes_the_door(number):
    command = [sys.executable, "-P", "-m", "servers", "epoll"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        port = int(process.stdout.readline().split(":")[1].rstrip("}\n"))
        with socket.create_connection(("127.0.0.1", port), 10) as client:
            client.sendall(b"first")
            assert client.recv(5) == b"FIRST"
            process.send_signal(signal.SIGSTOP)
            client.sendall(b"second")
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)
            assert client.recv(6, socket.MSG_WAITALL) == b"SECOND"
            assert client.recv(1) == b""
        assert process.wait(5) == 0
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 5).close()
