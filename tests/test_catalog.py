"""The lists agree: the files, the catalog, and the rules a server's page keeps."""

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest

import servers
from servers.catalog import PROTOCOLS, SERVERS

HERE = Path(servers.__file__).parent
NO_SERVER = {"__init__", "__main__", "catalog"}
FAMILIES = {"blocking", "readiness", "completion", "coroutine", "framework"}
HEADINGS = ("What waits", "Served meanwhile", "One more client", "Breaks")
LINES = 80


def file_of(module):
    return HERE.parent / (module.replace(".", "/") + ".py")


def test_every_server_file_is_in_the_catalog_and_every_entry_has_its_file():
    files = {f"servers.{path.stem}" for path in HERE.glob("*.py") if path.stem not in NO_SERVER}
    assert {server.module for server in SERVERS.values()} == files


def test_every_protocol_file_is_in_the_catalog_and_every_entry_has_its_file():
    files = {path.stem for path in HERE.glob("protocols/*.py")} - NO_SERVER
    modules = {protocol.connection.partition(":")[0] for protocol in PROTOCOLS.values()}
    assert modules == {f"servers.protocols.{name}" for name in files}


@pytest.mark.parametrize("name", SERVERS)
def test_an_entry_is_well_formed(name):
    server = SERVERS[name]
    assert name == name.lower().replace("_", "-")
    assert server.family in FAMILIES
    assert min(server.at_once, server.descriptors_below) >= 0


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_is_one_page_that_says_first_what_it_does(name):
    text = file_of(SERVERS[name].module).read_text()
    page = ast.parse(text)
    assert text.count("\n") <= LINES
    words = ast.get_docstring(page)
    assert [heading for heading in HEADINGS if f"\n{heading} " not in words] == []
    assert "serve" in {node.name for node in page.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", SERVERS)
def test_no_server_is_named_like_a_module_it_could_hide(name):
    assert find_spec(SERVERS[name].module.rpartition(".")[2]) is None


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_has_an_exchange_that_tells_it_from_silence_and_from_a_mirror(name):
    protocol = PROTOCOLS[name]
    assert protocol.answer
    assert protocol.answer != protocol.question
    assert bool(protocol.hello) == bool(protocol.welcome)
