"""How a command line fails.

What a person can mend is one line on stderr that says what was wrong and what is allowed, and exit code 2; anything else is
logged with its traceback, told as unexpected, and exit code 70.
"""

import argparse
import logging
import sys
from typing import NoReturn

EXIT_ERROR = 2
EXIT_UNEXPECTED = 70  # EX_SOFTWARE of sysexits.h

log = logging.getLogger("dpi_core")


def complain(message: str) -> None:
    """Print a message as one line on stderr."""
    print("dpi_core:", " ".join(message.split()), file=sys.stderr)


def complain_of_unexpected(error: Exception, where: str = "") -> None:
    """Log an error that was not made for people, with its traceback, and say in one line that it came."""
    log.error("unexpected error", exc_info=error)
    complain(f"{where}an unexpected error, {type(error).__name__}; what was finished is kept.")


class Parser(argparse.ArgumentParser):
    """An argument parser that complains in one line instead of printing its usage."""

    def error(self, message: str) -> NoReturn:
        complain(f"{message}; see {self.prog} --help")
        sys.exit(EXIT_ERROR)
