"""What an import brings along: listing servers loads none, and the lab loads no I/O framework."""

import subprocess
import sys

import pytest

FRAMEWORKS = {"asyncio", "flask", "gevent", "greenlet", "locust", "tornado", "twisted", "uvloop"}
PATHS = {  # tables, shared by both
    "loadtests",
    "loadtests.engine",
    "loadtests.engine.classes",
    "loadtests.engine.paths",
}


def loaded_by(statement):
    """The modules a fresh interpreter has after a statement, less those it starts with."""
    code = f"import sys; before = set(sys.modules); {statement}; print(*set(sys.modules) - before)"
    command = [sys.executable, "-P", "-c", code]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_listing_imports_no_server_and_no_protocol():
    loaded = loaded_by("import servers.catalog")
    assert {name for name in loaded if name.startswith("servers")} == {"servers", "servers.catalog"}
    assert not loaded & {"socket", "select", "threading", *FRAMEWORKS}


def test_a_chosen_server_brings_only_itself():
    loaded = loaded_by("from servers.__main__ import load; load('select')")
    strategies = {"servers.blocking", "servers.threads", "servers.poll_loop", "servers.epoll_loop"}
    assert "servers.select_loop" in loaded
    assert not loaded & (strategies | FRAMEWORKS)


@pytest.mark.parametrize(
    "module", ["lab.meter", "lab.conformance", "lab.backends.contract", "lab.backends.process"]
)
def test_the_lab_meters_and_starts_servers_without_their_frameworks(module):
    loaded = loaded_by(f"import {module}")
    assert module in loaded
    assert not loaded & (FRAMEWORKS - {"asyncio"})  # pydantic may look at asyncio
    assert {name for name in loaded if name.startswith("loadtests")} <= PATHS


@pytest.mark.parametrize(
    "module", ["lab.run", "lab.cli", "lab.guests", "loadtests.engine.__main__"]
)
def test_neither_the_lab_nor_the_load_engine_imports_locust(module):
    """Importing it patches sockets, signals and threads: plain users live in their own process."""
    loaded = loaded_by(f"import {module}")
    assert module in loaded
    assert not loaded & {"locust", "gevent", "greenlet", "flask"}
    assert not {name for name in loaded if name.startswith("loadtests.greenlets")}
