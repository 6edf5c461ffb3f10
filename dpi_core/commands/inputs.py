"""The photos that a command line names: files and folders found, worked on one by one, and names for what they become."""

import argparse
from collections.abc import Callable, Iterator
from itertools import chain, count
from pathlib import Path

from dpi_core.commands.console import EXIT_ERROR, EXIT_UNEXPECTED, complain, complain_of_unexpected
from dpi_core.errors import DPIError

LISTED = 20  # files of a folder that are no pictures


def named_path(text: str) -> Path:
    """A path as argparse reads it; an empty name, which an unset shell variable leaves, is not the current folder.

    Raises:
        argparse.ArgumentTypeError: if it is empty.
    """
    if not text:
        raise argparse.ArgumentTypeError("the name is empty; for the current folder write .")
    return Path(text)


def photos_in(inputs: list[Path]) -> list[Path]:
    """The files among `inputs`, with folders replaced by the pictures under them; what else they hold is listed on stderr.

    Raises:
        ValueError: if an input does not exist or a folder holds no picture.
    """
    from dpi_core.imaging.formats import SUFFIXES

    found: list[Path] = []
    for path in inputs:
        if not path.exists():
            raise DPIError(f"{path}: there is no such file or folder.")
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else []
        inside = [p for p in files if p.suffix.lower() in SUFFIXES] if path.is_dir() else [path]
        if not inside:
            raise DPIError(f"{path}: the folder holds no picture ({', '.join(SUFFIXES)}).")
        if others := [
            str(p.relative_to(path)) for p in files if p.suffix.lower() not in SUFFIXES and not p.name.startswith(".")
        ]:
            more = f" and {len(others) - LISTED} more" if len(others) > LISTED else ""
            complain(f"{path}: not read, since their names are no picture's: {', '.join(others[:LISTED])}{more}")
        found += inside
    return found


def each_photo(photos: list[Path], work: Callable[[Path], None]) -> int:
    """Do the work for every photo, going on after one that cannot be used; returns the exit code."""
    code = 0
    for photo in photos:
        try:
            work(photo)
        except DPIError as error:
            complain(str(error) if photo.name in str(error) or len(photos) == 1 else f"{photo}: {error}")
            code = code or EXIT_ERROR
        except OSError:
            raise  # a full disk, or a folder that takes no file: the next photo would fare no better
        except Exception as error:
            complain_of_unexpected(error, f"{photo}: ")
            code = EXIT_UNEXPECTED
    return code


def output_names(photos: list[Path]) -> Iterator[str]:
    """A name for what each photo becomes: its stem, with a number behind it where another photo has taken that."""
    taken: set[str] = set()
    for photo in photos:
        name = next(n for n in chain([photo.stem], (f"{photo.stem}-{i}" for i in count(2))) if n not in taken)
        taken.add(name)
        yield name
