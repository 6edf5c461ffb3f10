"""Workers that die, that cannot load, and whose caller is killed: in processes of this machine and on Ray."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from batch_processes import load, load_nothing
from conftest import ON_RAY, ROOT

from dpi_core.commands.batch import Outcome
from dpi_core.commands.restore import arrived
from dpi_core.errors import DPIError
from dpi_core.workers import Died, carried_out

PATHS = f"{ROOT}{os.pathsep}{Path(__file__).parent}"  # for what starts on this machine


@pytest.mark.parametrize("engine", ["local", ON_RAY])
def test_a_worker_that_dies_fails_its_job_alone_and_is_replaced(capfd, monkeypatch, engine):
    monkeypatch.setenv("PYTHONPATH", PATHS)
    jobs = ["a", "dies", "b", "c", "dies too", "d"]
    done = dict(carried_out(iter(jobs), load, 2, engine))
    assert sorted(done) == sorted(jobs)
    for job, what in done.items():
        assert isinstance(what, Died if "dies" in job else int)
    assert "is there too little memory?" in done["dies"].reason
    assert len({what for what in done.values() if isinstance(what, int)} - {os.getpid()}) > 1
    with pytest.raises(DPIError, match=r"^there is nothing to load$"):
        list(carried_out(iter(jobs), load_nothing, 2, engine))
    assert capfd.readouterr().out == ""


def test_one_that_is_killed_takes_its_processes_with_it(tmp_path):
    code = """
from batch_processes import load_endless
from dpi_core.workers import carried_out
if __name__ == "__main__":
    list(carried_out(["x"], load_endless, 2))
"""
    (tmp_path / "script.py").write_text(code)
    environment = {**os.environ, "PYTHONPATH": PATHS}
    caller = subprocess.Popen([sys.executable, tmp_path / "script.py"], env=environment, stdout=subprocess.PIPE)
    assert caller.stdout is not None
    assert caller.stdout.readline() == b"started\n"
    caller.kill()
    assert caller.stdout.read() == b"", "which ends when the last process that can write to it has ended"
    caller.wait()


def test_a_photo_whose_files_do_not_arrive_has_failed(tmp_path):
    (tmp_path / "there.png").touch()
    there = Outcome(Path("a.png"), "done", {"files": [str(tmp_path / "there.png")]})
    assert arrived(there) is there
    lost = arrived(Outcome(Path("b.png"), "done", {"files": [str(tmp_path / "there.png"), str(tmp_path / "lost.png")]}))
    assert lost.status == "failed"
    assert f"{tmp_path / 'lost.png'} was written where" in lost.report["reason"]
