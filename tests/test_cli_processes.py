"""Batches in several processes, and those that are killed, on the embedded models."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from commandline import SHORT, call, contents, told
from conftest import ROOT


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
def test_two_workers_make_what_one_makes_and_one_that_dies_fails_its_photo_alone(capfd, photos, tmp_path, out):
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads // 2))  # as each of the two has: the last bit depends on their number
    try:
        assert call("restore", photos, "-o", out, *SHORT) == 0
    finally:
        torch.set_num_threads(threads)
    (photos / "broken.png").write_text("no picture")
    argv = ["restore", photos, "-o", tmp_path / "two", *SHORT, "--workers", "2", "--json"]
    capfd.readouterr()
    assert call(*argv) == 1
    captured = capfd.readouterr()
    reports = [json.loads(line) for line in captured.out.splitlines()]
    assert sorted(Path(entry["input"]).name for entry in reports) == ["a.png", "b.png", "c.png"]
    assert captured.err.count("broken.png: this is not a picture that can be read") == 2
    assert contents(tmp_path / "two") == contents(out)
    assert call("restore", photos / "a.png", photos / "b.png", "-o", tmp_path / "two", *SHORT, "--workers", "2") == 0
    assert capfd.readouterr().out.count("Done before") == 2


def test_a_process_that_dies_fails_its_photo_alone():
    from batch_processes import load

    from dpi_core.commands.outputs import Job
    from dpi_core.commands.workers import in_processes

    jobs = [Job(Path(name), name, {}) for name in ("a", "dies", "b", "c", "dies too", "d")]
    outcomes = {outcome.photo.name: outcome for outcome in in_processes(iter(jobs), load, 2)}
    assert {name: outcome.status for name, outcome in outcomes.items()} == {
        job.name: "failed" if "dies" in job.name else "done" for job in jobs
    }
    assert "its process ended with 9" in outcomes["dies"].report["reason"]
    assert len({outcome.report["process"] for outcome in outcomes.values() if outcome.status == "done"}) > 1


def test_models_that_no_process_can_load_are_told_once(capfd, photos, tmp_path, out):
    assert call("restore", photos, "-o", out, *SHORT, "--workers", "2", "--corrector", tmp_path) == 2
    assert "no diffusers UNet2DModel" in told(capfd)[-1]
    assert call("restore", photos, "-o", out, *SHORT, "--workers", "0") == 2
    assert told(capfd) == ["workers is 0; allowed is a whole number from 1 to 64."]


def test_the_processes_of_a_killed_batch_end_with_it(tmp_path):
    code = """

from pathlib import Path
from batch_processes import load_endless
from dpi_core.commands.outputs import Job
from dpi_core.commands.workers import in_processes
if __name__ == "__main__":
    list(in_processes(iter([Job(Path("x"), "x", {})]), load_endless, 1))
"""
    (tmp_path / "script.py").write_text(code)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{Path(__file__).parent}"}
    batch = subprocess.Popen([sys.executable, tmp_path / "script.py"], env=environment, stdout=subprocess.PIPE)
    assert batch.stdout is not None
    assert batch.stdout.readline() == b"started\n"
    batch.kill()
    assert batch.stdout.read() == b"", "which ends when the last process that can write to it has ended"
    batch.wait()
