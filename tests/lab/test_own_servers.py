"""Servers of lab.yaml: what may be said of them, what is told where it is wrong, what it means."""

import dataclasses
import os
import signal
from pathlib import Path

import pytest
import yaml

from lab import ground, verify
from lab.backends.contract import Exit, StartFailed, StartOptions
from lab.backends.foreign import forgiven
from lab.backends.own_commands import digest
from lab.backends.own_images import arguments
from lab.config import parse
from lab.conformance import CHECKS
from lab.conformance.examine import Outcome, left_out, rows_left_out
from lab.errors import EXIT_GATED_CLAIM, ConfigErrors, EnvironmentUnfit, Nonconforming
from lab.ground import Ground
from lab.listing import servers
from lab.own_servers import OwnServer, known, misplaced, not_held, variables, words
from lab.replies import Canonical
from lab.schema import Lab
from lab.served import examples, has, spoken
from lab.verify import must_conform, pairs
from servers.catalog import PROTOCOLS, SERVERS

BASE = """\
version: 1
servers:
  mine:
    command: [./server, "--port={port}"]
    protocol: echo
  theirs:
    image: their/server:1.2
    protocol: http
    port: 8080
    paths: [/bytes/64]
profiles:
  quick: {looks: [12], warm-up: 0.25 s, window: 0.5 s, cool-down: 0.05 s}
experiments:
  one:
    question: What does mine cost?
    arms: {mine: mine, epoll: epoll}
    load: {long: {connections: 4, rate: 1000/s}}
  two:
    question: What does theirs cost?
    protocol: http
    arms: [theirs, epoll]
    load: {long: {connections: 4, rate: 1000/s, path: /bytes/64}}
claims:
  cheaper:
    kind: compare
    sentence: mine is cheaper.
    experiment: one
    metric: cpu
    ratio: epoll / mine
    at-least: 1.30
    because: less is not worth it
    profiles: [quick]
"""


def told(old, new):
    assert BASE.count(old) == 1
    try:
        parse(BASE.replace(old, new).encode())
    except ConfigErrors as errors:
        return [line.removeprefix("lab.yaml:") for line in errors.problems]
    return []


def own(**changes):
    given = {"command": ["./server", "{port}"], "protocol": "echo", **changes}
    return OwnServer.model_validate(given)


def image(**changes):
    return own(**{"image": "a/b:1", "command": [], "port": 8080, **changes})


def test_what_is_declared_stands_in_the_lab_and_survives_json():
    lab = parse(BASE.encode())
    assert list(lab.servers) == ["mine", "theirs"]
    assert lab.servers["theirs"].paths == ["/bytes/64"]
    assert Lab.model_validate_json(lab.model_dump_json(by_alias=True)) == lab


def test_a_lab_without_such_servers_has_the_hash_it_had():
    assert "servers" not in parse(without_own()).model_dump()


def without_own():
    start, end = BASE.index("servers:"), BASE.index("profiles:")
    plain = BASE[:start] + BASE[end:]
    plain = plain.replace("mine: mine", "mine: select").replace("theirs,", "poll,")
    return plain.encode()


CASES = yaml.safe_load((Path(__file__).parent / "own_mistakes.yaml").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["wrong"] for case in CASES])
def test_each_mistake_is_told_with_its_place(case):
    assert told(case["instead of"], case["write"]) == case["told"]


def test_an_included_file_is_no_place_for_it(tmp_path):
    (tmp_path / "more.yaml").write_text("servers: {}\n")
    text = BASE.replace("version: 1\n", "version: 1\ninclude: [more.yaml]\n").encode()
    with pytest.raises(ConfigErrors, match='"servers" cannot stand in an included file'):
        parse(text, folder=tmp_path)


def test_places_are_filled_and_other_braces_stay():
    one = own(
        command=["s", "{host}:{port}", '{"a": 1}', "{workers}{port}"], environment={"P": "{port}"}
    )
    values = {"host": "h", "port": 7, "workers": 2}
    assert words(one, values) == ["s", "h:7", '{"a": 1}', "27"]
    assert variables(one, values) == {"P": "7"}


def test_a_server_is_where_its_kind_can_be():
    assert misplaced(own(), "process") == misplaced(image(), "docker") == ""
    assert misplaced(own(), "attach") == misplaced(image(), "attach") == ""
    assert "Run it with --backend docker" in misplaced(image(), "process")
    assert "Run it with --backend process" in misplaced(own(), "docker")


def test_a_program_or_a_folder_that_is_not_there_is_said(tmp_path):
    assert "no program ./server in" in ground.missing(own(), tmp_path)
    assert "no folder" in ground.missing(own(workdir="away"), tmp_path)
    (tmp_path / "server").write_text("#!/bin/sh")
    assert "no program ./server in" in ground.missing(own(), tmp_path)
    (tmp_path / "server").chmod(0o755)
    assert ground.missing(own(), tmp_path) == ""
    assert ground.missing(own(command=["sh", "{port}"]), tmp_path) == ""
    assert "no program no-such-thing" in ground.missing(own(command=["no-such-thing"]), tmp_path)


def test_the_program_is_known_again_by_its_bytes(tmp_path):
    (tmp_path / "server").write_text("a")
    (tmp_path / "server").chmod(0o755)
    before = digest(own(), tmp_path)
    (tmp_path / "server").write_text("b")
    assert before != digest(own(), tmp_path)
    script = own(command=["sh", "server", "{port}"])
    before = digest(script, tmp_path)
    (tmp_path / "server").write_text("c")
    assert before != digest(script, tmp_path)
    assert digest(own(command=["no-such-thing"]), tmp_path) == "not there"


def test_who_is_absent_is_skipped_beside_others_and_refused_alone(tmp_path):
    declared = {"mine": own(), "theirs": image()}
    absent = ground.absent(
        ["mine", "theirs", "epoll"], declared, tmp_path, "process", lambda need: ""
    )
    assert list(absent) == ["mine", "theirs"]
    ground.any_left(["mine", "epoll"], absent, declared)
    with pytest.raises(EnvironmentUnfit, match="theirs cannot run: it is an image"):
        ground.any_left(["mine", "theirs"], absent, declared)
    assert ground.absent(["mine"], declared, tmp_path, "attach", lambda need: "") == {}


@pytest.mark.parametrize(
    ("code", "becomes"),
    [
        (0, 0),
        (1, 0),
        (-signal.SIGTERM, 0),
        (128 + signal.SIGTERM, 0),
        (-signal.SIGSEGV, -signal.SIGSEGV),
        (128 + signal.SIGABRT, -signal.SIGABRT),
        (-signal.SIGKILL, -signal.SIGKILL),
        (None, None),
    ],
)
def test_any_end_after_sigterm_is_a_good_one_but_a_crash_and_none(code, becomes):
    end = Exit(code, {"listening": 1}, "bye", 5, 3, 2, 0)
    assert forgiven(end) == dataclasses.replace(end, exit_code=becomes, counters={})
    assert forgiven(forgiven(end)) == forgiven(end)


def test_a_container_gets_its_tmpfs_and_loses_none_of_the_confinement():
    one = image(command=["serve", "{host}", "{port}"], tmpfs=["/run"], environment={"A": "{port}"})
    given = arguments(one, 8080, StartOptions(cpu=1, nofile=99, env={"PYTHONHASHSEED": "1"}))
    assert given["command"] == ["serve", "0.0.0.0", "8080"]
    assert given["environment"] == {"A": "8080", "PYTHONHASHSEED": "1"}
    assert set(given["tmpfs"]) == {"/tmp", "/run"}
    assert all("noexec" in options for options in given["tmpfs"].values())
    assert given["cpuset_cpus"] == "1"
    assert given["ulimits"][0]["Hard"] == 99
    assert given.keys().isdisjoint({"user", "read_only", "cap_drop", "privileged", "volumes"})
    assert "command" not in arguments(image(), 8080, StartOptions())


def test_the_catalog_is_listed_with_them(tmp_path):
    rows = {row["server"]: row for row in servers({"mine": own(at_once=2)}, tmp_path)}
    assert rows["mine"]["family"] == "foreign"
    assert rows["mine"]["at once"] == "2"
    assert rows["mine"]["here"].startswith("there is no program")
    assert list(known({"mine": own()})) == [*SERVERS, "mine"]


# paths


def test_a_server_with_some_paths_has_those_and_the_forms_it_names():
    assert has([], "/cpu/5")
    assert has(["/bytes/64"], "/bytes/64")
    assert not has(["/bytes/64"], "/bytes/65")
    assert has(["/bytes/N"], "/bytes/65")
    assert not has(["/bytes/N"], "/echo")
    assert examples(["/echo", "/bytes/N", "/bytes/64"]) == ["/echo", "/bytes/5", "/bytes/64"]


def test_the_exchange_is_one_that_the_server_can_hold():
    assert spoken("http") is PROTOCOLS["http"]
    assert spoken("http", ["/bytes/N", "/echo"]) is PROTOCOLS["http"]
    assert spoken("echo", ["/bytes/3"]) is PROTOCOLS["echo"]
    found = spoken("http", ["/bytes/3"])
    assert found.question == b"GET /bytes/3 HTTP/1.1\r\nHost: lab\r\n\r\n"
    assert found.answer.endswith(b"Content-Length: 3\r\n\r\nxxx")


def test_checks_that_need_other_paths_are_left_out_by_name():
    facts = own(protocol="http", paths=["/bytes/64"]).facts()
    reasons = {check: left_out(facts, check, 1) for check in CHECKS}
    assert reasons["http-table"] == "it has no /echo or /bytes/3"
    assert reasons["http-half-close-during-work"] == "it has no /offload/50"
    assert reasons["slow-reader"] == reasons["http-paths"] == reasons["many"] == ""


def test_a_foreign_server_owes_our_own_contract_nothing():
    reasons = {check: left_out(own().facts(), check, 1) for check in CHECKS}
    assert {check for check, why in reasons.items() if "as it likes" in why} == {
        "sigterm",
        "http-sigterm-during-work",
    }
    assert left_out(SERVERS["epoll"], "sigterm", 1) == ""


def test_what_it_cannot_may_be_one_row_of_a_table():
    one = own(protocol="http", cannot={"idle": "it asks", "http-table: two hosts": "it takes any"})
    assert left_out(one.facts(), "idle", 1) == "it asks"
    assert left_out(one.facts(), "http-table", 1) == ""
    [outcome] = rows_left_out("mine", one.facts(), "http-table")
    assert (outcome.check, outcome.left_out) == ("http-table: two hosts", "it takes any")
    assert not_held({"mine": one}, ["mine", "epoll"])[0] == "mine is not held to idle: it asks"


# examination


def test_it_is_examined_in_its_own_protocol():
    here = Ground(own={"mine": own(), "theirs": image(protocol="http")})
    assert pairs(["mine", "theirs"], (), here) == [("mine", "echo"), ("theirs", "http")]
    assert {server for server, _ in pairs((), (), here)} == {*SERVERS, "mine", "theirs"}
    assert here.find("mine").family == "foreign"


def examined_as(monkeypatch, *outcomes):
    """Have an examination come out like that; return which of it was asked for."""
    asked = []

    def examine(*_):
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
            asked.append(outcome)
            yield outcome

    monkeypatch.setattr(verify, "examine", examine)
    monkeypatch.setattr(ground, "missing", lambda *_: "")
    return asked


HERE = Ground(own={"mine": own()})
FAILED = Outcome("half-close", 1, {"half-close": "the end, where 1 bytes should have come"})


def test_a_run_with_one_that_fails_is_refused_at_the_first_failing_case(monkeypatch):
    asked = examined_as(monkeypatch, Outcome("sizes", 7), FAILED, Outcome("idle", 1))
    with pytest.raises(Nonconforming) as refused:
        must_conform([("mine", "echo")], HERE, "label", print)
    assert refused.value.exit_code == EXIT_GATED_CLAIM
    first, last = str(refused.value).splitlines()
    assert first == "mine fails in echo: half-close: the end, where 1 bytes should have come"
    assert last.endswith("lab verify mine")
    assert len(asked) == 2


def test_one_that_does_not_start_is_refused_too(monkeypatch):
    examined_as(monkeypatch, StartFailed("exit code 1: no such file"))
    with pytest.raises(Nonconforming, match="mine fails in echo: start: exit code 1: no such"):
        must_conform([("mine", "echo")], HERE, "label", print)


def test_one_that_passes_is_said_to(monkeypatch):
    examined_as(monkeypatch, Outcome("sizes", 7), Outcome("idle", left_out="it asks"))
    said = []
    must_conform([("mine", "echo")], HERE, "label", said.append)
    assert said == ["verify 1/1: mine echo: conforms, 7 cases in 0 s"]


# what a foreign websocket server says


WELCOME = PROTOCOLS["websocket"].welcome
FOREIGN_WELCOME = (
    b"HTTP/1.1 101 Whatever\r\nServer: theirs\r\nconnection: upgrade\r\nUpgrade: WebSocket\r\n"
    b"Sec-Websocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_foreign_welcome_means_ours_and_frames_pass_as_they_are(size):
    canonical, frames = Canonical(), os.urandom(50)
    data = FOREIGN_WELCOME + frames
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert b"".join(map(canonical.feed, pieces)) == WELCOME + frames
    assert canonical.feed(b"") == b""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"s3pP", b"s3pp"),
        (b"upgrade\r\nU", b"close\r\nU"),
        (b"WebSocket", b"h2c"),
        (b"Server: theirs", b"Sec-WebSocket-Extensions: permessage-deflate"),
    ],
)
def test_a_foreign_welcome_that_means_something_else_differs(old, new):
    assert Canonical().feed(FOREIGN_WELCOME.replace(old, new)) != WELCOME
