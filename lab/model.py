"""What the lab plans: arms, loads, cells, trials. Values that cross files: pydantic models.

Rules: frozen, unknown keys refused, units in the name where they are not seconds. `lab.config`
makes these from lab.yaml, `lab.plan` from the seed; nothing here knows a socket, clock or file.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ClassName = Literal["long", "short", "idle"]
Network = Literal["", "loopback", "host", "bridge", "published"]
"""How the load reaches a server: a process on loopback; a container that shares this machine's
network, has one of its own, or is asked through a port published on 127.0.0.1. "": as the backend
does where nothing is said."""
ECHO = "/echo"  # also where nothing is said: a plan from before there were paths is byte-equal


class Frozen(BaseModel):
    """A value: it never changes, and a key that nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassLoad(Frozen):
    """The load of one connection class in one trial.

    connections: held open for the whole trial (long, idle); at most so many at once (short).
    rate: requests scheduled per second, the open workload; 0 is the closed workload.
    spacing: of the open workload's arrivals, drawn in advance from the trial's seed.
    think_s: closed workload only: seconds between a reply and the next request.
    payload: bytes of one request, less its head; 0 where the path takes none.
    path: of http, see `loadtests.engine.paths`.
    """

    connections: int = Field(ge=1)
    rate: float = Field(default=0.0, ge=0)
    spacing: Literal["constant", "poisson"] = "constant"
    think_s: float = Field(default=0.0, ge=0)
    payload: int = Field(default=64, ge=0)
    path: str = Field(default=ECHO, exclude_if=lambda path: path == ECHO)


class Timing(Frozen):
    """The phases of a trial, in seconds. Only the window is judged."""

    warm_up: float = Field(gt=0)
    window: float = Field(gt=0)
    cool_down: float = Field(ge=0)


class Cell(Frozen):
    """Arm x factor levels: what one trial measures.

    id: `experiment/arm/factor=level,...`, unique in a plan. network: an older plan has none.
    io_uring: some arm of the experiment needs it, so all of them run where it is allowed.
    cpu: false where all claims of the experiment are about something else than CPU per request, so
    that a gate of scope "cpu" only warns.
    """

    id: str
    experiment: str
    arm: str
    factors: dict[str, int]
    server: str
    workers: int = 1
    network: Network = Field(default="", exclude_if=lambda network: not network)
    io_uring: bool = Field(default=False, exclude_if=lambda needed: not needed)
    protocol: str
    load: dict[ClassName, ClassLoad]
    timing: Timing
    cpu: bool = Field(default=True, exclude_if=lambda judged: judged)


class Trial(Frozen):
    """One run of one cell: everything about it that is drawn from the plan's seed.

    id: `experiment.block.arm.factor=level`, safe as a file name.
    swap: server and load engine change their CPUs over, in half of the blocks.
    arrival_seed: shared by all arms of a block (common random numbers).
    port, hash_seed, padding: set-up drawn per server start (Mytkowicz et al., ASPLOS 2009);
    padding is the length in bytes of a dummy environment variable.
    """

    id: str
    cell: str
    experiment: str
    block: int
    swap: bool
    port: int
    hash_seed: int
    padding: int
    arrival_seed: int


class ProbeRun(Frozen):
    """A limit claim's probe, and how often it runs: all outcomes must agree."""

    claim: str
    probe: str
    repeats: int


class Plan(Frozen):
    """What will run, in order. Byte-equal for the same lab.yaml, selection, profile and seed."""

    schema_version: Literal[1] = 1
    profile: str
    seed: int
    order: Literal["hashed", "reversed"]
    lab_sha256: str
    claims: list[str]
    looks: list[int]
    cells: list[Cell]
    trials: list[Trial]
    probes: list[ProbeRun] = Field(default_factory=list)
    traced: list[Trial] = Field(default_factory=list, exclude_if=lambda trials: not trials)

    def cell(self, cell_id: str) -> Cell:
        """Return the cell of that id. Raises KeyError."""
        for cell in self.cells:
            if cell.id == cell_id:
                return cell
        raise KeyError(cell_id)
