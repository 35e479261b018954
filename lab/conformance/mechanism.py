"""Is a server what it is called? The last check of an examination, from a trace of system calls.

A server that answers rightly may still wait in another call than its page says, or not wait at all.
Where nothing can be traced this is left out, with the reason.
"""

from lab.backends.contract import StartOptions, WrongAnswer
from lab.mechanism import contradiction
from lab.tracing import obstacle, trace_family
from servers.catalog import Server

NAME = "mechanism"
UNDECLARED = ("own", "foreign")  # families of servers of which nobody has said how they wait


def agrees(name: str, protocol: str, server: Server, options: StartOptions) -> str:
    """Return why nothing could be looked at; "": it is what it is called. Raises WrongAnswer."""
    if server.family in UNDECLARED:
        return "nobody has declared how it waits"
    if why := obstacle():
        return why
    found = trace_family(name, protocol, options)
    if isinstance(found, str):
        raise WrongAnswer(f"under strace: {found}")
    if why := contradiction(server, found):
        raise WrongAnswer(why)
    return ""
