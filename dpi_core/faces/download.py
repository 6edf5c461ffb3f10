"""Plain files fetched once by `torch.hub.download_url_to_file`, in a thread of its own, and trusted by their SHA-256.

Its outcome, good or bad, is kept for the process, so an unreachable host is tried once.
"""

import hashlib
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException
from pathlib import Path

from dpi_core.errors import DPIError
from dpi_core.weights.environment import offline

__all__ = ["RemoteFile", "cached", "fetch", "fetching", "offline", "under_way"]


@dataclass(frozen=True)
class RemoteFile:
    """A file on the net: its name in the cache, its address, its SHA-256 or the first digits of it."""

    name: str
    url: str
    sha256: str


def cached(file: RemoteFile, folder: Path) -> Path | None:
    """Find the file in `folder`; None while it is not there or is not the right one."""
    path = folder / file.name
    try:
        status = path.stat()
    except OSError:
        return None
    return path if _sha256_of(path, status.st_size, status.st_mtime_ns).startswith(file.sha256) else None


def fetch(file: RemoteFile, folder: Path) -> Path:
    """Download now and return the path.

    Raises:
        ValueError: in one line, if the right file cannot be had; nothing is left in `folder` then.
    """
    from torch.hub import download_url_to_file

    try:
        folder.mkdir(parents=True, exist_ok=True)
        download_url_to_file(file.url, str(folder / file.name), file.sha256, progress=False)
    except (OSError, HTTPException, RuntimeError) as error:  # URLError is an OSError, another hash a RuntimeError
        raise DPIError(f"{file.name} could not be downloaded ({getattr(error, 'reason', error)}).") from error
    return folder / file.name


_LOCK = threading.Lock()
_STARTED: dict[tuple[RemoteFile, Path], "Future[Path]"] = {}  # one try for each file and process


def under_way(file: RemoteFile, folder: Path) -> "Future[Path] | None":
    """Return the download of this file that this process has started, if it has."""
    return _STARTED.get((file, folder))


def fetching(file: RemoteFile, folder: Path) -> "Future[Path]":
    """Start the one download of this file into this folder that this process tries; return what will hold its path.

    The thread ends with the process: only a process that lives on should start a large file without waiting for it.
    """
    with _LOCK:
        if (file, folder) not in _STARTED:
            future: Future[Path] = Future()

            def work() -> None:
                try:
                    future.set_result(fetch(file, folder))
                except Exception as error:
                    future.set_exception(error)

            threading.Thread(target=work, name=f"fetch {file.name}", daemon=True).start()
            _STARTED[file, folder] = future
        return _STARTED[file, folder]


@cache
def _sha256_of(path: Path, size: int, modified: int) -> str:
    """`size` and `modified` make a changed file a different question."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
