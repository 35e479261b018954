"""Which addresses of loopback an engine's connections come from. Pure.

A connection is known by its two addresses and ports, so one source address has as many ports to one
server as ip_local_port_range allows, some 28 000. connect() takes ports of one parity first; with
those 14 000 gone it looks through all of them each time, which takes a millisecond, for every other
class too (net/ipv4/inet_hashtables.c). A port whose connection this side has closed first stays in
TIME_WAIT for a minute, so short connections need more of them than are ever open at once.

On loopback all of 127.0.0.0/8 is this machine, so there are more addresses for the asking, and the
engines need not share any: 127.0.<engine>.<class and number>. Elsewhere the kernel's choice stands.
The budget of a plan (`lab.budget`) counts with the same numbers.
"""

from ipaddress import ip_address, ip_network

from loadtests.engine.classes import NAMES

FROM_ONE = 8000  # connections held; of 14 000 ports of one parity in the default port range
OF_A_CLASS = 16  # addresses of one engine at most; 15 classes would fit below 255
AGAIN = frozenset({"short", "churn", "storm"})  # connected anew, again and again
PLACES: dict[str, int] = {name: number for number, name in enumerate(NAMES)}
LOOPBACK = ip_network("127.0.0.0/8")
IP_BIND_ADDRESS_NO_PORT = 24  # ip(7): the port is chosen by connect(), which may share it


def how_many(name: str, asked: int, *, again: bool = False) -> int:
    """Addresses of one engine for a class with so many connections; 0: the kernel's choice.

    again: they end, and others follow, whatever the class.
    """
    if again or name in AGAIN:
        return OF_A_CLASS
    if name == "idle" or asked > FROM_ONE:
        return min(OF_A_CLASS, -(-asked // FROM_ONE))
    return 0


def own(host: str, index: int, name: str, asked: int, *, again: bool = False) -> list[str]:
    """The addresses that engine `index` takes in turn for a class; none: the kernel's choice.

    host: an address, not a name.
    """
    if ip_address(host) not in LOOPBACK:
        return []
    many = how_many(name, asked, again=again)
    first = 1 + OF_A_CLASS * PLACES[name]
    return [f"127.0.{1 + index % 255}.{first + k}" for k in range(many)]
