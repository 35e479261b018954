"""Everything a user can be told went wrong: one tree, one line each, one exit code each.

The command line prints `str(error)` and ends with `exit_code`; no traceback reaches a user.
Exit codes are listed in README.md and `lab --help`.
"""

EXIT_INTERNAL = 1
EXIT_USAGE = 2
EXIT_GATED_CLAIM = 3
EXIT_UNDECIDED = 4
EXIT_ENVIRONMENT = 5
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


class LabError(Exception):
    """Base of all errors that the lab explains itself."""

    exit_code = EXIT_INTERNAL


class UsageError(LabError):
    """The command line or lab.yaml asks for something that cannot be: the user's to mend."""

    exit_code = EXIT_USAGE


class ConfigErrors(UsageError):
    """Every mistake found in lab.yaml, one line each, in order of position."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class EnvironmentUnfit(LabError):
    """This machine cannot run it: too few CPUs, descriptors, rights or space."""

    exit_code = EXIT_ENVIRONMENT


class Nonconforming(LabError):
    """A server of lab.yaml failed its examination: nothing is measured with it."""

    exit_code = EXIT_GATED_CLAIM


class TrialFailed(LabError):
    """A trial broke; the run goes on. gate: the name of the gate that this trips."""

    def __init__(self, gate: str, why: str) -> None:
        super().__init__(why)
        self.gate = gate
