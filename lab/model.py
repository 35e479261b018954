"""What the lab plans: arms, loads, cells, trials. Values that cross files: pydantic models.

Rules: frozen, unknown keys refused, units in the name where they are not seconds. `lab.config`
makes these from lab.yaml, `lab.plan` from the seed; nothing here knows a socket, clock or file.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from lab.drivers import ENGINE, Driver
from loadtests.engine.classes import ClassName as ClassName  # noqa: PLC0414 # also named from here

Network = Literal["", "loopback", "host", "bridge", "published"]
"""How the load reaches a server: a process on loopback; a container that shares this machine's
network, has one of its own, or is asked through a port published on 127.0.0.1. "": as the backend
does where nothing is said."""
Ends = Literal["close", "half-close", "reset", "abandon"]
ECHO = "/echo"  # also where nothing is said: a plan from before there were paths is byte-equal


class Frozen(BaseModel):
    """A value: it never changes, and a key that nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassLoad(Frozen):
    """The load of one connection class in one trial.

    connections: held open for the whole trial; short: at most so many at once; storm: all at once.
    rate: requests scheduled per second, the open workload; 0 is the closed workload.
    spacing: of the open workload's arrivals, drawn in advance from the trial's seed.
    think_s: closed workload only: seconds between a reply and the next request.
    payload: bytes of one request, less its head; 0 where the path takes none.
    path: of http, see `loadtests.engine.paths`.
    requests: of a long connection, until it ends and another takes its place; 0: it never ends.
    ends: how it ends then, and how a short one does; see docs/classes.md.
    spread: of the think time, drawn in advance per connection.
    executor, start, stages: of a load that changes: (seconds, target) one after the other from the
    start of the load, see `loadtests.engine.course`; rate or connections is the highest of them.
    piece, every_s: bytes and seconds of a slow sender or reader. at_s: of a storm, in the window.
    """

    connections: int = Field(ge=1)
    rate: float = Field(default=0.0, ge=0)
    spacing: Literal["constant", "poisson"] = "constant"
    think_s: float = Field(default=0.0, ge=0)
    payload: int = Field(default=64, ge=0)
    path: str = Field(default=ECHO, exclude_if=lambda path: path == ECHO)
    requests: int = Field(default=0, ge=0, exclude_if=lambda requests: not requests)
    ends: Ends = Field(default="close", exclude_if=lambda ends: ends == "close")
    piece: int = Field(default=0, ge=0, exclude_if=lambda piece: not piece)
    every_s: float = Field(default=0.0, ge=0, exclude_if=lambda every: not every)
    at_s: float = Field(default=0.0, ge=0, exclude_if=lambda at: not at)
    spread: Literal["constant", "exponential"] = Field(
        default="constant", exclude_if=lambda spread: spread == "constant"
    )
    executor: Literal["", "ramping-vus", "ramping-arrival-rate"] = Field(
        default="", exclude_if=lambda executor: not executor
    )
    start: float = Field(default=0.0, ge=0, exclude_if=lambda start: not start)
    stages: list[tuple[float, float]] = Field(default_factory=list, exclude_if=lambda on: not on)


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
    that a gate of scope "cpu" only warns. driver: who makes the load.
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
    driver: Driver = Field(default=ENGINE, exclude_if=lambda driver: driver == ENGINE)


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


class ProgramRun(Frozen):
    """A program of lab/replications that measures a table, and how often it runs anew."""

    claim: str
    program: str
    repeats: int


class SearchPlan(Frozen):
    """A search of levels, as far as it is known beforehand. edges: its cells at both ends.

    Which levels are asked depends on the answers; how many trials and seconds at most does not.
    """

    id: str
    kind: Literal["capacity", "crossover"]
    over: str
    arms: list[str]
    low: int
    high: int
    tolerance: float
    budget_s: float
    trials: int
    edges: list[Cell]


class Plan(Frozen):
    """What will run, in order. Byte-equal for the same lab.yaml, selection, profile and seed.

    until: beyond the last look, undecided claims may go on up to so many blocks; 0: they may not.
    declared: of each claim, see lab.declared; an older plan has none.
    """

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
    programs: list[ProgramRun] = Field(default_factory=list, exclude_if=lambda runs: not runs)
    traced: list[Trial] = Field(default_factory=list, exclude_if=lambda trials: not trials)
    until: int = Field(default=0, exclude_if=lambda blocks: not blocks)
    searches: list[SearchPlan] = Field(default_factory=list, exclude_if=lambda found: not found)
    declared: dict[str, str] = Field(default_factory=dict, exclude_if=lambda known: not known)

    @property
    def every_cell(self) -> list[Cell]:
        """The cells, and those at the ends of what is searched: what must be able to run here."""
        return [*self.cells, *(cell for search in self.searches for cell in search.edges)]

    @property
    def most(self) -> int:
        """The most blocks that may count: those of the last look, or more until it is decided."""
        return max(self.looks[-1], self.until)

    def cell(self, cell_id: str) -> Cell:
        """Return the cell of that id. Raises KeyError."""
        for cell in self.cells:
            if cell.id == cell_id:
                return cell
        raise KeyError(cell_id)
