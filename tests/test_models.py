"""docs/models.md against the catalog: a server has one row, and it says the same."""

from pathlib import Path

import pytest

from servers.catalog import ELSEWHERE, SERVERS

TEXT = (Path(__file__).parents[1] / "docs" / "models.md").read_text(encoding="utf-8")
TABLE = TEXT.split("| server | family |")[1].split("\n\n")[0]
ROWS = {
    cells[0]: cells[1:]
    for line in TABLE.splitlines()[2:]
    if (cells := [cell.strip() for cell in line.strip("|").split("|")])
}


def test_every_server_has_one_row_in_the_order_of_the_catalog():
    assert list(ROWS) == list(SERVERS)


@pytest.mark.parametrize("name", SERVERS)
def test_a_row_says_what_the_catalog_says(name):
    server = SERVERS[name]
    family, _who, waits, limit, _memory = ROWS[name]
    assert family == server.family
    if server.waits:
        assert waits in server.waits
    else:
        assert waits == ("nothing" if server.spins else "its client")
    assert ("1 client at once" in limit) == bool(server.pool or server.at_once == 1)
    assert ("per worker" in limit) == server.pool
    assert (str(server.descriptors_below) in limit) == bool(server.descriptors_below)


@pytest.mark.parametrize("name", SERVERS)
def test_memory_is_given_where_more_than_one_connection_can_be_held(name):
    server, memory = SERVERS[name], ROWS[name][-1]
    assert (memory == "–") == bool(server.pool or server.at_once)
    assert "@" not in memory


def test_what_other_systems_have_is_named():
    assert all(f"`{name}`" in TEXT for name in ELSEWHERE)
