"""Asks before a settings file, which may be a stranger's, starts a download; what the command line names is asked for."""

import argparse
import sys

from dpi_core.errors import DPIError
from dpi_core.restore.request import Request
from dpi_core.weights.known import must_be_fetched


def ask_before_downloads(args: argparse.Namespace, request: Request) -> None:
    """Ask for each model that only --settings names and that is not on this machine.

    Raises:
        DPIError: if the answer is not yes, or nobody sits at the terminal to be asked.
    """
    if args.settings is None:
        return
    wanted = {}
    if args.prior is None and must_be_fetched(request.prior):
        wanted["prior"] = request.prior
    if args.detector is None and request.detector == "face-alignment" and not _face_alignment_is_here():
        wanted["detector"] = request.detector
    for option, name in wanted.items():
        told = f"{args.settings.name} names the {option} {name!r}, which is not on this machine"
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise DPIError(f"{told}. Give --{option} {name} to have it fetched, or name another.")
        print(f"dpi_core: {told}. Fetch it? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise DPIError(f"{told}; nothing was fetched. Name another with --{option}.")


def _face_alignment_is_here() -> bool:
    from dpi_core.faces.facealign import ready

    return ready()
