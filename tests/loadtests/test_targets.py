"""Whom the load engine may load: the rules as a table, and that nothing goes round them."""

import json
import socket
import subprocess
import sys

import pytest

from lab.config import parse
from lab.errors import ConfigErrors
from loadtests import targets
from loadtests.engine.order import parse as ordered
from loadtests.engine.trial import Trial

LAB = ["198.18.0.0/20"]
NEITHER = "neither this machine, nor in the lab's network, nor allowed"
NOBODY = "no server's address"

RULES = {  # host, its addresses, what is allowed → what the refusal says; "": it may be loaded
    "loopback": ("127.0.0.1", ["127.0.0.1"], [], ""),
    "the rest of 127.0.0.0/8": ("127.9.9.9", ["127.9.9.9"], [], ""),
    "loopback of IPv6": ("::1", ["::1"], [], ""),
    "loopback, IPv4 as IPv6": ("::ffff:127.0.0.1", ["::ffff:127.0.0.1"], [], ""),
    "localhost, both": ("localhost", ["::1", "127.0.0.1"], [], ""),
    "in the lab's network": ("epoll", ["198.18.3.4"], LAB, ""),
    "in it, IPv4 as IPv6": ("epoll", ["::ffff:198.18.3.4"], LAB, ""),
    "beside it, in the range for benchmarks": ("a", ["198.18.16.1"], LAB, NEITHER),
    "that range where nothing is allowed": ("198.18.0.1", ["198.18.0.1"], [], NEITHER),
    "the world": ("example.org", ["192.0.2.7"], LAB, NEITHER),
    "the world, IPv4 as IPv6": ("x", ["::ffff:192.0.2.7"], LAB, NEITHER),
    "the world by IPv6": ("x", ["2001:db8::1"], LAB, NEITHER),
    "loopback in an old form of IPv6": ("x", ["::127.0.0.1"], LAB, NEITHER),
    "a private address": ("192.168.1.1", ["192.168.1.1"], LAB, NEITHER),
    "the link's own": ("x", ["169.254.169.254"], LAB, NEITHER),  # the metadata of a cloud
    "the link's own of IPv6": ("x", ["fe80::1%eth0"], LAB, NEITHER),
    "one of several in the lab": ("x", ["198.18.0.9", "192.0.2.7"], LAB, NEITHER),
    "one of several here": ("x", ["127.0.0.1", "192.0.2.7"], LAB, NEITHER),
    "all of several": ("x", ["198.18.0.9", "127.0.0.1"], LAB, ""),
    "no address": ("x", [], LAB, "no address"),
    "any address": ("0.0.0.0", ["0.0.0.0"], LAB, NOBODY),
    "any address of IPv6": ("::", ["::"], LAB, NOBODY),
    "any address, IPv4 as IPv6": ("x", ["::ffff:0.0.0.0"], LAB, NOBODY),
    "any address, though allowed": ("0.0.0.0", ["0.0.0.0"], ["0.0.0.0/0"], NOBODY),
    "broadcast": ("x", ["255.255.255.255"], ["0.0.0.0/0"], NOBODY),
    "multicast": ("x", ["224.0.0.1"], ["0.0.0.0/0", "x"], NOBODY),
    "multicast of IPv6": ("x", ["ff02::1"], ["::/0"], NOBODY),
    "an allowed address": ("x", ["10.1.2.3"], ["10.1.2.3"], ""),
    "the address after it": ("x", ["10.1.2.4"], ["10.1.2.3"], NEITHER),
    "an allowed network": ("x", ["10.1.2.3"], ["10.1.0.0/16"], ""),
    "an allowed network of IPv6": ("x", ["fd00::7"], ["fd00::/8"], ""),
    "the link's own, allowed": ("x", ["fe80::1%eth0"], ["fe80::/10"], ""),
    "allowed, IPv4 as IPv6": ("x", ["10.1.2.3"], ["::ffff:10.1.0.0/112"], ""),
    "an allowed name": ("lab.example", ["192.0.2.7"], ["lab.example"], ""),
    "an allowed name, otherwise written": ("LAB.example.", ["192.0.2.7"], ["lab.Example"], ""),
    "a name below an allowed one": ("x.lab.example", ["192.0.2.7"], ["lab.example"], NEITHER),
    "the address of an allowed name": ("192.0.2.7", ["192.0.2.7"], ["lab.example"], NEITHER),
}


@pytest.mark.parametrize(("host", "addresses", "allowed", "why"), RULES.values(), ids=RULES)
def test_the_rules(host, addresses, allowed, why):
    found = targets.refused(host, addresses, allowed)
    assert (why in found) if why else (found == "")


def test_a_refusal_names_what_the_name_stands_for_and_what_to_do():
    found = targets.refused("files.example", ["127.0.0.1", "192.0.2.7"], LAB)
    assert found.startswith("files.example (192.0.2.7) is neither")
    assert "allow_targets in lab.yaml" in found
    assert "LAB_ALLOW_TARGETS" in found


@pytest.mark.parametrize(
    ("entry", "fine"),
    [
        ("lab.example", True),
        ("lab", True),
        ("my_server.example.", True),
        ("10.1.2.3", True),
        ("10.1.0.0/16", True),
        ("fd00::1", True),
        ("fd00::/8", True),
        ("10.1.2.3/16", False),  # which of the two was meant?
        ("10.1.2", False),
        ("0x7f000001", False),
        ("*", False),
        ("*.example", False),
        ("10.1.2.3:80", False),
        ("http://lab.example", False),
        ("lab example", False),
        ("", False),
        ("-lab", False),
        ("a" * 254, False),
    ],
)
def test_an_entry_is_a_name_an_address_or_a_network(entry, fine):
    assert (targets.problem(entry) == "") is fine


def test_a_list_with_an_entry_that_is_none_allows_nothing_not_even_loopback():
    with pytest.raises(targets.Refused, match=r'LAB_ALLOW_TARGETS: "10\.1\.2\.3/16" is no target'):
        targets.refused("x", ["127.0.0.1"], ["lab.example", "10.1.2.3/16"])


def test_the_environment_is_read_as_a_list():
    assert targets.allowed({}) == []
    text = " 10.1.2.3, ,lab.example,"
    assert targets.allowed({"LAB_ALLOW_TARGETS": text}) == ["10.1.2.3", "lab.example"]


@pytest.fixture
def names(monkeypatch):
    """What names stand for, in this process."""
    known = {
        "both": ["127.0.0.1", "192.0.2.7"],
        "here": ["127.0.0.1", "127.0.0.2"],
        "127.1": ["127.0.0.1"],
    }

    def getaddrinfo(host, port, **_):
        if host not in known:
            raise socket.gaierror("unknown")
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[host]
        ]

    monkeypatch.setattr(targets.socket, "getaddrinfo", getaddrinfo)


@pytest.mark.usefixtures("names")
def test_the_engine_gets_an_address_that_was_judged():
    assert targets.locate("here", 80, []) == (socket.AF_INET, ("127.0.0.1", 80))
    assert targets.locate("127.1", 80, []) == (socket.AF_INET, ("127.0.0.1", 80))
    with pytest.raises(targets.Refused, match=NEITHER):
        targets.locate("both", 80, [])
    assert targets.locate("both", 80, ["192.0.2.7"])[1] == ("127.0.0.1", 80)


@pytest.mark.usefixtures("names")
def test_the_master_says_no_early_and_leaves_names_it_does_not_know_to_the_engines():
    assert NEITHER in targets.stranger("both", 80, {})
    assert targets.stranger("both", 80, {"LAB_ALLOW_TARGETS": "both"}) == ""
    assert targets.stranger("elsewhere", 80, {}) == ""


def an_order(host):
    return {
        "trial": "t",
        "target": [host, 9],
        "protocol": "echo",
        "classes": {"long": {"connections": 1}},
        "seed": 1,
        "timing": {"warm_up": 0.1, "window": 0.1, "cool_down": 0.0},
    }


def test_a_trial_without_leave_opens_no_socket(monkeypatch):
    made = []
    monkeypatch.setattr(socket, "socket", lambda *_: made.append(1))
    with pytest.raises(targets.Refused):
        Trial(ordered(an_order("192.0.2.7")), lambda _: None)
    assert made == []


@pytest.mark.parametrize(("allow", "says"), [("", "Refused: 192.0.2.7 is neither"), ("*", '"*"')])
def test_the_load_engine_itself_refuses_whoever_orders(allow, says):
    done = subprocess.run(
        [sys.executable, "-m", "loadtests.engine"],
        input=json.dumps({"prepare": an_order("192.0.2.7")}) + "\n",
        env={"LAB_ALLOW_TARGETS": allow, "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    event = json.loads(done.stdout)
    assert event["event"] == "failed"
    assert says in event["error"]


def lab_file(text):
    return f"""version: 1
{text}
profiles: {{p: {{looks: [3], warm-up: 1 s, window: 1 s, cool-down: 1 s}}}}
experiments:
  e:
    question: "?"
    arms: [select, epoll]
    load: {{long: {{connections: 1, rate: 1/s}}}}
claims:
  c: {{kind: compare, sentence: s, experiment: e, metric: cpu, ratio: select / epoll,
       at-least: 1.1, because: b, profiles: [p]}}
""".encode()


def test_lab_yaml_names_them_and_without_them_nothing_changes():
    with_them = parse(lab_file("allow_targets: [lab.example, 10.1.0.0/16]"))
    assert with_them.allow_targets == ["lab.example", "10.1.0.0/16"]
    without = parse(lab_file(""))
    assert without.allow_targets == []
    assert "allow" not in without.model_dump_json(by_alias=True)
    assert type(without).model_validate_json(with_them.model_dump_json()) == with_them


def test_a_wrong_entry_in_lab_yaml_is_told_with_its_line():
    with pytest.raises(ConfigErrors) as caught:
        parse(lab_file("allow_targets: [lab.example, 'http://x', 5]"))
    first, second = caught.value.problems
    assert first.startswith('lab.yaml:2:30: allow_targets[1]: "http://x" is no target. Write')
    assert second.startswith("lab.yaml:2:42")
