"""How a command line fails.

What a person can mend is one line on stderr that says what was wrong and what is allowed, and exit code 2; anything else is
logged with its traceback, told as unexpected, and exit code 70. A batch in which photos failed ends with exit code 1.
"""

import argparse
import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from dpi_core.errors import DPIError, of_the_machine

EXIT_FAILED = 1  # some photos of a batch; the others are done
EXIT_ERROR = 2
EXIT_UNEXPECTED = 70  # EX_SOFTWARE of sysexits.h

log = logging.getLogger("dpi_core")


def complain(message: str) -> None:
    """Print a message as one line on stderr."""
    print("dpi_core:", " ".join(message.split()), file=sys.stderr)


def print_anything() -> None:
    """Let stdout and stderr show what their encoding lacks, such as a file's name in cp1252, as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def in_a_line(error: Exception) -> str:
    """Say an error that a person can mend, with the path it came at."""
    lacking = of_the_machine(error) if isinstance(error, OSError) else None
    where = getattr(error, "filename", None)
    return str(error) if lacking is None else f"{where}: {lacking}" if where else lacking


@contextmanager
def in_a_sentence() -> Iterator[None]:
    """Make the `main` of a script that it decorates end in a line and exit code 2 on what a person can mend."""
    try:
        yield
    except (DPIError, OSError) as error:
        complain(in_a_line(error))
        sys.exit(EXIT_ERROR)


def complain_of_unexpected(error: Exception) -> None:
    """Log an error that was not made for people, with its traceback, and say in one line that it came."""
    log.error("unexpected error", exc_info=error)
    complain(f"an unexpected error, {type(error).__name__}; what was finished is kept.")


class Parser(argparse.ArgumentParser):
    """An argument parser that complains in one line instead of printing its usage."""

    def error(self, message: str) -> NoReturn:
        complain(f"{message}; see {self.prog} --help")
        sys.exit(EXIT_ERROR)
