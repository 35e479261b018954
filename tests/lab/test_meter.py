import os
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from lab import meter, proc
from lab.meter import Gone, ProcessMeter
from lab.proc import Stat, family

STAT = (
    "4242 (a) b (c) S 17 4242 4200 0 -1 4194560 2331 99 0 0 31 12 250 7 20 0 3 0 136903 0 0 "
    "18446744073709551615 0 0 0 0 0 0 0 16781312 2 1 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
)
ROLLUP = """\
55b85e64d000-7ffcb9502000 ---p 00000000 00:00 0                          [rollup]
Rss:               10980 kB
Pss:                7287 kB
Pss_Dirty:          4900 kB
Pss_Anon:           4900 kB
"""
STATUS = """\
Name:\tpython: x
State:\tS (sleeping)
voluntary_ctxt_switches:\t150
nonvoluntary_ctxt_switches:\t545
"""
NETSTAT = """\
TcpExt: SyncookiesSent ListenOverflows ListenDrops
TcpExt: 0 12 13
IpExt: InNoRoutes InTruncatedPkts
IpExt: 5 6
"""

BURN_NS = 200_000_000
BURN = f"""
import os, sys, threading, time
def burn():
    end = time.thread_time_ns() + {BURN_NS}
    while time.thread_time_ns() < end:
        pass
def fork(act):
    pid = os.fork()
    if not pid:
        act()
        os._exit(0)
    return pid
def done():
    os.write(1, b"done\\n")
def burn_and_stay():
    burn()
    done()
    sys.stdin.read()
def in_exited_thread():
    thread = threading.Thread(target=burn)
    thread.start()
    thread.join()
    done()
def in_reaped_child():
    os.waitpid(fork(burn), 0)
    done()
def in_zombie():
    pid = fork(burn)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    done()
def in_live_child():
    fork(burn_and_stay)
def in_live_grandchild():
    fork(lambda: (fork(burn_and_stay), sys.stdin.read()))
def in_reaped_grandchild():
    os.waitpid(fork(lambda: os.waitpid(fork(burn), 0)), 0)
    done()
def in_eight_reaped_children():
    global burn
    def burn(long=burn):
        end = time.thread_time_ns() + {BURN_NS} // 8
        while time.thread_time_ns() < end:
            pass
    for _ in range(8):
        os.waitpid(fork(burn), 0)
    done()
def escaped():
    os.waitpid(fork(lambda: fork(burn_and_stay)), 0)
"""
WAYS = [
    "in_exited_thread",
    "in_reaped_child",
    "in_zombie",
    "in_live_child",
    "in_live_grandchild",
    "in_reaped_grandchild",
    "in_eight_reaped_children",
    "escaped",
]
ALLOWED_NS = 20_000_000  # two ticks per process, and then some


@contextmanager
def process(act):
    """A process of its own session that waits, acts once it hears a line, and then waits again."""
    code = f"{BURN}\nprint('ready', flush=True)\nsys.stdin.readline()\n{act}\nsys.stdin.read()"
    command = [sys.executable, "-c", code]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
    with subprocess.Popen(command, start_new_session=True, **pipes) as started:
        try:
            started.stdout.readline()
            yield started
        finally:
            started.stdin.close()  # all of them read it: all of them end


def act(started):
    started.stdin.write(b"\n")
    assert started.stdout.readline() == b"done\n"


def test_stat_is_read_behind_the_last_bracket_of_the_name():
    assert proc.parse_stat(STAT) == Stat("S", 17, 4200, 31, 12, 250, 7, 136903)
    assert proc.parse_stat(STAT).reaped == 257


def test_own_stat_agrees_with_the_operating_system():
    stat = proc.read_stat(os.getpid())
    assert (stat.parent, stat.session) == (os.getppid(), os.getsid(0))
    assert abs(stat.user * proc.TICK_NS / 1e9 - os.times().user) < 0.1


def test_pss_is_in_bytes_and_not_one_of_its_parts():
    assert proc.parse_pss(ROLLUP) == 7287 * 1024
    assert proc.parse_pss("") == 0


def test_switches():
    assert proc.parse_switches(STATUS) == (150, 545)


def test_netstat():
    wanted = {"SyncookiesSent": 0, "ListenOverflows": 12, "ListenDrops": 13}
    assert proc.parse_netstat(NETSTAT) == wanted


@pytest.mark.parametrize(
    ("processes", "tree", "escaped"),
    [
        ({7: (1, 7)}, {7}, set()),
        ({7: (1, 7), 8: (7, 7), 9: (8, 7), 5: (1, 5)}, {7, 8, 9}, set()),
        ({7: (1, 7), 9: (1, 7)}, {7}, {9}),  # its parent has ended, init has adopted it
        ({7: (1, 7), 9: (7, 9)}, {7, 9}, set()),  # a session of its own, still a child
        ({7: (1, 3), 8: (1, 3)}, {7}, set()),  # root leads no session: its neighbours are not its
    ],
)
def test_family(processes, tree, escaped):
    stats = {
        pid: Stat("S", parent, session, 0, 0, 0, 0, 1)
        for pid, (parent, session) in processes.items()
    }
    assert family(7, stats) == (tree, escaped)


@pytest.mark.parametrize("way", WAYS)
def test_no_cpu_time_is_lost(way):
    with process(f"{way}()") as started:
        own = ProcessMeter(started.pid)
        before = own.read()
        act(started)
        after = own.read()
    used = after.cpu_ns - before.cpu_ns
    assert used == pytest.approx(BURN_NS, abs=ALLOWED_NS)
    assert after.user_ns + after.system_ns == pytest.approx(after.cpu_ns, abs=3 * ALLOWED_NS)
    reaped = after.children_ns - before.children_ns
    assert reaped == pytest.approx(BURN_NS if "reaped" in way else 0, abs=ALLOWED_NS)


def test_a_reading_is_sharp_and_stamped_by_the_monotonic_clock():
    own = ProcessMeter(os.getpid())
    begin = time.monotonic_ns()
    readings = [own.read() for _ in range(20)]
    end = time.monotonic_ns()
    stamps = [begin, *(reading.at_ns for reading in readings), end]
    assert stamps == sorted(stamps)
    assert sorted(reading.bracket_ns for reading in readings)[10] < meter.BRACKET_NS
    cpu = [reading.cpu_ns for reading in readings]
    assert cpu == sorted(cpu)


def test_a_child_that_leaves_during_the_reading_is_counted_once(monkeypatch):
    """Reaped between the first look and the clocks: the second look tells, and all is read anew."""
    child = subprocess.Popen(
        [sys.executable, "-c", f"{BURN}\nburn()\ndone()\nsys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    child.stdout.readline()
    own = ProcessMeter(os.getpid())
    before = own.read()
    looks = []
    true_clock = meter.cpu_clock_ns

    def leaving(pid):
        if pid == child.pid and not looks:
            looks.append(pid)
            child.communicate()
        return true_clock(pid)

    monkeypatch.setattr(meter, "cpu_clock_ns", leaving)
    after = own.read()
    assert looks == [child.pid]
    assert after.children_ns - before.children_ns >= BURN_NS - ALLOWED_NS
    assert -ALLOWED_NS <= after.cpu_ns - before.cpu_ns < 2 * ALLOWED_NS  # reaped time is in ticks


def test_children_that_never_stop_leaving_do_not_hold_the_reading_up(monkeypatch):
    monkeypatch.setattr(meter, "_unchanged", lambda *_: False)
    assert ProcessMeter(os.getpid()).read().cpu_ns > 0


def test_a_glance_sees_children_that_came_since():
    with process("in_live_child()") as started:
        own = ProcessMeter(started.pid)
        before = own.glance()
        assert before.processes == 1
        act(started)
        assert own.glance().processes == own.read().processes == 2
        used = own.glance().cpu_ns - before.cpu_ns
        assert used == pytest.approx(BURN_NS, abs=ALLOWED_NS)


def test_footprint_counts_threads_descriptors_sockets_and_memory():
    with process(
        "import socket; pair = socket.socketpair(); copy = pair[0].dup(); wait = threading.Event();"
        "block = bytearray(b'x') * 20_000_000;"
        "[threading.Thread(target=wait.wait, daemon=True).start() for _ in range(5)]; done()"
    ) as started:
        own = ProcessMeter(started.pid)
        before, fds, sockets = own.footprint(), own.fds(), own.sockets()
        act(started)
        after = own.footprint()
        assert after.threads - before.threads == 5
        assert after.fds - before.fds == own.fds() - fds == 3
        assert own.sockets() - sockets == 2  # the copy is no third socket
        assert 20_000_000 <= after.pss_bytes - before.pss_bytes < 30_000_000
        assert after.voluntary > before.voluntary
        assert min(after.listen_overflows, after.listen_drops, after.involuntary) >= 0


def test_footprint_covers_children():
    with process("in_live_child()") as started:
        own = ProcessMeter(started.pid)
        before = own.footprint()
        act(started)
        assert own.footprint().threads == before.threads + 1
        assert own.read().processes == 2


def test_a_process_that_has_ended_is_gone():
    with process("pass") as started:
        own = ProcessMeter(started.pid)
        started.kill()
        os.waitid(os.P_PID, started.pid, os.WEXITED | os.WNOWAIT)  # a zombie still has a number
        for look in (own.read, own.footprint, own.fds, own.sockets):
            with pytest.raises(Gone, match=f"process {started.pid} has ended"):
                look()
        started.wait()
        with pytest.raises(Gone):
            own.read()
        with pytest.raises(Gone):
            ProcessMeter(started.pid)


def test_another_process_with_the_same_number_is_not_ours():
    own = ProcessMeter(os.getpid())
    own._started -= 1
    with pytest.raises(Gone):
        own.read()
