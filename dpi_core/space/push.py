"""The upload of the Space by `HfApi.upload_folder`: one commit that makes the Space hold our files and no stale ones.

Hugging Face keeps large and binary files in LFS (or Xet, which the hub's client chooses by itself). Which ones is decided by
the hub; `Upload.large` foretells it from the size and the kinds of file that a new Space's .gitattributes names.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dpi_core.errors import DPIError
from dpi_core.space.front_matter import written
from dpi_core.space.spacefile import FILE, Spacefile

README = "README.md"
FILES = (README, "LICENSE", "CHANGELOG.md", FILE, "pyproject.toml", "requirements.txt", "packages.txt")
FOLDERS = ("assets", "dpi_core")
LARGE_BYTES = 10 * 2**20  # the hub takes no larger file outside LFS
LARGE_SUFFIXES = (".safetensors", ".npz", ".npy", ".onnx", ".pt", ".pth", ".bin", ".zip", ".gz", ".tar")
LEFT_OUT = (".pyc", ".part", ".tmp")
NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class Upload:
    """One file that goes up: its path in the Space, its size in bytes, and whether it should go to LFS."""

    path: str
    size: int
    large: bool


def checked_name(name: str) -> str:
    """Return a Space's name; ValueError unless it is OWNER/NAME."""
    if not NAME.fullmatch(name):
        raise DPIError(f"the Space's name is {name!r}; allowed is OWNER/NAME, such as jane/faces.")
    return name


def uploads(root: Path, spacefile: Spacefile) -> list[Upload]:
    """List the files that go up, by path; README.md with the size it has once its front matter is written."""
    found = []
    for path in sorted(_paths(root, spacefile)):
        size = (root / path).stat().st_size
        if path == README:
            size = len(written((root / path).read_text(encoding="utf-8"), spacefile).encode())
        found.append(Upload(path, size, size > LARGE_BYTES or path.endswith(LARGE_SUFFIXES)))
    return found


def _paths(root: Path, spacefile: Spacefile) -> Iterator[str]:
    yield from (name for name in {*FILES, spacefile.app_file} if (root / name).is_file())
    for folder in FOLDERS:
        for path in (root / folder).rglob("*"):
            inside = path.relative_to(root)
            hidden = any(part.startswith(".") or part == "__pycache__" for part in inside.parts)
            if path.is_file() and not hidden and path.suffix not in LEFT_OUT:
                yield inside.as_posix()


def push(
    root: Path,
    spacefile: Spacefile,
    name: str,
    *,
    token: str | None = None,
    endpoint: str | None = None,
    private: bool = False,
) -> str:
    """Write README.md's front matter, create the Space `name` if there is none, and commit the files; returns its address.

    Files of ours that the Space still holds and the project no longer does are removed in the same commit. The hardware is
    not changed: what costs money is chosen on the hub.

    Args:
        token: one that may write; None = the one of HF_TOKEN or ``hf auth login``.
        endpoint: the hub's address; None = HF_ENDPOINT or huggingface.co.
        private: whether a Space that is created is private.

    Raises:
        ValueError: if there is no token, or the hub refuses or cannot be reached.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError, HTTPError  # the latter is of the client's own HTTP library

    checked_name(name)
    token = token or get_token()
    if not token:
        raise DPIError("no token for the hub: set HF_TOKEN, or log in with 'hf auth login', with one that may write.")
    readme = root / README
    text = readme.read_text(encoding="utf-8")
    if (new := written(text, spacefile)) != text:
        readme.write_text(new, encoding="utf-8")
    api = HfApi(endpoint=endpoint, token=token, library_name="dpi-core")
    try:
        api.create_repo(name, repo_type="space", space_sdk=spacefile.sdk, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=name,
            repo_type="space",
            folder_path=root,
            allow_patterns=[upload.path for upload in uploads(root, spacefile)],
            delete_patterns=[f"{folder}/*" for folder in FOLDERS],
            commit_message="Update the Space",
        )
    except HfHubHTTPError as error:
        raise DPIError(_refusal(error, name, api.endpoint)) from error
    except HTTPError as error:
        raise DPIError(f"the hub cannot be reached at {api.endpoint}: {error}. Try again.") from error
    except (OSError, RuntimeError) as error:
        raise DPIError(f"the upload to {name} at {api.endpoint} failed: {_chain(error)}. Try again.") from error
    return f"{api.endpoint}/spaces/{name}"


def _refusal(error, name: str, endpoint: str) -> str:
    """Say what the hub's answer means for people."""
    status = error.response.status_code
    meanings = {
        401: f"the hub at {endpoint} does not know the token: make a new one in your settings there that may write.",
        403: f"the token may not write to {name}: use one with the role 'write' of an account that may.",
        404: f"there is no account {name.split('/')[0]!r} that the token may see, or no Space {name!r}.",
        429: "the hub asks to wait: too many requests. Try again in some minutes.",
    }
    return meanings.get(status) or f"the hub at {endpoint} answered {status}: {error.server_message or error}"


def _chain(error: BaseException) -> str:
    """Return the message of the first cause."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{error}".strip().rstrip(".") or type(error).__name__
