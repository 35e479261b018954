"""The parsers on texts of real hosts, version 1 and 2, and the meter on folders made of them."""

import os
import shutil
from pathlib import Path

import pytest

from lab import cgroup
from lab.cgroup import CgroupMeter, Cpu, Group, OutOfReach
from lab.meter import Gone

FIXTURES = Path(__file__).with_name("cgroups")
ID = "6074b17aa468c4768e10df58ea290375f3857e1767a1388fb3676db7d7bcddc8"


def text(name):
    return (FIXTURES / name).read_text()


def located(host):
    return cgroup.locate(
        cgroup.parse_membership(text(f"{host}/cgroup")),
        cgroup.parse_mounts(text(f"{host}/mountinfo")),
    )


@pytest.mark.parametrize(
    ("host", "version", "cpu", "quota", "memory"),
    [
        # cgroupfs driver, each controller mounted alone, version 2 beside them without controllers
        ("v1", 1, "cpuacct/docker/{}", "cpu/docker/{}", "memory/docker/{}"),
        # systemd driver, cpu and cpuacct mounted together
        (
            "v1-systemd",
            1,
            "cpu,cpuacct/system.slice/docker-{}.scope",
            "cpu,cpuacct/system.slice/docker-{}.scope",
            "memory/system.slice/docker-{}.scope",
        ),
        ("v2", 2, *["system.slice/docker-{}.scope"] * 3),
    ],
)
def test_the_group_of_a_container_is_found(host, version, cpu, quota, memory):
    paths = (Path("/sys/fs/cgroup") / path.format(ID) for path in (cpu, quota, memory))
    assert located(host) == Group(version, *paths)


def test_a_mount_that_shows_a_part_of_the_tree_is_followed():
    groups, mounts = {"": "/lab/docker/1f"}, {"": (Path("/sys/fs/cgroup"), "/lab")}
    assert cgroup.locate(groups, mounts).cpu == Path("/sys/fs/cgroup/docker/1f")


@pytest.mark.parametrize(
    ("groups", "mounts", "why"),
    [
        ({"": "/../other"}, {"": (Path("/c"), "/")}, "outside of this cgroup namespace"),
        ({"": "/docker/1f"}, {"": (Path("/c"), "/lab")}, "/docker/1f is not below /lab"),
        ({"cpuacct": "/docker/1f"}, {}, "no control groups are mounted"),
    ],
)
def test_a_group_that_cannot_be_seen_is_out_of_reach(groups, mounts, why):
    with pytest.raises(OutOfReach, match=why):
        cgroup.locate(groups, mounts)


def test_a_process_that_is_not_the_containers_is_out_of_reach():
    with pytest.raises(OutOfReach, match="not the container's"):
        cgroup.find(os.getpid(), ID)
    with pytest.raises(OutOfReach, match="No such file"):
        cgroup.find(2**22 + 1, ID)


def test_cpu_time_of_version_2_is_microseconds():
    assert cgroup.parse_cpu(text("v2/group/cpu.stat")) == Cpu(253865000, 200123000, 53742000)


def test_memory_leaves_out_what_the_kernel_drops_first():
    used, stat = (text(f"v2/group/memory.{name}") for name in ("current", "stat"))
    assert cgroup.parse_memory(used, stat) == 14_520_320 - 86_016
    used, stat = (text(f"v1/group/memory.{name}") for name in ("usage_in_bytes", "stat"))
    assert cgroup.parse_memory(used, stat) == 16_318_464 - 4_096  # the total, not the group's own
    assert cgroup.parse_memory("5", "inactive_file 9") == 0


@pytest.mark.parametrize(("host", "throttled"), [("v1", 3), ("v2", 7)])
def test_throttled_periods_are_counted(host, throttled):
    assert cgroup.parse_throttled(text(f"{host}/group/cpu.stat")) == throttled


def test_throttling_that_nobody_counts_is_minus_one():
    """Version 2 says so only where the controller cpu is on."""
    assert cgroup.parse_throttled("usage_usec 1\nuser_usec 1\nsystem_usec 0\n") == -1


def test_held_sockets_are_those_with_an_inode():
    """One listens, one is held, one waits in the backlog, one is in TIME_WAIT."""
    assert cgroup.parse_held(text("tcp")) == 2


@pytest.fixture
def meter(request, tmp_path):
    """A meter of a folder that stands for a group, with this very process in it."""
    host = request.param
    folder = tmp_path / "group"
    shutil.copytree(FIXTURES / host / "group", folder)
    (folder / "cgroup.procs").write_text(f"1\n{os.getpid()}\n")
    made = CgroupMeter(1, Group(int(host[1]), folder, folder, folder))
    yield made
    made.close()


both = pytest.mark.parametrize("meter", ["v1", "v2"], indirect=True)


@both
def test_a_reading_is_the_groups_account_and_counts_all_but_init(meter):
    reading = meter.read()
    assert (reading.cpu_ns // 1_000_000, reading.user_ns // 1_000_000) == (253, 200)
    assert reading.system_ns > 0
    assert (reading.processes, reading.children_ns) == (1, 0)
    assert reading.bracket_ns < 1_000_000_000
    assert meter.last is reading
    assert meter.glance().cpu_ns == reading.cpu_ns


@both
def test_a_footprint_has_the_group_and_its_processes(meter):
    found = meter.footprint()
    assert found.throttled == cgroup.parse_throttled((meter.group.quota / "cpu.stat").read_text())
    assert found.memory_bytes == meter.memory() > 14_000_000
    assert found.pss_bytes > 1_000_000
    assert found.fds >= 3
    assert found.threads >= 1


@both
def test_a_group_that_has_gone_is_gone(meter):
    meter.read()
    shutil.rmtree(meter.group.cpu)
    for read in (meter.read, meter.footprint, meter.sockets, meter.fds):
        with pytest.raises(Gone):
            read()
    meter.close()
    with pytest.raises(Gone, match="removed"):
        meter.glance()
    with pytest.raises(Gone):
        CgroupMeter(1, meter.group)


@both
@pytest.mark.skipif(os.getuid() != 0, reason="needs root to look at it as somebody else")
def test_without_root_memory_is_the_groups_and_descriptors_are_not_known(meter):
    """A child of ours turns into nobody and reads another user's processes."""
    (meter.group.cpu / "cgroup.procs").write_text(f"{os.getpid()}\n")
    meter.read()
    for path in (meter.group.cpu, *meter.group.cpu.parents):
        if path.is_relative_to("/tmp") and path != Path("/tmp"):
            path.chmod(0o755)
    out, into = os.pipe()
    child = os.fork()
    if not child:
        os.setgid(65534)
        os.setuid(65534)
        found = meter.footprint()
        said = (found.fds, found.pss_bytes == meter.memory(), found.threads > 0, meter.fds())
        os.write(into, repr((*said, found.sockets >= 0 <= meter.sockets())).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(into)
    assert os.read(out, 1000) == b"(-1, True, True, -1, True)"
    os.close(out)
