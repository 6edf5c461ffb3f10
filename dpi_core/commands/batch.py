"""Work on many photos: one that fails never ends the rest, and those that failed are listed at the end with reasons."""

import json
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from dpi_core.commands.console import EXIT_ERROR, EXIT_FAILED, EXIT_UNEXPECTED, complain, in_a_line, log
from dpi_core.errors import DPIError, of_the_machine


@dataclass(frozen=True)
class Outcome:
    """What became of a photo.

    Attributes:
        status: "done", "skipped" (it was done before) or "failed".
        report: what the log and --json say of it: input, status, files, figures, or the reason.
        trace: where it failed, if of what nobody expected; the log gets it from here, since the worker may be far away.
    """

    photo: Path
    status: str
    report: dict[str, Any] = field(default_factory=dict)
    trace: str = ""


def outcome_of(photo: Path, work: Callable[[], dict[str, Any]]) -> Outcome:
    """Do the work for a photo; whatever is raised, but for an interruption, is an outcome too.

    Args:
        work: returns what the report says besides the photo's name and the status.
    """
    try:
        return Outcome(photo, "done", {"input": str(photo), "status": "done", **work()})
    except (DPIError, OSError) as error:
        return failure(photo, in_a_line(error))
    except Exception as error:
        lacking = of_the_machine(error)
        if lacking:
            return failure(photo, lacking)
        return failure(photo, f"an unexpected error, {type(error).__name__}.", traceback.format_exc())


def failure(photo: Path, reason: str, trace: str = "") -> Outcome:
    """Make the outcome of a photo that failed, with the reason for people."""
    return Outcome(photo, "failed", {"input": str(photo), "status": "failed", "reason": reason}, trace)


def conclude(
    outcomes: Iterable[Outcome], total: int, show: Callable[[Outcome], None], journal: Path | None = None
) -> int:
    """Take the outcomes in as they come; returns the exit code.

    Args:
        total: how many photos there are; what a single one fails of is an error of the command.
        show: prints a photo that did not fail.
        journal: gets a line of JSON for each photo, after those it holds.
    """
    failed: list[Outcome] = []
    for outcome in outcomes:
        if journal is not None:
            note_down(journal, outcome.report)
        if outcome.status == "failed":
            failed.append(outcome)
            if outcome.trace:
                log.error("unexpected error\n%s", outcome.trace)
            complain(_told(outcome, total))
        else:
            show(outcome)
    if not failed:
        return 0
    if total == 1:
        return EXIT_UNEXPECTED if failed[0].trace else EXIT_ERROR
    complain(f"{len(failed)} of {total} photos failed:")
    for outcome in failed:
        complain(_told(outcome, total))
    return EXIT_FAILED


def _told(outcome: Outcome, total: int) -> str:
    reason = outcome.report["reason"]
    return reason if total == 1 and not outcome.trace else f"{outcome.photo}: {reason}"


def note_down(journal: Path, values: dict[str, Any]) -> None:
    """Append a line of JSON with the time."""
    line = {"time": datetime.now(timezone.utc).isoformat(timespec="seconds"), **values}
    with journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
