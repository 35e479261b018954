"""How a command ends: every error as its lines on stderr, and one exit code.

0 fine, 1 internal, 2 usage or lab.yaml, 3 a claim came out against its gate or a server failed a
check, 4 inconclusive or void under --fail-on, 5 this machine cannot run it, 130/143 interrupted.
The numbers themselves are in lab.errors.
"""

import functools
import os
import sys
from collections.abc import Callable
from typing import Any, ParamSpec

import typer

from lab.errors import (
    EXIT_GATED_CLAIM,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_UNDECIDED,
    ConfigErrors,
    LabError,
)
from lab.options import FailOn

P = ParamSpec("P")
SEARCHES = {"open": "inconclusive", "not-monotone": "inconclusive", "void": "void"}


def explained(command: Callable[P, None]) -> Callable[P, None]:
    """Turn every error that the lab knows into its lines on stderr and its exit code."""

    @functools.wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (typer.Exit, typer.BadParameter):
            raise
        except ConfigErrors as errors:
            typer.echo("\n".join(errors.problems), err=True)
            raise typer.Exit(errors.exit_code) from None
        except LabError as error:
            typer.echo(f"lab: {error}", err=True)
            raise typer.Exit(error.exit_code) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except KeyboardInterrupt:
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except Exception as error:  # no traceback reaches a user
            if os.environ.get("LAB_DEBUG"):
                raise
            text = f"{type(error).__name__}: {error}"
            typer.echo(f"lab: this is a bug of the lab: {text} (LAB_DEBUG=1 shows where)", err=True)
            raise typer.Exit(EXIT_INTERNAL) from None

    return guarded


def weigh(results: Any, fail_on: FailOn | None) -> None:
    """Raises typer.Exit when a claim came out against its gate, or as fail_on will not have it."""
    from lab.analysis import against_gate  # noqa: PLC0415 # `lab --help` stays quick

    against = against_gate(results)
    if against:
        typer.echo(f"lab: against their gate: {', '.join(against)}", err=True)
        raise typer.Exit(EXIT_GATED_CLAIM)
    bad = {"void"} | ({"inconclusive"} if fail_on is FailOn.inconclusive else set())
    outcomes = [verdict.outcome for verdict in results.verdicts]
    outcomes += [SEARCHES.get(turn.outcome, "") for s in results.searches for turn in s.turns]
    if fail_on and any(outcome in bad for outcome in outcomes):
        raise typer.Exit(EXIT_UNDECIDED)
