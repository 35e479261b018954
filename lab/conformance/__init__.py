"""Does a server answer rightly whatever becomes of the bytes on their way, and of its clients?

Load proves nothing here: most mistakes of a server show only with short sends, half-closed or reset
connections, and clients that came while it looked away. Each check is one such situation, on the
wire, for any protocol: what is asked and answered comes from the catalog. A check that a server
cannot pass by design is left out by a fact of the catalog (`at_once`, `pool`, `spins`, `cannot`),
never by name, and never silently.
"""

from lab.conformance import crowds, ending, http, limits, partings, pieces, websocket
from lab.conformance.subject import Check
from lab.http_cases import BODY
from loadtests.engine import paths

CHECKS = {
    "byte-by-byte": Check(pieces.byte_by_byte),
    "split-anywhere": Check(pieces.split_anywhere),
    "coalesced": Check(pieces.coalesced),
    "interleaved": Check(pieces.interleaved, clients=4),
    "silent-client": Check(pieces.silent_client),
    "sizes": Check(pieces.sizes, paths=(paths.ECHO,)),
    "large": Check(pieces.large),
    "half-close": Check(partings.half_close),
    "half-close-unread": Check(partings.half_close_unread, like="half-close"),
    "reset-in-backlog": Check(partings.reset_in_backlog),
    "reset-while-read": Check(partings.reset_while_read),
    "reset-while-written": Check(partings.reset_while_written),
    "reset-behind-requests": Check(partings.reset_behind_requests),
    "burst": Check(crowds.burst),
    "many": Check(crowds.many),
    "short": Check(crowds.short),
    "slow-reader": Check(crowds.slow_reader),
    "slow-neighbour": Check(crowds.slow_neighbour, clients=2),
    "idle": Check(crowds.idle, idle=True),
    "idle-with-answers-left": Check(crowds.idle_with_answers_left, idle=True),
    "http-table": Check(http.table, protocols=("http",), paths=(paths.ECHO, "/bytes/3")),
    "http-paths": Check(http.paths, protocols=("http",)),
    "http-too-large": Check(http.too_large, protocols=("http",), paths=(paths.ECHO,)),
    "http-reset-during-work": Check(
        http.reset_during_work, protocols=("http",), paths=("/offload/50", "/block/50")
    ),
    "http-half-close-during-work": Check(
        http.half_close_during_work,
        protocols=("http",),
        paths=("/offload/50",),
        like="half-close",
    ),
    "http-half-close-long-answer": Check(
        http.half_close_long_answer,
        protocols=("http",),
        paths=(f"/bytes/{BODY}",),
        like="half-close",
    ),
    "http-sigterm-during-work": Check(
        http.sigterm_during_work, protocols=("http",), paths=("/offload/100",), ours=True
    ),
    "websocket-table": Check(websocket.table, protocols=("websocket",)),
    "websocket-too-large": Check(websocket.too_large, protocols=("websocket",)),
    "descriptors": Check(limits.descriptors),
    "sigterm": Check(ending.sigterm, ours=True),
}

FACTS = {  # what is seen, and neither right nor wrong
    "http": {"offload": http.offload},
}
