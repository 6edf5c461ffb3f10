"""What was fetched: one folder for each prior, with a manifest that holds the SHA-256 of every file in it.

A folder is written elsewhere, its manifest last, and moved into place in one step, so it is there whole or not at all. It is
trusted only while every file has the hash of the manifest: one that is truncated or tampered with counts as missing, and
is made anew. Hashes of downloads that no spec knows are recorded beside the folders, and outlive them.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote

from dpi_core.weights.environment import cache_folder

MANIFEST = "manifest.json"
CHUNK = 1 << 20


def priors_folder() -> Path:
    """Return the folder where priors are cached."""
    return cache_folder() / "priors"


@dataclass(frozen=True)
class Entry:
    """A cached prior by its name, be it there or not."""

    name: str

    @property
    def _key(self) -> str:
        return quote(self.name, safe="@")  # no slashes, and the name can be had back

    @property
    def folder(self) -> Path:
        """The folder of the prior, in diffusers' layout."""
        return priors_folder() / self._key

    @property
    def downloads(self) -> Path:
        """The folder in which what it is made of arrives; an interrupted download keeps the files that are whole."""
        return priors_folder() / f"{self._key}.download"

    @property
    def lock(self) -> Path:
        """The file that whoever writes the entry locks."""
        return priors_folder() / f"{self._key}.lock"

    @property
    def record(self) -> Path:
        """The hashes found at the first download."""
        return priors_folder() / f"{self._key}.sha256.json"

    def sound(self) -> bool:
        """Tell whether the folder is there and every file is the one that was written."""
        try:
            files = json.loads((self.folder / MANIFEST).read_text())["files"]
            return bool(files) and all(_sha256(self.folder / file) == found for file, found in files.items())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False

    def store(self, write: Callable[[Path], object]) -> Path:
        """Let `write` fill a folder, then put it in place whole, with its manifest; what was there before goes."""
        priors_folder().mkdir(parents=True, exist_ok=True)
        for left in priors_folder().glob(f"{self._key}.*.new"):  # by a process that was killed: this one has the lock
            shutil.rmtree(left, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix=f"{self._key}.", suffix=".new", dir=priors_folder()))
        try:
            write(fresh)
            files = {
                path.relative_to(fresh).as_posix(): sha256_of(path)
                for path in sorted(fresh.rglob("*"))
                if path.is_file()
            }
            (fresh / MANIFEST).write_text(json.dumps({"files": files}, indent=1) + "\n")
            fresh.chmod(0o755)
            self.discard()
            os.replace(fresh, self.folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(self.downloads, ignore_errors=True)
        return self.folder

    def discard(self) -> None:
        """Remove the folder, if it is there; what was recorded stays."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def recorded(self) -> dict[str, str]:
        """Read the SHA-256 by file name, as found at the first download."""
        try:
            return dict(json.loads(self.record.read_text()))
        except (OSError, ValueError, TypeError):
            return {}

    def remember(self, file: str, sha256: str) -> None:
        """Record the hash of a download, if it is the first of that file."""
        known = self.recorded()
        if file not in known:
            fresh = self.record.with_suffix(".new")
            fresh.write_text(json.dumps({**known, file: sha256}, indent=1) + "\n")
            os.replace(fresh, self.record)

    def size(self) -> int:
        """Count the bytes the entry takes on the disk, an unfinished download included."""
        files = [path for folder in (self.folder, self.downloads) for path in folder.rglob("*") if path.is_file()]
        return sum(path.stat().st_size for path in files if not path.is_symlink())


def cached_names() -> Iterator[str]:
    """Yield the names of the priors in the cache, whole or under way; of what brought nothing there may be an empty folder."""
    folders = sorted(path.name for path in priors_folder().glob("*") if path.is_dir() and path.suffix != ".new")
    names = dict.fromkeys(unquote(name.removesuffix(".download")) for name in folders)
    yield from (name for name in names if Entry(name).size())


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    status = path.stat()
    return _sha256_at(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@cache
def _sha256_at(path: Path, size: int, modified: int, changed: int) -> str:
    """Remember the hash; the last three make a changed file a different question."""
    return sha256_of(path)
