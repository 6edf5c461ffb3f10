"""What a machine runs out of is said in a sentence: a full disk, a read-only folder, too little memory."""

import errno
import shutil

import pytest
import torch
from commandline import TINY, complaint
from conftest import EXAMPLES

from dpi_core.errors import of_the_machine
from dpi_core.method.config import DPIConfig
from dpi_core.models.priors import load_prior
from dpi_core.restore.request import Request
from dpi_core.web.checks import UNEXPECTED, message_of
from dpi_core.web.engine import Engine, EngineSettings
from dpi_core.web.restore_run import Outcome, run
from dpi_core.web.session import Session
from dpi_core.web.stage_data import Making, example_value
from dpi_core.weights import embedded_files

FULL = OSError(errno.ENOSPC, "No space left on device", "/secret/folder/face.png")
LACKING = [
    (FULL, "The disk is full"),
    (OSError(errno.EROFS, "Read-only file system", "/secret/folder"), "cannot be written here"),
    (PermissionError(errno.EACCES, "Permission denied", "/secret/folder"), "cannot be written here"),
    (OSError(errno.EMFILE, "Too many open files"), "Too many files are open"),
    (MemoryError(), "The memory does not suffice"),
    (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), "The memory does not suffice"),
    (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "The memory does not suffice"),
]


@pytest.mark.parametrize(("error", "told"), LACKING)
def test_what_the_machine_lacks_is_told_without_its_paths(error, told, caplog):
    assert told in message_of(error)
    assert "secret" not in message_of(error)
    assert "unexpected error" in caplog.text  # the log has all of it


def test_other_errors_stay_unexpected():
    for error in (ValueError("x"), OSError("x"), FileNotFoundError(errno.ENOENT, "x"), ConnectionResetError()):
        assert of_the_machine(error) is None
        assert message_of(error) == UNEXPECTED


@pytest.fixture
def full_disk(monkeypatch):
    """Every PNG meets a full disk, half-written."""

    def save(image, path, settings):
        path.write_bytes(b"\x89PNG half")
        raise FULL

    monkeypatch.setattr("dpi_core.imaging.pictures.save_png", save)


def page_run(engine, session):
    request = Request(DPIConfig(steps=2), face=(0,), background=1)
    return list(run(engine, session, Making(str(TINY), request)))


def test_a_full_disk_ends_a_run_of_the_page_in_a_sentence_and_the_next_one_works(restorer, full_disk, monkeypatch):
    engine = Engine(EngineSettings(device="cpu"))
    engine._held["embedded"] = restorer
    session = Session()
    *_, last = page_run(engine, session)
    assert last["state"] == "failed"
    assert "The disk is full" in last["line"]
    monkeypatch.undo()
    *_, last = page_run(engine, session)
    assert isinstance(last, Outcome)
    session.clean()


def test_the_command_line_names_the_file(capfd, full_disk, out):
    told = complaint(capfd, "restore", TINY, "-o", out, "--steps", "1", "--device", "cpu", "--detector", "embedded")
    assert "/secret/folder/face.png: The disk is full; nothing half-written was kept." in told
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("file", ["config.json", "diffusion_pytorch_model.safetensors"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_damaged_assets_are_named(tmp_path, monkeypatch, file, damage):
    assets = tmp_path / "assets"
    shutil.copytree(embedded_files.ASSETS / "prior", assets / "prior")
    path = assets / "prior" / file
    if damage == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        path.unlink()
    monkeypatch.setattr(embedded_files, "ASSETS", assets)
    embedded_files.embedded_file.cache_clear()
    try:
        with pytest.raises(ValueError, match=str(assets / "prior")):
            load_prior("embedded")
    finally:
        embedded_files.embedded_file.cache_clear()


def test_a_damaged_example_leaves_the_stage_empty(tmp_path):
    for content in (None, b"", b"[1]", b"\xff\xfe"):
        if content is not None:
            (tmp_path / "run.json").write_bytes(content)
        assert example_value(tmp_path / "run.json") == {"state": "empty"}
    assert EXAMPLES.is_dir()
