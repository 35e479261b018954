"""lab doctor: what this machine can and cannot measure, and why. Looks only."""

from pathlib import Path

from lab import fitness, ground, host, tracing, turnover
from lab.backends import checkup
from lab.claims import Claim
from lab.cleaning import engine, orphaned_containers, orphans
from lab.config import load
from lab.errors import UsageError
from lab.fitness import Check
from lab.machine import inspect
from lab.needs import lacking, look
from lab.options import RESULTS
from lab.plan import choose
from lab.selftest import ceilings
from servers import needs


def examine(lab_file: Path) -> tuple[list[Check], dict[str, str]]:
    """Hold this machine against every profile of lab.yaml; return the checks and the facts."""
    machine = inspect()
    checks: list[Check] = []
    try:
        lab = load(lab_file)
    except UsageError as error:
        lines = str(error).splitlines()
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        checks.append(Check("lab.yaml", ok=False, found="unusable", need=lines[0] + more))
        checks += fitness.check(machine, [])
    else:
        for profile in lab.profiles:
            cells = choose(lab, (), profile).cells
            missing = [c for c in fitness.check(machine, cells) if not c.ok]
            most = max(map(turnover.held, cells), default=0)
            found = f"{len(cells)} cells, up to {most} connections"
            need = " ".join(f"{c.name}: {c.found}. {c.need}" for c in missing)
            checks.append(Check(f"profile {profile}", not missing, found, need))
        here = look()
        checks += [_claim(one, lacking(one, here)) for one in lab.claims.values() if one.needs]
        checks += [
            _own(name, ground.missing(one, lab_file.parent)) for name, one in lab.servers.items()
        ]
    checks += fitness.servers(needs.missing)
    checks += fitness.tools(machine)
    checks += [*checkup.examine(), _tracing(), _ceiling(RESULTS), _leftovers()]
    return checks, host.facts()


def _claim(claim: Claim, why: str) -> Check:
    found = "cannot be decided here" if why else "can be decided here"
    return Check(f"claim {claim.id}", not why, found, f"{why}: skipped.", fatal=False)


def _own(name: str, why: str) -> Check:
    found = "cannot run here" if why else "is here"
    return Check(f"server {name}", not why, found, f"{why}: skipped.", fatal=False)


def _tracing() -> Check:
    why = tracing.obstacle()
    found = "cannot trace" if why else "traces"
    return Check("strace", not why, found, f"{why} No mechanism ledger.", fatal=False)


def _ceiling(results: Path) -> Check:
    found = ceilings.read(results)
    said = (
        f"open {found.open:.0f}/s, short {found.short:.0f}/s, found on {found.found}"
        if found
        else "none is stored"
    )
    need = "Run `lab selftest ceiling`; until then no rate is refused as too high."
    return Check("load ceiling", found is not None, said, need, fatal=False)


def _leftovers() -> Check:
    client = engine()
    runs = orphaned_containers(client) if client else []
    counts = {
        "processes": len(orphans()),
        "containers": sum(run.containers for run in runs),
        "networks": sum(run.networks for run in runs),
    }
    found = ", ".join(f"{number} {what}" for what, number in counts.items() if number)
    return Check("left behind", not found, found or "nothing", "Run `lab clean`.", fatal=False)


def table(checks: list[Check], facts: dict[str, str]) -> str:
    """Lay out checks and facts as plain text."""
    lines = []
    for check in checks:
        state = "ok" if check.ok else "MISSING" if check.fatal else "absent"
        lines.append(f"{state:8} {check.name:16} {check.found}")
        if not check.ok:
            lines.append(f"{'':8} {'':16} {check.need}")
    width = max(map(len, facts))
    lines += ["", *(f"{name:{width}}  {value}" for name, value in facts.items())]
    return "\n".join(lines)
