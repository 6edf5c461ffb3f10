"""The command line on the embedded models: one photo, batches in several processes, and those that are killed."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from commandline import FAST, SHORT, TINY, call, contents, pixels, told
from conftest import ON_RAY, ROOT
from PIL import Image

from dpi_core import DPIConfig
from dpi_core.imaging.pictures import read_settings


def test_a_photo_becomes_a_face_and_a_photo(capfd, out, astronaut):
    assert call("restore", astronaut, "-o", out, *FAST) == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == ["astronaut-face0-seed0.png", "astronaut-photo-seed0.png"]
    assert Image.open(out / names[0]).size == (128, 128)
    assert Image.open(out / names[1]).size == Image.open(astronaut).size
    # the photo is untouched where there is no face
    before, after = pixels(astronaut), pixels(out / names[1])
    assert np.array_equal(before[-60:], after[-60:])
    assert not np.array_equal(before, after)
    printed = capfd.readouterr().out
    assert str(astronaut) in printed
    assert "lr_consistency" in printed
    assert "1 face found by the embedded detector" in printed
    for name in names:
        assert str(out / name) in printed
    (settings,) = read_settings(out / names[1])["faces"]
    assert settings == read_settings(out / names[0])


def test_the_package_makes_the_same_picture(out, restorer):
    exact = ["--precision", "float32"]  # as the fixture; "auto" is bfloat16 where the processor has it
    assert call("restore", TINY, "-o", out, *FAST, *exact, "--preset", "published", "--aligned", "--seed", "3") == 0
    (path,) = out.iterdir()
    result = restorer.restore(TINY, DPIConfig(steps=2), seeds=[3], aligned=True)
    assert np.array_equal(pixels(path), np.asarray(result.results[0].image))


@pytest.mark.slow
def test_as_a_program_it_leaves_stderr_to_errors(out):
    argv = [sys.executable, "-m", "dpi_core", "restore", TINY, TINY.parent / "gone.png", "-o", out]
    failed = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert failed.stderr == f"dpi_core: {TINY.parent / 'gone.png'}: there is no such file or folder.\n"
    argv = [*argv[:5], "-o", out, *FAST, "--aligned"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert [path.name for path in out.iterdir()] == ["astronaut-tiny-face0-seed0.png"]


def test_a_killed_batch_goes_on_where_it_was(photos, out):
    """Killed at its second photo, without a chance to clear up."""
    code = f"""
import os, sys
from dpi_core.commands import outputs
replace, seen = os.replace, []
def once(source, target):
    seen.append(target)
    if len(seen) == 4:  # of two files a photo
        os._exit(9)
    replace(source, target)
outputs.os.replace = once
from dpi_core.__main__ import main
main({["restore", str(photos), "-o", str(out), *SHORT, "--seeds", "2"]!r})
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False).returncode == 9
    left = contents(out)
    assert sorted(left) == ["a-face0-seed0.png", "a-face0-seed1.png", "b-face0-seed0.png"]
    times = {name: (out / name).stat().st_mtime_ns for name in left}
    assert call("restore", photos, "-o", out, *SHORT, "--seeds", "2") == 0
    made = contents(out)
    assert sorted(made) == [f"{name}-face0-seed{seed}.png" for name in "abc" for seed in (0, 1)]
    kept = [name for name in left if (out / name).stat().st_mtime_ns == times[name]]
    assert kept == [name for name in left if name.startswith("a")]
    assert {name: made[name] for name in left} == left


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", ON_RAY])
def test_two_workers_make_what_one_makes(capfd, monkeypatch, photos, tmp_path, out, engine):
    if engine == "ray":
        monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for what starts on this machine
        monkeypatch.chdir(tmp_path)
        photos, out, tmp_path = Path("photos"), Path("out"), Path()
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads // 2))  # as each of the two has: the last bit depends on their number
    try:
        assert call("restore", photos, "-o", out, *SHORT) == 0
    finally:
        torch.set_num_threads(threads)
    (photos / "broken.png").write_text("no picture")
    argv = ["restore", photos, "-o", tmp_path / "two", *SHORT, "--workers", "2", "--engine", engine, "--json"]
    capfd.readouterr()
    assert call(*argv) == 1
    captured = capfd.readouterr()
    reports = [json.loads(line) for line in captured.out.splitlines()]
    assert sorted(Path(entry["input"]).name for entry in reports) == ["a.png", "b.png", "c.png"]
    assert captured.err.count("broken.png: this is not a picture that can be read") == 2
    assert contents(tmp_path / "two") == contents(out)
    assert call("restore", photos / "a.png", photos / "b.png", "-o", tmp_path / "two", *SHORT, "--workers", "2") == 0
    assert capfd.readouterr().out.count("Done before") == 2


def test_models_that_no_process_can_load_are_told_once(capfd, photos, tmp_path, out):
    assert call("restore", photos, "-o", out, *SHORT, "--workers", "2", "--corrector", tmp_path) == 2
    assert "no diffusers UNet2DModel" in told(capfd)[-1]
    assert call("restore", photos, "-o", out, *SHORT, "--workers", "0") == 2
    assert told(capfd) == ["workers is 0; allowed is a whole number from 1 to 64."]


def test_ray_is_asked_for_where_it_is_missing(capfd, monkeypatch, photos, out):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert call("restore", photos, "-o", out, *SHORT, "--engine", "ray", "--workers", "2") == 2
    assert told(capfd) == ["engine is 'ray', which is not installed: pip install ray"]
    assert not out.exists()
