"""Talking to the Hugging Face hub: its library's addresses, tokens and headers; its errors as sentences.

Two kinds of trouble: what may pass (`PassingError`: a dropped connection, a busy server), and what will not (`DPIError`).
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from dpi_core.errors import DPIError

if TYPE_CHECKING:
    from huggingface_hub.file_download import HfFileMetadata

TIMEOUT = 15.0  # seconds, to connect and for every read
PASSING = {408, 425, 429, 500, 502, 503, 504}


class MissingFileError(DPIError):
    """The repository is there, the file is not."""


class PassingError(Exception):
    """Trouble that may be over soon."""


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


def stream(wanted: HubFile, part: Path, start: int) -> Iterator[int]:
    """One request for the bytes from `start` on; yields the length of `part` after every piece."""
    from huggingface_hub import get_session
    from huggingface_hub.utils import build_hf_headers

    headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        with get_session().stream(
            "GET", _url(wanted), headers=headers, timeout=TIMEOUT, follow_redirects=True
        ) as answer:
            if answer.status_code == 416:
                part.unlink(missing_ok=True)
                raise PassingError("the server has no such bytes")
            if answer.status_code >= 400:
                raise _refusal(wanted, answer.status_code, answer.headers.get("X-Error-Code"))
            resumed = answer.status_code == 206
            with part.open("ab" if resumed else "wb") as out:
                for chunk in answer.iter_raw():  # as they come: pieces of a fixed size are lost half full
                    out.write(chunk)
                    yield out.tell()
    except _transport_errors() as error:
        raise PassingError(str(error) or type(error).__name__) from error


def metadata(wanted: HubFile) -> "HfFileMetadata":
    from huggingface_hub import get_hf_file_metadata
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return get_hf_file_metadata(_url(wanted), timeout=TIMEOUT, endpoint=endpoint())
    except HfHubHTTPError as error:
        raise _refusal(wanted, error.response.status_code, error.response.headers.get("X-Error-Code")) from error
    except _transport_errors() as error:
        raise PassingError(str(error) or type(error).__name__) from error


def _refusal(wanted: HubFile, status: int, code: str | None) -> Exception:
    """What an error of the server means."""
    if status in PASSING:
        return PassingError(f"the server answered {status}")
    if status == 404 and code in (None, "EntryNotFound"):
        return MissingFileError(f"{wanted}: the hub has no such file (404).")
    if status == 404 and code == "RevisionNotFound":
        return DPIError(f"{wanted.repo} has no revision {wanted.revision!r} on the hub.")
    if status in (401, 403, 404):
        return DPIError(
            f"{wanted.repo} is not on the hub, or is private or gated ({status}). Check its name; for a private or gated "
            "one accept its terms on the hub and run `hf auth login`, or set HF_TOKEN."
        )
    return DPIError(f"{wanted} could not be downloaded: the server answered {status}.")


def endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT") or None


def _url(wanted: HubFile) -> str:
    from huggingface_hub import hf_hub_url

    try:
        return hf_hub_url(wanted.repo, wanted.file, revision=wanted.revision, endpoint=endpoint())
    except ValueError as error:
        raise DPIError(f"{wanted.repo!r} is no name that the hub has: {error}") from error


def _transport_errors() -> tuple[type[Exception], ...]:
    """What the hub's HTTP client raises when a connection fails; which client it is depends on the library's version."""
    found: list[type[Exception]] = [ConnectionError, TimeoutError]
    for name in ("httpx2", "httpx"):
        try:
            found.append(import_module(name).TransportError)
        except ImportError:
            continue
    return tuple(found)
