"""The client's side of each protocol: what is sent, and what must come back, byte for byte. Pure.

A client owns no state: replies are compared with bytes drawn in advance, whole (the fast path) or
piece by piece. Requests take turns between a few payloads, so that a reply which is late by one,
sent twice or kept from a neighbour differs from the right one.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

VARIANTS = 4  # payloads taken in turn: enough to tell a reply from its neighbours'
LETTERS = bytes(ord("a") + number % 26 for number in range(256))


def no_welcome(got: bytes) -> bool:
    """For protocols in which the server does not speak first. True: the welcome is whole."""
    return not got


@dataclass(frozen=True, slots=True)
class Client:
    """All a connection needs to know of a protocol.

    exchanges: (request, reply) pairs; all requests are equally long, and so are all replies.
    hello: sent once after connecting, before the first request; empty: nothing is.
    welcome: told all bytes that answered the hello: is it whole? Raises ValueError on wrong ones.
    """

    exchanges: tuple[tuple[bytes, bytes], ...]
    hello: bytes = b""
    welcome: Callable[[bytes], bool] = no_welcome


def payloads(seed: str, size: int) -> list[bytes]:
    """Lower-case letters from a seed; no two alike where the size allows it."""
    draw = random.Random(seed)
    first = draw.randbytes(size).translate(LETTERS)
    shift = bytes.maketrans(LETTERS[:26], LETTERS[1:27])
    found = [first]
    while len(found) < VARIANTS:
        found.append(found[-1].translate(shift))
    return found


def echo(payload: bytes) -> tuple[bytes, bytes]:
    return payload, payload.upper()


def echo_client(seed: str, size: int) -> Client:
    return Client(tuple(echo(payload) for payload in payloads(seed, size)))


CLIENTS: dict[str, Callable[[str, int], Client]] = {"echo": echo_client}
