"""What a container can do and what it is, from inside: `python -c` of this text, JSON on stdout."""

import ctypes
import json
import os
import resource
import socket
from pathlib import Path

IO_URING_SETUP, KEYCTL, BPF, CLONE_NEWUSER = 425, 250, 321, 0x10000000  # of x86-64 and Linux
SETS = ("Inh", "Prm", "Eff", "Bnd", "Amb")  # of capabilities
ENGINES = ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd")
PLACES = ("/etc", "/run", "/var", "/home", "/root", "/app", "/usr")

INIT = ("/sbin/docker-init", "/usr/sbin/docker-init")  # the engine's own program

libc = ctypes.CDLL(None, use_errno=True)
lines = Path("/proc/self/status").read_text().splitlines()
status = dict(line.split(":", 1) for line in lines)
lines = Path("/proc/self/mountinfo").read_text().splitlines()
mounts = {line.split()[4]: line.split()[5].split(",") for line in lines}


def can(what):
    try:
        what()
    except OSError:
        return False
    return True


def write(path):
    return lambda: Path(path).open("w").close()


def run():
    file = Path("/tmp/run")
    file.write_text("#!/bin/sh\n")
    file.chmod(0o700)
    os.waitpid(os.posix_spawn(file, [file], {}), 0)


def call(function, *arguments):
    """A function of libc, whose errors become OSError."""

    def made():
        if function(*arguments) < 0:
            raise OSError(ctypes.get_errno(), "refused")

    return made


def raw(family, protocol):
    return lambda: socket.socket(family, socket.SOCK_RAW, protocol).close()


TRIED = {
    "write /": write("/new"),
    "write /app": write("/app/new"),
    "write /etc": write("/etc/new"),
    "write /etc/hosts": write("/etc/hosts"),
    "write /usr": write("/usr/local/new"),
    "write /dev": write("/dev/new"),
    "write /proc/sys": write("/proc/sys/kernel/core_pattern"),
    "write /sys": write("/sys/fs/cgroup/cgroup.procs"),
    "write /tmp": write("/tmp/new"),
    "run from /tmp": run,
    "become root": lambda: os.setuid(0),
    "mount": call(libc.mount, b"none", b"/tmp", b"tmpfs", 0, None),
    "unshare": call(libc.unshare, CLONE_NEWUSER),
    "chroot": lambda: os.chroot("/tmp"),
    "raw socket": raw(socket.AF_INET, socket.IPPROTO_ICMP),
    "packet socket": raw(socket.AF_PACKET, 0),
    "keyring": call(libc.syscall, KEYCTL, 0, -3, 0),
    "bpf": call(libc.syscall, BPF, 0, None, 0),
    "make a device": lambda: os.mknod("/tmp/null", 0o20666, os.makedev(1, 3)),
    "raise the open files": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 24,) * 2),
    "io_uring": call(libc.syscall, IO_URING_SETUP, 1, ctypes.create_string_buffer(120)),
}


def try_all():
    able = []
    for name, what in TRIED.items():
        try:
            if can(what):
                able.append(name)
        except ValueError:  # what Python makes of EPERM for a limit
            continue
    return sorted(able)


print(
    json.dumps(
        {
            "user": [os.getuid(), os.getgid(), *os.getgroups()],
            "capabilities": sorted({int(status[f"Cap{kind}"], 16) for kind in SETS}),
            "no new privileges": int(status["NoNewPrivs"]),
            "seccomp": int(status["Seccomp"]),
            "init": Path("/proc/1/comm").read_text().strip(),
            "root": [way for way in mounts["/"] if way in ("ro", "rw")],
            "tmp": sorted({"noexec", "nosuid", "nodev"} & set(mounts["/tmp"])),
            "sockets of an engine": [path for path in ENGINES if Path(path).exists()],
            "mounts": sorted(
                path for path in mounts if path.startswith(PLACES) and path not in INIT
            ),
            "can": try_all(),
        }
    )
)
