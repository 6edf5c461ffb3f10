"""The photos that a command line names, in files and folders; what a folder holds besides is told, not passed over."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from dpi_core.commands.console import complain
from dpi_core.errors import DPIError

MOST_NAMED = 20  # names in one line
PART = ".part"  # ends the hidden folder in which a photo's results are written (`commands.outputs`)


class Contents(NamedTuple):
    """The files under a folder: pictures, what cannot be read, and what this program made before."""

    photos: list[Path]
    unread: list[Path]
    made: list[Path]


def named_path(text: str) -> Path:
    """Read a path for argparse; an empty name, which an unset shell variable leaves, is an error, not the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("the name is empty; for the current folder write .")
    return Path(text)


def photos_in(inputs: list[Path], tell: Callable[[str], None] = complain) -> list[Path]:
    """List the files among `inputs`, with folders replaced by the pictures under them.

    Args:
        tell: is given a line for each folder on what it holds that is not read, and on results that it holds.

    Raises:
        ValueError: if an input does not exist or a folder holds no picture.
    """
    from dpi_core.imaging.formats import SUFFIXES

    found: list[Path] = []
    for path in inputs:
        if not path.exists():
            raise DPIError(f"{path}: there is no such file or folder.")
        if not path.is_dir():
            found.append(path)  # named by the user, so taken whatever it is: reading it will tell
            continue
        photos, unread, made = contents_of(path)
        if unread:
            tell(f"{path}: not read, for they are no picture files: {_named(unread, path)}")
        if made:
            tell(f"{path}: not restored again, for this program made them: {_named(made, path)}")
        if not photos:
            raise DPIError(f"{path}: the folder holds no picture ({', '.join(SUFFIXES)}).")
        found += photos
    return found


def contents_of(folder: Path) -> Contents:
    """Sort the files under a folder, in the order of their names."""
    from dpi_core.imaging.pictures import SUFFIXES

    contents = Contents([], [], [])
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts[:-1]
        if path.is_dir() or any(part.startswith(".") and part.endswith(PART) for part in inside):
            continue
        if path.name.startswith(".") and path.suffix.lower() not in SUFFIXES:  # what file managers and git leave
            continue
        if path.suffix.lower() not in SUFFIXES or not path.is_file():  # a link to nothing, a pipe
            contents.unread.append(path)
        else:
            (contents.made if is_result(path) else contents.photos).append(path)
    return contents


def is_result(path: Path) -> bool:
    """Tell whether this program made a picture: its metadata says so, or for a film those of the PNG beside it."""
    from dpi_core.imaging.pictures import read_settings

    if path.suffix.lower() not in (".png", ".gif"):
        return False
    try:
        read_settings(path.with_suffix(".png") if path.suffix.lower() == ".gif" else path)
    except Exception:  # a damaged picture is no result; it will be told of when its turn comes
        return False
    return True


def _named(paths: list[Path], folder: Path) -> str:
    names = ", ".join(str(path.relative_to(folder)) for path in paths[:MOST_NAMED])
    return f"{names} and {len(paths) - MOST_NAMED} more." if len(paths) > MOST_NAMED else f"{names}."
