"""A server is a page with one idea: read as text and as a syntax tree, never run.

What may differ between two servers is how they wait. So nothing that is decided once beneath them
(socket options, sizes, logging, the end) may stand in a page, and a page may not look into bytes.
"""

import ast
from pathlib import Path

import pytest

from servers.catalog import SERVERS

ROOT = Path(__file__).parents[2]
PARTS = ["What waits", "Served meanwhile", "One more client", "Breaks"]
LONGEST = 80  # lines
DECIDED_ONCE = {  # names that belong to servers/core: whoever writes one here makes a difference
    *("setsockopt", "bind", "listen", "TCP_NODELAY", "SO_REUSEADDR", "SO_REUSEPORT"),
    *("SO_RCVBUF", "SO_SNDBUF", "SIGTERM", "SIGINT", "print", "logging", "getLogger"),
}
PAGES = {name: ROOT / f"{server.module.replace('.', '/')}.py" for name, server in SERVERS.items()}
OWN_PROTOCOL = [name for name, server in SERVERS.items() if server.family == "framework"]
STRATEGIES = [name for name in SERVERS if name not in OWN_PROTOCOL]


def tree(name):
    return ast.parse(PAGES[name].read_text(encoding="utf-8"))


def names(node):
    for found in ast.walk(node):
        if isinstance(found, ast.Name):
            yield found.id
        elif isinstance(found, ast.Attribute):
            yield found.attr


@pytest.mark.parametrize("name", SERVERS)
def test_it_is_a_page(name):
    assert len(PAGES[name].read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("name", SERVERS)
def test_it_opens_with_what_waits_who_is_served_what_it_costs_and_when_it_breaks(name):
    words = ast.get_docstring(tree(name))
    places = [words.index(f"\n{part}") for part in PARTS]
    assert places == sorted(places)


@pytest.mark.parametrize("name", SERVERS)
def test_it_has_one_serve_with_the_arguments_of_all(name):
    found = [n for n in tree(name).body if isinstance(n, ast.FunctionDef) and n.name == "serve"]
    assert [a.arg for a in found[0].args.args] == ["listener", "new_connection", "workers"]


@pytest.mark.parametrize("name", STRATEGIES)
def test_what_is_decided_once_is_not_decided_again(name):
    assert not DECIDED_ONCE & set(names(tree(name)))


@pytest.mark.parametrize("name", STRATEGIES)
def test_it_reads_as_much_at_a_time_as_all_others(name):
    for call in ast.walk(tree(name)):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute | ast.Name):
            called = getattr(call.func, "attr", None) or call.func.id
            if called in {"recv", "read", "sock_recv", "read_bytes"} and call.args:
                sizes = {name for argument in call.args for name in names(argument)}
                assert sizes & {"RECEIVE_SIZE", "size"}, ast.unparse(call)


@pytest.mark.parametrize("name", STRATEGIES)
def test_it_does_not_look_into_the_bytes(name):
    """No bytes are written in a page but the empty ones, and the one dot that carries a socket."""
    told = {n.value for n in ast.walk(tree(name)) if isinstance(n, ast.Constant)}
    assert {value for value in told if isinstance(value, bytes)} <= {b"", b"."}


@pytest.mark.parametrize("name", STRATEGIES)
def test_it_stands_on_the_core_the_standard_library_and_what_it_declares(name):
    allowed = {"servers", SERVERS[name].needs, *COMES_WITH.get(SERVERS[name].needs, ())}
    imported = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module)
    foreign = {module.split(".")[0] for module in imported} - STANDARD
    assert foreign <= allowed
    for module in imported:
        if module.startswith("servers.") and not module.startswith("servers.core"):
            assert module in SHARED_PAGES, "pages share what is beneath them"


COMES_WITH = {"twisted": ["zope"]}
SHARED_PAGES = {  # the same on more processes, or on another loop: what is taken over is the point
    *("servers.blocking", "servers.asyncio_protocol"),
}
STANDARD = {
    *("asyncio", "collections", "concurrent", "contextlib", "ctypes", "dataclasses", "errno"),
    *("fcntl", "functools", "itertools", "os", "queue", "select", "selectors", "signal"),
    *("socket", "struct", "threading", "types", "typing"),
}
