"""The lists agree: the files, the catalog, and the rules a server's page keeps."""

from importlib.util import find_spec
from pathlib import Path

import pytest

import servers
from servers.catalog import PROTOCOLS, SERVERS

HERE = Path(servers.__file__).parent
NO_SERVER = {"__init__", "__main__", "catalog", "needs", "on_demand", "vitals"}
FAMILIES = {
    *("blocking", "polling", "readiness", "signal", "completion", "coroutine", "hybrid"),
    "framework",
}


def file_of(module):
    return HERE.parent / (module.replace(".", "/") + ".py")


def test_every_server_file_is_in_the_catalog_and_every_entry_has_its_file():
    files = {f"servers.{path.stem}" for path in HERE.glob("*.py") if path.stem not in NO_SERVER}
    assert {server.module for server in SERVERS.values()} == files


def test_every_protocol_is_in_a_file_of_its_own_name():
    modules = {name: entry.connection.partition(":")[0] for name, entry in PROTOCOLS.items()}
    assert modules == {name: f"servers.protocols.{name}" for name in PROTOCOLS}
    assert all(file_of(module).exists() for module in modules.values())


@pytest.mark.parametrize("name", SERVERS)
def test_an_entry_is_well_formed(name):
    server = SERVERS[name]
    assert name == name.lower().replace("_", "-")
    assert server.family in FAMILIES
    assert min(server.at_once, server.descriptors_below) >= 0


@pytest.mark.parametrize("name", SERVERS)
def test_no_server_is_named_like_a_module_it_could_hide(name):
    assert find_spec(SERVERS[name].module.rpartition(".")[2]) is None


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_has_an_exchange_that_tells_it_from_silence_and_from_a_mirror(name):
    protocol = PROTOCOLS[name]
    assert protocol.answer
    assert protocol.answer != protocol.question
    assert bool(protocol.hello) == bool(protocol.welcome)
