"""The command line: ``dpi restore photo.jpg -o out/``, or ``python -m dpi_core`` where it is not installed.

Errors are one line on stderr and exit code 2, or 70 for those that nobody expected; 1 where some photos of several failed.
"""

import sys
from pathlib import Path

from dpi_core import __version__
from dpi_core.commands.compare import add_compare
from dpi_core.commands.console import (
    EXIT_ERROR,
    EXIT_UNEXPECTED,
    Parser,
    complain,
    complain_of_unexpected,
    in_a_line,
    print_anything,
)
from dpi_core.commands.detect_faces import add_detect
from dpi_core.commands.list_priors import add_priors
from dpi_core.commands.restore import add_restore
from dpi_core.commands.space import add_space
from dpi_core.errors import DPIError, of_the_machine


def main(argv: list[str] | None = None) -> int:
    """Run one subcommand; returns the exit code."""
    print_anything()
    args = parser().parse_args(argv)
    try:
        return args.run(args)
    except (DPIError, OSError) as error:
        complain(in_a_line(error))
    except Exception as error:
        lacking = of_the_machine(error)
        if not lacking:
            complain_of_unexpected(error)
            return EXIT_UNEXPECTED
        complain(lacking)
    except KeyboardInterrupt:
        complain("interrupted; what was finished is kept.")
    return EXIT_ERROR


def parser() -> Parser:
    """Make the parser of every subcommand; what it returns has the subcommand as `run`."""
    name = "dpi" if Path(sys.argv[0]).stem == "dpi" else "python -m dpi_core"
    top = Parser(prog=name, description="Face super-resolution (DPI).")
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    add_restore(commands)
    add_compare(commands)
    add_detect(commands)
    add_priors(commands)
    add_space(commands)
    return top


if __name__ == "__main__":
    sys.exit(main())
