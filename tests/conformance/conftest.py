"""What a server needs and this machine lacks: said, and on CI a failure where it is a module."""

import os

import pytest

from lab import host
from servers.catalog import SERVERS
from servers.needs import FEATURES, missing


@pytest.fixture(autouse=True)
def _needs(request):
    server = getattr(request.node, "callspec", None) and request.node.callspec.params.get("server")
    need = SERVERS[server].needs if server else ""
    why = missing(need)
    if why and os.environ.get("CI") == "true" and need not in FEATURES:
        pytest.fail(f"{server} cannot run: {why}")
    if why:
        pytest.skip(f"{server} cannot run here: {why}")


@pytest.fixture(autouse=True)
def _room():
    """Descriptors for a thousand clients."""
    assert host.nofile() > 2200
