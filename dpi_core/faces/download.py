"""Files fetched once: a cache folder, a SHA-256 for each, a short timeout, nothing left behind by a failure.

A file counts as cached only while its SHA-256 fits. A fetch runs in a thread of its own, so a caller waits as long as
it cares to; its outcome, good or bad, is kept for the process, so an unreachable host is tried once.
"""

import hashlib
import os
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO

from dpi_core.errors import DPIError
from dpi_core.weights.environment import cache_folder, offline

__all__ = ["Fetching", "RemoteFile", "cache_folder", "cached", "fetch", "fetching", "offline", "under_way"]

TIMEOUT = 4.0  # seconds, to connect and for every read
CHUNK = 1 << 16
STALE = 3600.0  # seconds after which a partial file belongs to a process that is gone


@dataclass(frozen=True)
class RemoteFile:
    """A file on the net: its name in the cache, the addresses to try, its SHA-256 (or its first digits), its limit."""

    name: str
    urls: tuple[str, ...]
    sha256: str
    max_bytes: int


def cached(file: RemoteFile, folder: Path) -> Path | None:
    """Where the file lies in `folder`, or None while it is not there or is not the right one."""
    path = folder / file.name
    try:
        status = path.stat()
    except OSError:
        return None
    return path if _sha256_of(path, status.st_size, status.st_mtime_ns).startswith(file.sha256) else None


def fetch(file: RemoteFile, folder: Path) -> Path:
    """Download now and return the path.

    Raises:
        ValueError: in one line, when no address gave the right file; nothing is left in `folder` then.
    """
    problem = "no address is known"
    for url in file.urls:
        try:
            return _fetch_from(url, file, folder)
        except (OSError, HTTPException, ValueError) as error:  # URLError and timeouts are OSErrors
            problem = f"{url.split('/')[2]}: {getattr(error, 'reason', error)}"
    raise DPIError(f"{file.name} could not be downloaded ({problem}).")


@dataclass(frozen=True)
class Fetching:
    """A download under way or over: its outcome, and when it began (`time.monotonic`)."""

    future: "Future[Path]"
    began: float

    def result(self, seconds: float | None = None) -> Path:
        """The file's path, waiting while the download is younger than `seconds` (None: until it ends).

        Raises:
            ValueError: if it failed.
            TimeoutError: if it is still under way.
        """
        left = None if seconds is None else max(0.0, seconds - (time.monotonic() - self.began))
        try:
            return self.future.result(left)
        except FutureTimeout as error:  # a class of its own before Python 3.11
            raise TimeoutError("the download is still under way") from error

    def failed(self) -> bool:
        """Whether it is over and gave no file."""
        return self.future.done() and self.future.exception() is not None


_LOCK = threading.Lock()
_STARTED: dict[tuple[RemoteFile, Path], Fetching] = {}  # one try for each file and process


def under_way(file: RemoteFile, folder: Path) -> Fetching | None:
    """The download of this file that this process has started, if it has."""
    return _STARTED.get((file, folder))


def fetching(file: RemoteFile, folder: Path) -> Fetching:
    """The one download of this file into this folder that this process tries, started in the background.

    The thread ends with the process: only a process that lives on should start a large file without waiting for it.
    """
    with _LOCK:
        return _STARTED.get((file, folder)) or _started(file, folder)


def _started(file: RemoteFile, folder: Path) -> Fetching:
    future: Future[Path] = Future()

    def work() -> None:
        try:
            future.set_result(fetch(file, folder))
        except Exception as error:
            future.set_exception(error)

    threading.Thread(target=work, name=f"fetch {file.name}", daemon=True).start()
    _STARTED[file, folder] = Fetching(future, time.monotonic())
    return _STARTED[file, folder]


def _fetch_from(url: str, file: RemoteFile, folder: Path) -> Path:
    request = urllib.request.Request(url, headers={"User-Agent": "dpi_core"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(f"{file.name}.*.part"):
            if time.time() - left.stat().st_mtime > STALE:
                left.unlink(missing_ok=True)
        handle, partial = tempfile.mkstemp(prefix=f"{file.name}.", suffix=".part", dir=folder)
        try:
            with os.fdopen(handle, "wb") as out:
                _copy_checked(answer, out, file)
            os.replace(partial, folder / file.name)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
    return folder / file.name


def _copy_checked(answer: BinaryIO, out: BinaryIO, file: RemoteFile) -> None:
    digest, count = hashlib.sha256(), 0
    while chunk := answer.read(CHUNK):
        count += len(chunk)
        if count > file.max_bytes:
            raise DPIError(f"it is larger than the {file.max_bytes} bytes expected")
        digest.update(chunk)
        out.write(chunk)
    if not digest.hexdigest().startswith(file.sha256):
        raise DPIError(f"it has SHA-256 {digest.hexdigest()[:12]}.., expected {file.sha256[:12]}..")


@cache
def _sha256_of(path: Path, size: int, modified: int) -> str:
    """`size` and `modified` make a changed file a different question."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
