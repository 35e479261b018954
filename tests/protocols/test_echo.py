import pytest

from servers.__main__ import load_connection
from servers.catalog import PROTOCOLS
from servers.protocols.echo import Echo


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"ready?", b"READY?"),
        (b"READY?", b"READY?"),
        (b"\x00\xff\r\n", b"\x00\xff\r\n"),
        ("äé".encode(), "äé".encode()),  # ASCII letters only: bytes have no language
        (bytes(range(256)), bytes(range(256)).upper()),
    ],
)
def test_letters_come_back_in_upper_case_and_all_else_as_it_is(said, answer):
    assert Echo().receive(said) == answer


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_any_split_gives_the_same_answer(size):
    said = bytes(range(256)) * 2
    echo = Echo()
    pieces = [echo.receive(said[at : at + size]) for at in range(0, len(said), size)]
    assert b"".join(pieces) == said.upper()


def test_stays_open_until_end_of_file():
    echo = Echo()
    echo.receive(b"a")
    assert not echo.closed
    assert echo.receive(b"") == b""
    assert echo.closed


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_answers_as_the_catalog_says_and_closes_at_end_of_file(protocol):
    spoken = PROTOCOLS[protocol]
    connection = load_connection(protocol)()
    assert connection.receive(spoken.hello) == spoken.welcome if spoken.hello else True
    assert connection.receive(spoken.question) == spoken.answer
    assert connection.receive(spoken.question * 3) == spoken.answer * 3
    connection.receive(b"")
    assert connection.closed
