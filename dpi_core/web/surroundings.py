"""What the app meets before Gradio is imported: proxies that stand between it and itself, and somebody else's temporary folder.

Gradio makes HTTP clients as it is imported, asks its own server over HTTP as it starts, and makes a folder that all users of a
machine share by name. None of this needs a network; so none of it may keep the page from starting.
"""

import os
import tempfile
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path

from dpi_core.errors import DPIError

PROXIES = ("http_proxy", "https_proxy", "all_proxy")
OWN = ("localhost", "127.0.0.1", "::1")
FOLDER = "GRADIO_TEMP_DIR"


def ask_itself_directly(host: str | None = None, environment: MutableMapping[str, str] = os.environ) -> None:
    """Let no proxy be asked for this machine itself, now and later; `host` is where the app listens, if not there alone."""
    named = next((environment[name] for name in ("no_proxy", "NO_PROXY") if environment.get(name)), "")
    known = [name.strip() for name in named.split(",") if name.strip()]
    both = ",".join(dict.fromkeys([*known, *OWN, *([host] if host else [])]))
    environment["no_proxy"] = environment["NO_PROXY"] = both


@contextmanager
def without_proxies(environment: MutableMapping[str, str] = os.environ) -> Iterator[None]:
    """Take the proxies, of which one may be of a kind that no client knows, out of the environment for a while."""
    names = [name for name in environment if name.lower() in PROXIES]
    taken = {name: environment.pop(name) for name in names}
    try:
        yield
    finally:
        environment.update(taken)


def choose_gradio_folder(environment: MutableMapping[str, str] = os.environ) -> None:
    """Name a folder of this user's own for Gradio's files, where the usual one is somebody else's or cannot be written.

    Raises:
        DPIError: if the one that ``GRADIO_TEMP_DIR`` names cannot be written, or there is no temporary folder at all.
    """
    named = environment.get(FOLDER)
    if named:
        if not _is_own(Path(named)):
            raise DPIError(
                f"{FOLDER} is {named!r}, which is not this user's or cannot be written; name another folder."
            )
        return
    try:
        usual = Path(tempfile.gettempdir()) / "gradio"
        if not _is_own(usual):
            other = usual.with_name(f"gradio-{_user()}")
            environment[FOLDER] = str(other) if _is_own(other) else tempfile.mkdtemp(prefix="gradio-")
    except OSError as error:
        raise DPIError(
            f"There is no temporary folder that can be written ({error.strerror or error}). Make room, or set TMPDIR to one."
        ) from error


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0  # elsewhere each user has a temporary folder


def _is_own(folder: Path) -> bool:
    """Tell whether a folder, made if it is not there, belongs to this user, who can write in it."""
    try:
        folder.mkdir(0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != _user():
            return False
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
