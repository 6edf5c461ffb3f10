"""What every run on the page checks before it starts, and how an error becomes its last message.

The runs are generators; `with_messages` ends one with a message where it would have raised.
"""

import logging
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from dpi_core.errors import DPIError, of_the_machine
from dpi_core.web.live import failed

log = logging.getLogger("dpi_core.web")

UNEXPECTED = "An unexpected error came in between; your photo and settings are untouched, so try again."
NO_PHOTO = "Choose a photo first, or one of the examples."
REFUSED = "The file is none that was uploaded here, or it is no longer kept; upload it again."
READING = "Reading the photo and loading the models .."

Args = ParamSpec("Args")
Item = TypeVar("Item")


def message_of(error: Exception) -> str:
    """Put an exception into a sentence for people; any but a `DPIError` is logged, and told as unexpected or the machine's."""
    if isinstance(error, DPIError):
        return str(error)
    log.exception("unexpected error", exc_info=error)
    return of_the_machine(error) or UNEXPECTED


def with_messages(generator: Callable[Args, Iterator[Item]]) -> Callable[Args, Iterator[Item | dict[str, Any]]]:
    """Let a run end with a view's failed state where it would raise."""

    @wraps(generator)
    def run(*args: Args.args, **options: Args.kwargs) -> Iterator[Item | dict[str, Any]]:
        try:
            yield from generator(*args, **options)
        except Exception as error:
            yield failed(message_of(error))

    return run


def chosen_photo(photo: str | None) -> str:
    """Return the photo's path; DPIError asks for one where none was chosen, for another upload where it was deleted since."""
    if photo is None:
        raise DPIError(NO_PHOTO)
    return still_kept(photo)


def whole_number(name: str, value: float | None) -> int:
    """Return a number field's value as an int; DPIError names the field otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not float(value).is_integer():
        raise DPIError(f"{name} is {value!r}; allowed is a whole number.")
    return int(value)


def still_kept(path: str) -> str:
    """Return the path of an upload; DPIError with the same sentence where it was deleted since."""
    try:
        kept = Path(path).is_file()
    except (OSError, ValueError):
        kept = False
    if not kept:
        raise DPIError(REFUSED)
    return path
