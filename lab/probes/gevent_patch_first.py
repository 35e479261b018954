"""The patch must stand before the import of what it patches: where a name was taken from a module.

Looked at: the notes' two coroutines, 0.4 and 0.2 s, where `import time` stands before the patch,
and where `from time import sleep` does: does the sleep switch?
Control: with the patch first it does.
Source: gevent.org, gevent.monkey: "as early as possible"; a patch replaces the module's attributes.
"""

from typing import NamedTuple

from lab.probes import Ruling
from lab.probes._kit import eat_play, like

EAT_S, PLAY_S = 0.4, 0.2
PARTS = "holds where a name was taken out of the module, not where the module was imported"


class Seen(NamedTuple):
    module_imported_first_s: float
    name_imported_first_s: float
    patched_first_s: float


def observe() -> Seen:
    ways = ("module-first", "name-first", "first")
    return Seen(*(eat_play(how, EAT_S, PLAY_S)[1] for how in ways))


def judge(seen: Seen) -> Ruling:
    module, name, first = (like(took, EAT_S, EAT_S + PLAY_S) for took in seen)
    if module is None or name is None:
        return Ruling(None, control=False)
    parts = PARTS if module and not name else ""
    return Ruling(not (module or name), first is True, parts)
