"""How a command line fails: one line on stderr that says what was wrong and what is allowed, and exit code 2."""

import argparse
import sys
from typing import NoReturn

EXIT_ERROR = 2


def complain(message: str) -> None:
    """Print a message as one line on stderr."""
    print("dpi_core:", " ".join(message.split()), file=sys.stderr)


class Parser(argparse.ArgumentParser):
    """An argument parser that complains in one line instead of printing its usage."""

    def error(self, message: str) -> NoReturn:
        complain(f"{message}; see {self.prog} --help")
        sys.exit(EXIT_ERROR)
