"""From the name of a prior to a folder that it can be loaded from, step by step.

    name -> cached and sound? -> else: lock, download what is missing, convert, store whole -> folder

`prior_folder_steps` is the primitive: it yields how far it is and, last, the folder. Nothing is asked of the network for a
prior that is cached.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from dpi_core.errors import DPIError
from dpi_core.weights import convert_adm
from dpi_core.weights.cache import Entry, priors_folder, sha256_of
from dpi_core.weights.download_progress import Progress
from dpi_core.weights.embedded_files import embedded_folder
from dpi_core.weights.hub import MissingFileError, fetch_steps
from dpi_core.weights.hub_file import Fetched, HubFile
from dpi_core.weights.layout import SIDECAR, described, read_json, read_layout
from dpi_core.weights.registry import PRIORS, PriorSpec, spec_of
from dpi_core.weights.unets import UNET_FILE

PICKLE = "diffusion_pytorch_model.bin"
Steps = Generator[Progress, None, None]


def prior_folder_steps(name: str) -> Iterator[Progress | Path]:
    """Make a prior available on this machine.

    Args:
        name: "embedded", a name of `PRIORS`, a folder in diffusers' layout, a guided-diffusion checkpoint, or a hub id
            ("owner/name" or "owner/name@revision").

    Yields:
        `Progress`, and last the folder with the network in diffusers' layout.

    Raises:
        ValueError: in a sentence, if there is no such prior, it cannot be had, or it is not one.
    """
    path = Path(name).expanduser()
    if name == "embedded":
        yield embedded_folder("prior")
    elif name not in PRIORS and path.is_dir():
        yield from _from_folder(path)
    elif name not in PRIORS and path.is_file():
        yield from _from_checkpoint(path)
    else:
        spec = spec_of(name)
        if spec is None:
            raise DPIError(
                f"prior is {name!r}; allowed is 'embedded', {', '.join(map(repr, PRIORS))}, a folder with a diffusers "
                "UNet2DModel, a guided-diffusion checkpoint or a hub id (owner/name)."
            )
        fill = _fill_adm if spec.family == "adm" else _fill_diffusers
        yield from _cached(Entry(name), lambda entry: fill(entry, spec), spec.size)


def prior_folder(name: str) -> Path:
    """Make a prior available and return its folder; takes and raises what `prior_folder_steps` does."""
    return next(item for item in prior_folder_steps(name) if isinstance(item, Path))


def _cached(entry: Entry, fill: Callable[[Entry], Steps], size: int | None = None) -> Iterator[Progress | Path]:
    from filelock import FileLock

    if entry.folder.exists():
        yield Progress(f"Checking the cached {entry.name}")
    if not entry.sound():
        try:
            priors_folder().mkdir(parents=True, exist_ok=True)
            lock = FileLock(entry.lock, thread_local=False)  # a generator may go on in another thread
            yield from _acquired(lock, entry, size)
            try:
                if not entry.sound():  # another process may have made it meanwhile
                    entry.discard()
                    yield from fill(entry)
            finally:
                lock.release()
        except OSError as error:
            raise DPIError(
                f"{entry.name} could not be kept in {priors_folder()} ({error.strerror or error}). Make room there or set "
                "DPI_CORE_CACHE to a folder that can be written."
            ) from error
    yield entry.folder


def _acquired(lock, entry: Entry, size: int | None) -> Steps:
    from filelock import Timeout

    while True:
        try:
            lock.acquire(timeout=0)
            return
        except Timeout:
            yield Progress(f"{entry.name} is being fetched by another run", entry.size(), size)
            time.sleep(0.5)


def _one(entry: Entry, spec: PriorSpec, file: str, room: float, commit: str | None = None):
    """One file of a prior from the hub: yields progress, returns the `Fetched`."""
    known = spec.sha256 if file == spec.file else None
    recorded = entry.recorded().get(file)
    wanted = HubFile(spec.repo, file, commit or spec.revision, known or recorded)
    if recorded and not known:
        wanted = HubFile(spec.repo, file, commit or spec.revision, recorded, f"first used here ({entry.record})")
    for item in fetch_steps(wanted, entry.downloads, room):
        if isinstance(item, Fetched):
            return item
        yield item
    raise AssertionError("fetch_steps ends with a Fetched")


def _fill_adm(entry: Entry, spec: PriorSpec) -> Steps:
    assert spec.file is not None
    fetched = yield from _one(entry, spec, spec.file, 2.0)
    yield Progress(f"Converting {entry.name}")
    _store_checkpoint(entry, fetched.path, spec)
    entry.remember(spec.file, fetched.sha256)


def _fill_diffusers(entry: Entry, spec: PriorSpec) -> Steps:
    commit = spec.revision

    def json_file(file: str):
        nonlocal commit
        try:
            fetched = yield from _one(entry, spec, file, 1.0, commit)
        except MissingFileError:
            return None
        commit = fetched.commit or commit  # one version of all files
        return read_json(fetched.path)

    index = yield from json_file("model_index.json")
    config, inside = (yield from json_file("config.json")), ""
    if config is None:
        config, inside = (yield from json_file("unet/config.json")), "unet/"
    if config is None:
        raise DPIError(f"{spec.repo}: no diffusers UNet2DModel (neither config.json nor unet/config.json).")
    scheduler = yield from json_file(f"{'scheduler/' if inside else ''}scheduler_config.json")
    description = described(entry.name, config, index, scheduler, spec.template)
    files = [spec.file] if spec.file else [inside + UNET_FILE, inside + PICKLE]
    for file in files:
        try:
            fetched = yield from _one(entry, spec, file, 1.0 if file.endswith(UNET_FILE) else 2.0, commit)
            break
        except MissingFileError:
            if file == files[-1]:
                raise
    yield Progress(f"Storing {entry.name}")

    def write(folder: Path) -> None:
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        (folder / SIDECAR).write_text(json.dumps(description, indent=2) + "\n")
        if not file.endswith(UNET_FILE):
            _unpickle(fetched.path, folder / UNET_FILE)
        elif fetched.path.is_relative_to(entry.downloads):
            os.replace(fetched.path.resolve(), folder / UNET_FILE)
        else:
            shutil.copyfile(fetched.path, folder / UNET_FILE)

    entry.store(write)
    entry.remember(file, fetched.sha256)


def _from_folder(root: Path) -> Iterator[Progress | Path]:
    """Yield a folder as it is; if its weights are a pickle, a copy of it with safetensors in the cache."""
    layout = read_layout(root)
    pickled = layout.unet / PICKLE
    if (layout.unet / UNET_FILE).exists() or not pickled.exists():
        yield root
        return

    def write(folder: Path) -> None:
        shutil.copyfile(layout.unet / "config.json", folder / "config.json")
        (folder / SIDECAR).write_text(json.dumps(layout.description, indent=2) + "\n")
        _unpickle(pickled, folder / UNET_FILE)

    def fill(entry: Entry) -> Steps:
        yield Progress(f"Converting {pickled.name}")
        entry.store(write)

    yield Progress(f"Reading {pickled}")
    yield from _cached(Entry(f"{root.resolve().name}-{sha256_of(pickled)[:12]}"), fill)


def _from_checkpoint(path: Path) -> Iterator[Progress | Path]:
    """Convert a guided-diffusion checkpoint on this machine, once for every content."""

    def fill(entry: Entry) -> Steps:
        yield Progress(f"Converting {path.name}")
        _store_checkpoint(entry, path, None)

    yield Progress(f"Reading {path}")
    yield from _cached(Entry(f"{path.stem}-{sha256_of(path)[:12]}"), fill)


def _store_checkpoint(entry: Entry, checkpoint: Path, spec: PriorSpec | None) -> None:
    def write(folder: Path) -> None:
        config = convert_adm.convert(checkpoint, folder)
        description = described(entry.name, config, None, None, spec.template if spec else None)
        (folder / SIDECAR).write_text(json.dumps(description, indent=2) + "\n")

    entry.store(write)


def _unpickle(source: Path, target: Path) -> None:
    from safetensors.torch import save_file

    weights = {name: value.float().contiguous() for name, value in convert_adm.read_checkpoint(source).items()}
    save_file(weights, target, metadata={"format": "pt"})
