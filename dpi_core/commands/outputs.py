"""Where a photo's results go: names that nothing else has, files that are whole or not there, and what is done already.

Every PNG carries its **job**: a hash of the source, what was asked, and the names of all files made of it. So a name is
known to be free, taken by another job or this job's own, and a job to be done, without any other record.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import Any

from dpi_core.commands.inputs import PART

MOST_BYTES = 190  # of a name's 255: the rest is for the number, the face, the seed and the suffix
RESULT = re.compile(r"(.+)-(?:face\d+|photo)-seed\d+\.(?:png|gif|mp4)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Job:
    """One photo of a batch.

    Attributes:
        photo: the source.
        name: what the names of its results begin with.
        record: what its PNGs carry: the source's SHA-256 and what was asked.
        done: the files of its results, where they are there already.
    """

    photo: Path
    name: str
    record: dict[str, Any]
    done: tuple[Path, ...] = ()


@dataclass
class Outputs:
    """The results in a folder, and the names that a batch gives to new ones.

    Args:
        folder: where results are written.
        asked: what is asked of every photo, ready for JSON.
        overwrite: make everything again, over what is there.
    """

    folder: Path
    asked: dict[str, Any]
    overwrite: bool = False
    _taken: set[str] = field(default_factory=set)
    _there: dict[str, list[Path]] = field(default_factory=dict)
    _jobs: dict[Path, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in sorted(self.folder.iterdir()) if self.folder.is_dir() else ():
            found = RESULT.fullmatch(path.name)
            if found:
                self._there.setdefault(found[1].casefold(), []).append(path)

    def job(self, photo: Path) -> Job:
        """Make the job of the next photo: its name is its stem, with a number behind it where another job has taken that."""
        record = {"source": digest(photo), "asked": self.asked}
        stem = shortened(photo.stem)
        for name in chain([stem], (f"{stem}-{number}" for number in count(2))):
            key = name.casefold()  # some file systems take X and x for one name
            there = self._there.get(key, [])
            own = [path for path in there if self._made_by(path, record)]
            if key not in self._taken and (self.overwrite or own or not there):
                self._taken.add(key)
                return Job(photo, name, record, () if self.overwrite else self._whole(own))
        raise AssertionError("one of endless names is free")

    def _job_of(self, path: Path) -> dict[str, Any]:
        if path not in self._jobs:
            self._jobs[path] = job_of(path)
        return self._jobs[path]

    def _made_by(self, path: Path, record: dict[str, Any]) -> bool:
        found = self._job_of(path.with_suffix(".png"))  # a film's job is that of the face beside it
        return record["source"] is not None and {name: found.get(name) for name in record} == record

    def _whole(self, own: list[Path]) -> tuple[Path, ...]:
        """List all files of the job that made those, or none if one is missing."""
        named = self._job_of(own[0].with_suffix(".png")).get("files", []) if own else []
        present = {path.name for path in own}
        return tuple(self.folder / name for name in named) if present.issuperset(named) else ()


def job_of(path: Path) -> dict[str, Any]:
    """Read the job that a PNG carries; empty if it carries none."""
    from dpi_core.imaging.pictures import read_settings

    try:
        settings = read_settings(path)
    except Exception:  # not there, damaged, no PNG, or not this program's
        return {}
    found = settings.get("job") if isinstance(settings, dict) else None
    return found if isinstance(found, dict) else {}


def digest(photo: Path) -> str | None:
    """Compute the SHA-256 of a file in hexadecimal; None if it cannot be read, which reading it as a picture will tell."""
    found = hashlib.sha256()
    try:
        with photo.open("rb") as file:
            while block := file.read(1 << 20):
                found.update(block)
    except OSError:
        return None
    return found.hexdigest()


def unused(path: Path) -> Path:
    """Return a path, or that with the first number behind its stem that is not there yet."""
    numbered = (path.with_stem(f"{path.stem}-{number}") for number in count(2))
    return next(candidate for candidate in chain([path], numbered) if not candidate.exists())


def shortened(stem: str) -> str:
    """Cut a stem to `MOST_BYTES` bytes of the file system's, between characters."""
    while len(os.fsencode(stem)) > MOST_BYTES:
        stem = stem[:-1]
    return stem


@contextmanager
def written_whole(out: Path, name: str) -> Iterator[Path]:
    """Lend a hidden folder in `out` for the files of one photo; they move to `out` at the end, unless something was raised.

    Each is there whole or not at all, PNGs, which say what belongs together, last.
    """
    folder = out / f".{name}{PART}"
    shutil.rmtree(folder, ignore_errors=True)  # what a killed run left
    folder.mkdir()  # without its parents: an `out` that this machine does not share is no place for results
    try:
        yield folder
        for path in sorted(folder.iterdir(), key=lambda path: (path.suffix == ".png", path.name)):
            os.replace(path, out / path.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
