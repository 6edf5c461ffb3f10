"""A file on the Hugging Face hub, and whether a copy of it here is whole: by the hash that is known, and the hub's own.

The library compares sizes only.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from dpi_core.errors import DPIError
from dpi_core.weights.cache import sha256_of


@dataclass(frozen=True)
class HubFile:
    """A file on the hub: repository, path in it, commit or branch, its SHA-256 where it is known, and who says so."""

    repo: str
    file: str
    revision: str | None = None
    sha256: str | None = None
    known_from: str = "this program knows"

    def __str__(self) -> str:
        return f"{self.repo}/{self.file}"


@dataclass(frozen=True)
class Fetched:
    """A file that arrived whole: where it is, its SHA-256, and the commit it is from."""

    path: Path
    sha256: str
    commit: str


def in_hub_cache(wanted: HubFile) -> Fetched | None:
    """Return the copy in the Hugging Face cache; None if there is none, or not the right one.

    Raises:
        DPIError: on a name that the hub cannot have.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        path = try_to_load_from_cache(wanted.repo, wanted.file, revision=wanted.revision)
    except HFValidationError as error:
        raise DPIError(f"{wanted.repo!r} is no name that the hub has: {error}") from error
    if not isinstance(path, str) or not os.path.exists(path):
        return None
    fetched = as_fetched(Path(path), wanted)
    return None if problem_of(fetched, wanted) else fetched


def as_fetched(path: Path, wanted: HubFile) -> Fetched:
    """Look at a file in a folder that is laid out like the hub's own cache."""
    return Fetched(path, sha256_of(path), path.parents[wanted.file.count("/")].name)  # snapshots/COMMIT/FILE


def problem_of(fetched: Fetched, wanted: HubFile) -> str:
    """Say what is wrong with a file, or nothing: it is held against the known hash and the hub's own, the name of its blob."""
    if wanted.sha256 and fetched.sha256 != wanted.sha256:
        return f"is not the file {wanted.known_from}: SHA-256 {fetched.sha256[:12]}.., expected {wanted.sha256[:12]}..;"
    blob = fetched.path.resolve()
    if len(blob.name) == 64 and blob.name != fetched.sha256:
        return f"arrived damaged: SHA-256 {fetched.sha256[:12]}.., the hub says {blob.name[:12]}..;"
    if len(blob.name) == 40 and blob.name != _git_sha1(blob):  # small files have git's own hash there
        return "arrived damaged: its hash is not the one the hub says;"
    return ""


def _git_sha1(path: Path) -> str:
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
