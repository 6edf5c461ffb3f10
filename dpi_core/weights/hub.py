"""One file from the Hugging Face hub: resumed where it broke off, even by an earlier process, checked, never half there.

The hub's library knows the addresses, tokens, headers and errors (`hub_client`), but begins every download anew after a
restart. So the bytes are moved here: ask what the file is (HEAD), check the disk, go on at the end of what is there
(Range), try again with longer and longer waits while the trouble may pass, and give the file out only when its size and
hash are right.

What arrives lies in ``NAME.ETAG.part``: bytes of another version of the file are never gone on with.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from dpi_core.errors import DPIError
from dpi_core.weights.cache import sha256_of
from dpi_core.weights.download_progress import Progress
from dpi_core.weights.environment import offline
from dpi_core.weights.hub_client import HubFile, MissingFileError, PassingError, endpoint, metadata, stream

__all__ = ["Fetched", "HubFile", "MissingFileError", "fetch_steps"]

ATTEMPTS = 6  # without a byte gained in between
WAIT = 1.0  # seconds before the second attempt; doubled for every other one
LONGEST_WAIT = 16.0
EVERY = 0.2  # seconds between two reports


@dataclass(frozen=True)
class Fetched:
    """A file that arrived whole: where it is, its SHA-256, and the commit it is from."""

    path: Path
    sha256: str
    commit: str | None


def fetch_steps(wanted: HubFile, folder: Path, room: float = 1.0) -> Iterator[Progress | Fetched]:
    """Fetch a file into `folder`: yields how far it is and, last, the file.

    A copy in the Hugging Face cache is taken as it is, if its hash is right.

    Args:
        room: how many times its size the disk must hold: 2.0 if a converted copy is to be made of it.

    Raises:
        MissingFileError: if the repository does not hold the file.
        ValueError: in a sentence, if it cannot be had, is not the right one or would not fit on the disk.
    """
    copy = _in_hub_cache(wanted)
    if copy is not None:
        yield copy
        return
    if offline():
        raise DPIError(
            f"{wanted} is not on this machine and downloads are switched off (HF_HUB_OFFLINE, DPI_CORE_OFFLINE). Switch "
            "them on once, or give the path of a folder or checkpoint you have."
        )
    try:
        yield from _fetch(wanted, folder, room)
    except OSError as error:
        raise DPIError(
            f"{wanted} could not be written to {folder} ({error.strerror or error}). Make room there or set DPI_CORE_CACHE."
        ) from error


def _fetch(wanted: HubFile, folder: Path, room: float) -> Iterator[Progress | Fetched]:
    what = f"Downloading {wanted.file}"
    yield Progress(what)
    meta = yield from _patiently(wanted, lambda: metadata(wanted))
    if wanted.sha256 and _is_sha256(meta.etag) and meta.etag != wanted.sha256:
        raise DPIError(f"{wanted} {_not_expected(meta.etag, wanted)} nothing was downloaded.")
    folder.mkdir(parents=True, exist_ok=True)
    stem = wanted.file.replace("/", "--")
    part = folder / f"{stem}.{(meta.etag or meta.commit_hash or 'unknown')[:16]}.part"
    for other in folder.glob(f"{stem}.*.part"):
        if other != part:
            other.unlink()
    pinned = replace(wanted, revision=meta.commit_hash or wanted.revision)
    for fresh in (False, True):  # a part that turns out wrong is worth one download from the start
        if fresh:
            part.unlink(missing_ok=True)
        _check_room(wanted, folder, meta.size, _length(part), room)
        yield from _download(pinned, part, meta.size, what)
        found = sha256_of(part)
        problem = _problem(part, found, meta.etag, wanted)
        if not problem:
            yield Fetched(part, found, meta.commit_hash)
            return
    part.unlink(missing_ok=True)
    raise DPIError(f"{wanted} {problem} nothing of it was kept. Try again later.")


def _download(wanted: HubFile, part: Path, size: int | None, what: str) -> Iterator[Progress]:
    """Append to `part` until it has `size` bytes, or what the server says is the end of the file."""
    began, at_start = time.monotonic(), _length(part)
    attempt, reported = 1, 0.0
    while True:
        start = _length(part)
        try:
            if size is not None and start >= size:
                return
            for done in stream(wanted, part, start):
                if time.monotonic() - reported >= EVERY:
                    reported = time.monotonic()
                    pace = (done - at_start) / max(reported - began, 1e-3)
                    yield Progress(what, done, size, (size - done) / pace if size and pace > 0 else None)
            if size is None or _length(part) >= size:
                return
            raise PassingError("the connection ended early")
        except PassingError as error:
            attempt = 1 if _length(part) > start else attempt
            yield from _wait(wanted, attempt, error)
            attempt += 1


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _patiently(wanted: HubFile, ask):
    """What `ask` answers, asked again while it meets `PassingError`; yields what it waits for."""
    attempt = 1
    while True:
        try:
            return ask()
        except PassingError as error:
            yield from _wait(wanted, attempt, error)
            attempt += 1


def _wait(wanted: HubFile, attempt: int, error: Exception) -> Iterator[Progress]:
    if attempt >= ATTEMPTS:
        raise DPIError(
            f"{wanted} could not be downloaded from {endpoint() or 'the hub'} in {ATTEMPTS} attempts ({error}). What has "
            "arrived is kept: try again later, or give the path of a folder or checkpoint you have."
        ) from error
    seconds = min(WAIT * 2 ** (attempt - 1), LONGEST_WAIT)
    yield Progress(f"Download of {wanted.file}: {error}; trying again in {seconds:.0f} s (attempt {attempt + 1})")
    time.sleep(seconds)


def _check_room(wanted: HubFile, folder: Path, size: int | None, had: int, room: float) -> None:
    needed, free = int((size or 0) * room) - had, shutil.disk_usage(folder).free
    if needed > free:
        raise DPIError(
            f"{wanted} needs {needed / 1e6:.0f} MB in {folder}, where {free / 1e6:.0f} MB are free. Make room or set "
            "DPI_CORE_CACHE to a folder on a larger disk."
        )


def _problem(part: Path, found: str, etag: str | None, wanted: HubFile) -> str:
    """What is wrong with a file that arrived, or nothing: it is held against the known hash and the hub's own."""
    if wanted.sha256 and found != wanted.sha256:
        return _not_expected(found, wanted)
    if _is_sha256(etag) and found != etag:
        return f"arrived damaged: SHA-256 {found[:12]}.., the hub says {str(etag)[:12]}..;"
    if etag and len(etag) == 40 and _git_sha1(part) != etag:  # small files have git's own hash there
        return "arrived damaged: its hash is not the one the hub says;"
    return ""


def _not_expected(found: str | None, wanted: HubFile) -> str:
    return f"is not the file {wanted.known_from}: SHA-256 {str(found)[:12]}.., expected {str(wanted.sha256)[:12]}..;"


def _is_sha256(etag: str | None) -> bool:
    return etag is not None and len(etag) == 64


def _git_sha1(path: Path) -> str:
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _in_hub_cache(wanted: HubFile) -> Fetched | None:
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(wanted.repo, wanted.file, revision=wanted.revision)
    if not isinstance(path, str) or not os.path.exists(path):
        return None
    found, blob = sha256_of(Path(path)), Path(path).resolve().name
    if _problem(Path(path), found, blob if len(blob) in (40, 64) else None, wanted):
        return None
    return Fetched(Path(path), found, Path(path).parents[wanted.file.count("/")].name)  # snapshots/COMMIT/FILE
