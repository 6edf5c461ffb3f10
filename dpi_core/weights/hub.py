"""One file from the Hugging Face hub by its own `hf_hub_download`: progress as a generator, errors as sentences.

The library moves a file into place whole; its hashes are looked after in `dpi_core.weights.hub_file`. Large files come by
`dpi_core.weights.resumed`, so that a download that was stopped goes on.
"""

import re
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from importlib import import_module
from pathlib import Path

from dpi_core.errors import DPIError
from dpi_core.weights.download_progress import Progress
from dpi_core.weights.environment import hub_endpoint, offline
from dpi_core.weights.hub_file import Fetched, HubFile, as_fetched, in_hub_cache, problem_of
from dpi_core.weights.resumed import fetch_blob, out_of_reach

EVERY = 0.2  # seconds between two reports
QUIET = 5.0  # seconds in which nothing arrives until that is said


class MissingFileError(DPIError):
    """The repository is there, the file is not."""


def fetch_steps(wanted: HubFile, folder: Path, room: float = 1.0) -> Iterator[Progress | Fetched]:
    """Fetch a file into `folder`, yield how far it is and, last, the file; closing the generator stops the download.

    A copy in the Hugging Face cache is taken as it is, if its hash is right.

    Args:
        folder: laid out like the hub's own cache; nobody else may write to it meanwhile.
        room: how many times its size the disk must hold: 2.0 if a converted copy is to be made of it.

    Raises:
        MissingFileError: if the repository does not hold the file.
        ValueError: in a sentence, if it cannot be had, is not the right one or would not fit on the disk.
    """
    copy = in_hub_cache(wanted)
    if copy is not None:
        yield copy
        return
    if offline():
        raise DPIError(
            f"{wanted} is not on this machine and downloads are switched off (HF_HUB_OFFLINE, DPI_CORE_OFFLINE). Switch "
            "them on once, or give the path of a folder or checkpoint you have."
        )
    for left in folder.rglob("*.incomplete"):  # by a process that was killed
        left.unlink(missing_ok=True)
    transfer = _Transfer(wanted, folder, room)
    threading.Thread(target=transfer.run, name=f"fetch {wanted}", daemon=True).start()
    try:
        yield transfer.progress()
        while wait([transfer.outcome], EVERY).not_done:
            yield transfer.progress()
        path = transfer.outcome.result()
    except OSError as error:
        raise DPIError(
            f"{wanted} could not be written to {folder} ({error.strerror or error}). Make room there or set DPI_CORE_CACHE."
        ) from error
    finally:
        transfer.stopped.set()
    fetched = as_fetched(path, wanted)
    problem = problem_of(fetched, wanted)
    if problem:
        fetched.path.resolve().unlink()
        raise DPIError(f"{wanted} {problem} nothing of it was kept. Try again later.")
    yield fetched


class _Transfer:
    """A download in a thread of its own, and what that thread tells the one that shows it."""

    def __init__(self, wanted: HubFile, folder: Path, room: float):
        self.wanted, self.folder, self.room = wanted, folder, room
        self.outcome: Future[Path] = Future()
        self.stopped = threading.Event()
        self.began = self.last = time.monotonic()
        self.done, self.total, self.before = 0, 0, 0

    def progress(self) -> Progress:
        now, what, left = time.monotonic(), f"Downloading {self.wanted.file}", None
        if now - self.last > QUIET:
            what += f" (nothing has come for {now - self.last:.0f} s)"
        elif self.done > self.before and self.total:
            left = (self.total - self.done) * (now - self.began) / (self.done - self.before)
        return Progress(what, self.done, self.total or None, left)

    def expect(self, total: int, before: int) -> None:
        """Take note of the bytes in all and of those that are here; DPIError where they would not fit on the disk."""
        self.total, self.done, self.before = total, before, before
        _check_room(self.wanted, self.folder, int(total * self.room) - before)

    def arrived(self, count: int) -> None:
        """Take note of bytes that arrived; InterruptedError where nobody waits for them any more."""
        if self.stopped.is_set():
            raise InterruptedError("nobody waits for it any more")
        self.done, self.last = self.done + count, time.monotonic()

    def run(self) -> None:
        try:
            self.outcome.set_result(_download(self))
        except BaseException as error:
            self.outcome.set_exception(error)

    def bar(self) -> type:
        """Make the library's progress bar one that counts here and shows nothing; there a download can be ended."""
        from tqdm import tqdm

        transfer = self

        class Bar(tqdm):
            def __init__(self, *args, **options):
                super().__init__(*args, **{**options, "disable": True})
                transfer.expect(options.get("total") or 0, options.get("initial", 0))

            def update(self, n=1):
                transfer.arrived(int(n))

        return Bar


def _download(transfer: _Transfer) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    wanted, folder, where = transfer.wanted, transfer.folder, hub_endpoint() or "the hub"
    failures = _transport_errors()
    no_answer: tuple[type[Exception], ...] = (LocalEntryNotFoundError, *failures)
    try:
        fetch_blob(wanted.repo, wanted.file, wanted.revision, folder, failures, transfer.expect, transfer.arrived)
        found = hf_hub_download(
            wanted.repo,
            wanted.file,
            revision=wanted.revision,
            cache_dir=folder,
            endpoint=hub_endpoint(),
            tqdm_class=transfer.bar(),
        )
    except DPIError:
        raise
    except RevisionNotFoundError as error:
        raise DPIError(f"{wanted.repo} has no revision {wanted.revision!r} on the hub.") from error
    except no_answer as error:
        if out_of_reach(error):
            raise DPIError(
                f"{wanted} could not be downloaded: there is no network here, or {where} cannot be found in it. Connect and "
                "try again, or give the path of a folder or checkpoint you have. The embedded prior needs no network."
            ) from error
        reason = re.sub(r"\[Errno -?\d+\] ", "", str(error.__cause__ or error))
        raise DPIError(
            f"{wanted} could not be downloaded from {where} ({reason}). Try again later, or give the path "
            "of a folder or checkpoint you have."
        ) from error
    except (EntryNotFoundError, HfHubHTTPError) as error:
        status = error.response.status_code if isinstance(error, HfHubHTTPError) else 404
        if isinstance(error, RepositoryNotFoundError) or status in (401, 403):
            raise DPIError(
                f"{wanted.repo} is not on the hub, or is private or gated ({status}). Check its name; for a private or "
                "gated one accept its terms on the hub and run `hf auth login`, or set HF_TOKEN."
            ) from error
        if status == 404:
            raise MissingFileError(f"{wanted}: the hub has no such file (404).") from error
        raise DPIError(f"{wanted} could not be downloaded from {where}: the server answered {status}.") from error
    except OSError as error:
        if error.errno is not None:
            raise  # the disk's, not the network's
        raise DPIError(f"{wanted} could not be downloaded from {where}: it ended early. Try again later.") from error
    except (ImportError, ValueError) as error:  # of the HTTP client, which cannot be made for such a proxy
        raise DPIError(
            f"{wanted} could not be downloaded from {where} ({error}). Look at the proxies in the environment "
            "(ALL_PROXY, HTTPS_PROXY)."
        ) from error
    return Path(found)


def _transport_errors() -> tuple[type[Exception], ...]:
    """List what the hub's HTTP client raises when a connection fails; which client it is depends on the library's version."""
    found: list[type[Exception]] = [ConnectionError, TimeoutError]
    for name in ("httpx2", "httpx"):
        try:
            found.append(import_module(name).TransportError)
        except ImportError:
            continue
    return tuple(found)


def _check_room(wanted: HubFile, folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DPIError(
            f"{wanted} needs {needed / 1e6:.0f} MB in {folder}, where {free / 1e6:.0f} MB are free. Make room or set "
            "DPI_CORE_CACHE to a folder on a larger disk."
        )
