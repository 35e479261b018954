"""The gate on the machine itself. It voids only what is gross: pairing carries the rest.

On a shared 2-core virtual machine the CPU time of a fixed loop moves by 40 % within minutes. A gate
that voids all that would void everything; arms of one block lie seconds apart and move together.
"""

from lab.gates.finding import Finding, at_most
from lab.measure import Unmeasured, ends
from lab.model import Cell
from lab.record import Record

STEAL_SHARE = 0.10  # of the window, both CPUs: above it a block's arms no longer share a fate
FOREIGN_SHARE = 0.5  # of the lab's CPUs: another program then runs on every core half of the time
SPIN_RATIO = 3.0  # larger over smaller; a busy sibling thread of the core alone makes 2


def noise(record: Record, _cell: Cell) -> Finding:
    """Steal, foreign load and the two calibration spins; the worst of them speaks."""
    found = record.noise
    if found is None:
        raise Unmeasured("no noise reading")
    first, last = ends(record)
    window = last.at_ns - first.at_ns
    spins = sorted((found.spin_before_ns, found.spin_after_ns))
    ratio = spins[1] / max(1, spins[0])
    checks = [
        at_most(
            found.steal_ns / window,
            STEAL_SHARE,
            f"the hypervisor stole {found.steal_ns / window:.0%} of the window",
        ),
        at_most(
            found.foreign_cpu_ns / (window * len(set(record.cpus))),
            FOREIGN_SHARE,
            f"other programs used {found.foreign_cpu_ns / window:.2f} CPUs",
        ),
        at_most(ratio, SPIN_RATIO, f"a fixed loop took x{ratio:.1f} from before to after"),
    ]
    return next((c for c in checks if c.state == "void"), checks[-1])
