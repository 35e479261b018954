"""What every container of the lab must be, from outside and from inside: used by several tests.

`deviations` reads what `docker inspect` says; `inside` has a program there try what must fail.
They know two exceptions: who may use io_uring, and whose port is published.
"""

import json
import subprocess
from pathlib import Path

USER = "65532:65532"
RINGS = {"io_uring_setup", "io_uring_enter", "io_uring_register"}
TMP = {"rw", "noexec", "nosuid", "nodev"}
MOST_PIDS, MOST_MEMORY = 4096, 2 << 30
NAMESPACES = ("Pid", "Ipc", "UTS", "Userns")


def deviations(one, *, networks, io_uring, published=()):
    """Every way in which a container is less confined than it must be, in words.

    one: an element of `docker inspect`. networks: the only ones it may be in. published: (address,
    port) of the host.
    """
    config, host = one["Config"], one["HostConfig"]
    options = host["SecurityOpt"] or []
    tmpfs = {path: set(how.split(",")) for path, how in (host["Tmpfs"] or {}).items()}
    bound = [
        (at["HostIp"], at["HostPort"])
        for ports in (host["PortBindings"] or {}).values()
        for at in ports
    ]
    facts = {
        "the user is not 65532:65532": config["User"] == USER,
        "its root can be written": host["ReadonlyRootfs"] is True,
        "capabilities are not dropped": host["CapDrop"] == ["ALL"],
        "capabilities are added": not host["CapAdd"],
        "it is privileged": host["Privileged"] is False,
        "it may gain privileges": "no-new-privileges:true" in options,
        "seccomp is not the lab's": rings_of(options) == (RINGS if io_uring else set()),
        "something is unconfined": not any("unconfined" in option for option in options),
        "no limit of processes": 0 < (host["PidsLimit"] or 0) <= MOST_PIDS,
        "no limit of memory": 0 < host["Memory"] <= MOST_MEMORY,
        "it may swap": host["MemorySwap"] == host["Memory"],
        "/tmp is not as it must be": set(tmpfs) == {"/tmp"} and tmpfs["/tmp"] >= TMP,
        "the host's files are mounted": not one["Mounts"] and not host["Binds"],
        "volumes of others": not host["VolumesFrom"],
        "devices of the host": not host["Devices"] and not host.get("DeviceRequests"),
        "no init": host["Init"] is True,
        "groups are added": not host["GroupAdd"],
        "it starts anew by itself": host["RestartPolicy"]["Name"] in ("", "no"),
        "it is asked for its health": not config.get("Healthcheck"),
        "namespaces of the host": "host" not in {host[f"{kind}Mode"] for kind in NAMESPACES},
        "it is in other networks": set(one["NetworkSettings"]["Networks"]) <= set(networks)
        and host["NetworkMode"] in {*networks, "none"},
        "other ports are published": bound == list(published) and not host["PublishAllPorts"],
        "it lacks the lab's label": config["Labels"].get("org.iolab.project") == "io-lab",
    }
    return [f"{one['Name']}: {what}" for what, fine in facts.items() if not fine]


def rings_of(options):
    """Which calls of io_uring the seccomp profile lets pass; None: it is not the lab's."""
    for option in options:
        name, _, text = option.partition("=")
        if name == "seccomp" and text.startswith("{"):
            profile = json.loads(text)
            calls = {
                call
                for rule in profile["syscalls"]
                if rule["action"] == "SCMP_ACT_ALLOW"
                for call in rule["names"]
            }
            confines = profile["defaultAction"] == "SCMP_ACT_ERRNO" and "mount" not in calls
            return calls & RINGS if confines else None
    return None


INSIDE = Path(__file__).with_name("inside_a_container.py").read_text()
FILES = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"]  # the engine's own, of this container


def inside(container, *, io_uring):
    """Every way in which it is less confined inside than it must be."""
    done = subprocess.run(
        ["docker", "exec", container, "python", "-c", INSIDE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    can = {"write /tmp", *["io_uring"] * io_uring}
    expected = {
        "user": [65532, 65532, 65532],  # its one group, too
        "capabilities": [0],
        "no new privileges": 1,
        "seccomp": 2,
        "init": "docker-init",
        "root": ["ro"],
        "tmp": ["nodev", "noexec", "nosuid"],
        "sockets of an engine": [],
        "mounts": FILES,
        "can": sorted(can),
    }
    return {name: value for name, value in told.items() if value != expected[name]}
