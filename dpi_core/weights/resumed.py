"""A large file of the hub, piece by piece into the place where the hub's library looks for it.

The library goes on after a dropped connection, but throws away what it has when it gives up, and tells of what arrives by tens
of megabytes. Here what has arrived stays, under the SHA-256 that the hub gives the file, and the next attempt goes on from it.
"""

import errno
import os
import shutil
import socket
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from dpi_core.weights.environment import hub_endpoint

TRIES = 5  # in a row that bring nothing
PAUSE = 1.0  # seconds between two
BUSY = (408, 429)  # what the library, too, asks again after
NO_WAY = (errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH)
SHA256_DIGITS = 64


def fetch_blob(
    repo: str,
    file: str,
    revision: str | None,
    folder: Path,
    failures: tuple[type[Exception], ...],
    expect: Callable[[int, int], None],
    arrived: Callable[[int], None],
) -> None:
    """Fetch a file that the hub knows by its SHA-256 into its library's cache `folder`; others are left to the library.

    Args:
        failures: what the HTTP client raises when a connection fails.
        expect: told once the bytes in all, and those that an earlier attempt left.
        arrived: told every piece's bytes; what it raises ends the download.

    Raises:
        Exception: one of `failures`, or the library's own for what the server answers; and OSError.
    """
    from huggingface_hub import constants, get_hf_file_metadata, get_session, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.file_download import repo_folder_name
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

    place = folder / repo_folder_name(repo_id=repo, repo_type="model")
    url = hf_hub_url(repo, file, revision=revision, endpoint=hub_endpoint())
    if (place / "snapshots" / str(revision) / file).exists():  # of a commit, which does not change
        return
    part, tries, most = None, 0, 0
    while True:
        try:
            known = get_hf_file_metadata(url, endpoint=hub_endpoint())  # each time: the address it gives is soon void
            if known.size is None or known.etag is None or len(known.etag) != SHA256_DIGITS:
                return
            whole = place / "blobs" / known.etag
            if whole.exists():
                return
            if part is None:
                part = _begun(whole)
                expect(known.size, _size(part))
            here = _size(part)
            if here < known.size:
                asked = {"Accept-Encoding": "identity", **({"Range": f"bytes={here}-"} if here else {})}
                if urlsplit(known.location).netloc == urlsplit(url).netloc:
                    asked = build_hf_headers(headers=asked)  # the token stays with the hub
                timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
                with get_session().stream("GET", known.location, headers=asked, timeout=timeout) as answer:
                    hf_raise_for_status(answer)
                    ranged = answer.status_code == 206
                    if here and not ranged:  # the whole file again
                        arrived(-here)
                    with part.open("ab" if ranged else "wb") as written:
                        for piece in answer.iter_bytes():
                            written.write(piece)
                            arrived(len(piece))
                            if written.tell() > most:
                                most, tries = written.tell(), 0
            if _size(part) >= known.size:  # where there is more, its hash will tell
                os.replace(part, whole)
                return
            if tries >= TRIES:
                raise ConnectionError(f"{TRIES} answers in a row ended without a byte more")
        except HfHubHTTPError as error:
            status = error.response.status_code
            if part is None and (status in BUSY or status >= 500):
                return  # the library waits for as long as the server says, and says what is wrong
            if status not in BUSY or tries >= TRIES:
                raise
        except failures as error:
            if tries >= TRIES or (part is None and out_of_reach(error)):
                raise
        tries += 1
        time.sleep(PAUSE)


def out_of_reach(error: BaseException | None) -> bool:
    """Tell whether a connection failed since there is no network, or no host of that name in it."""
    while error is not None:
        if isinstance(error, socket.gaierror) or getattr(error, "errno", None) in NO_WAY:
            return True
        error = error.__cause__ or error.__context__
    return False


def _begun(whole: Path) -> Path:
    """Name a file of this attempt's own, with what an earlier one left of `whole`.

    A copy, for the thread of an attempt that was stopped may have a piece still to write.
    """
    whole.parent.mkdir(parents=True, exist_ok=True)
    earlier = sorted(whole.parent.glob(f"{whole.name}.*.part"), key=_size)
    own = whole.with_suffix(f".{uuid.uuid4().hex[:8]}.part")
    if earlier:
        shutil.copyfile(earlier[-1], own)
    for left in earlier:
        left.unlink(missing_ok=True)
    return own


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
