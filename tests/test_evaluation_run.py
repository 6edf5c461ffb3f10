"""Runs as people start them: whole, killed and gone on with, on several processes and on Ray."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
import torch
from conftest import EXAMPLES, ON_RAY, ROOT
from PIL import Image
from pipelines import untrained_prior
from training_runs import write_faces

from dpi_core.evaluation import run
from dpi_core.evaluation.experiment.face_folder import faces_of
from dpi_core.evaluation.experiment.plan import FaceSource, Plan, read_plan
from dpi_core.evaluation.experiment.run_tables import pictures
from dpi_core.measure.spectra import grid_energy
from dpi_core.workers import Died

SIDE = 32
PLAN = """title: A tiny prior
faces: {{folder: {folder}, aligned: true, count: {count}}}
prior: {prior}
device: cpu
degradations: [x4, low-light: {{kind: low-light, scale: 4}}]
methods: [bicubic, ddnm, published, corrector]
calls: 2
seeds: 2
diverse: 3
batch: {batch}
metrics: [psnr, agreement, detail, two_seeds]
"""


@pytest.fixture(scope="module")
def tiny_prior(tmp_path_factory):
    return untrained_prior(tmp_path_factory.mktemp("tiny"), SIDE, 2, "tight-128")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_faces(tmp_path_factory.mktemp("faces") / "all", 40)


@pytest.fixture
def write(tmp_path, tiny_prior, folder):
    def to(name, count, batch):
        path = tmp_path / name
        path.write_text(PLAN.format(folder=folder, prior=tiny_prior, count=count, batch=batch))
        return path

    return to


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def rows(out):
    """What the database of a run holds, by image, degradation, method and seed."""
    with sqlite3.connect(out / "results.sqlite") as database:
        found = database.execute("SELECT image, degradation, method, seed, figures, file FROM results").fetchall()
    kept = {row[:4]: (row[4], (out / row[5]).read_bytes()) for row in found}
    assert len(kept) == len(found)
    return kept


def count_of(out):
    if not (out / "results.sqlite").exists():
        return 0
    with sqlite3.connect(out / "results.sqlite") as database:
        try:
            return database.execute("SELECT COUNT(*) FROM results").fetchone()[0]
        except sqlite3.OperationalError:  # the table is on its way
            return 0


@pytest.mark.slow
def test_a_killed_run_goes_on_and_comes_to_the_same(write, tmp_path, capsys, one_thread):
    path, whole, cut = write("plan.yaml", 40, 2), tmp_path / "whole", tmp_path / "cut"
    command = [sys.executable, "-m", "dpi_core.evaluation.run", str(path), "--out", str(cut)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as it:
        while count_of(cut) < 30:
            assert it.poll() is None, "it ended before it could be killed"
            time.sleep(0.01)
        it.send_signal(signal.SIGKILL)
    before = rows(cut)
    stamps = {path: path.stat().st_mtime_ns for path in cut.rglob("*.png")}
    total = 2 * (2 * 40 + 2 * 43)
    assert 30 <= len(before) < total

    run.main([str(path), "--out", str(cut)])
    assert f"40 faces; {len(before)} of {total} results are there already." in capsys.readouterr().out
    after = rows(cut)
    assert len(after) == total
    assert {key: after[key] for key in before} == before
    again = [path for path, stamp in stamps.items() if path.stat().st_mtime_ns != stamp]
    assert len(again) <= len(stamps) - len(before), "only what had no row yet is made again"

    run.main([str(path), "--out", str(whole)])
    assert rows(whole) == after
    for name in ("figures.json", "tables.md", "report.html"):
        assert (whole / name).read_text() == (cut / name).read_text()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", ON_RAY])
def test_two_workers_come_to_the_same_table(write, tmp_path, engine, one_thread):
    path = write("plan.yaml", 6, 4)
    run.main([str(path), "--out", str(tmp_path / "one")])
    run.main([str(path), "--out", str(tmp_path / engine), "--engine", engine, "--workers", "2"])
    assert rows(tmp_path / engine) == rows(tmp_path / "one")
    assert (tmp_path / engine / "tables.md").read_text() == (tmp_path / "one" / "tables.md").read_text()


def test_a_run_writes_tables_figures_and_a_report_and_does_what_is_new(write, tmp_path, capsys, one_thread):
    path, out = write("plan.yaml", 3, 2), tmp_path / "out"
    tables = run.main([str(path), "--out", str(out)]) or (out / "tables.md").read_text()
    assert tables in capsys.readouterr().out
    assert "| x4, 3 faces | calls | detail" in tables
    assert "| x4: less bicubic, face by face | agreement with the input, dB (high) | PSNR, dB (high) |" in tables
    assert (out / "report.html").stat().st_size > 10_000
    first = rows(out)
    assert len(first) == 2 * 3 * (1 + 2 + 2 + 1)

    path.write_text(path.read_text().replace("ddnm,", "ddnm, dps,"))
    run.main([str(path), "--out", str(out)])
    assert f"{len(first)} of {len(first) + 2 * 3 * 2} results are there already." in capsys.readouterr().out
    assert first.items() <= rows(out).items()


def test_settings_are_judged_on_their_own_grid_and_timed_where_that_is_asked(write, tmp_path, one_thread):
    path = write("plan.yaml", 2, 2)
    text = path.read_text().replace("ddnm, published", "dpi: {sparsity: [1, 4]}").replace("two_seeds", "grid, seconds")
    path.write_text(text.replace(", low-light: {kind: low-light, scale: 4}", ""))
    run.main([str(path), "--out", str(tmp_path / "out")])
    table = json.loads((tmp_path / "out" / "figures.json").read_text())["x4"]["methods"]
    pixels = faces_of(read_plan(path), "tight-128", SIDE, tmp_path)[0].pixels
    for sparsity in (2, 4):
        method = {2: "dpi, sparsity 1", 4: "dpi, sparsity 4"}[sparsity]
        mine = pictures(
            sorted((tmp_path / "out" / "results" / "x4" / method.replace(", ", "-").replace(" ", "-")).glob("*seed0*"))
        )
        expected = sum(grid_energy(face, sparsity) for face in mine) / sum(
            grid_energy(face, sparsity) for face in pixels
        )
        assert table[method]["grid"][0] == pytest.approx(expected, rel=0.05)
    assert table["truth"]["grid"] == [1, 1, 1]
    assert all(row["seconds"][0] > 0 for name, row in table.items() if name != "truth")


def test_the_first_faces_may_be_skipped(folder, tmp_path):
    def names(**more):
        return faces_of(Plan(FaceSource(str(folder), True, **more), {}, {}, ""), "tight-128", 8, tmp_path)[0].names

    assert names(count=2, skip=1) == names(count=3)[1:]


def test_faces_are_found_and_cut_out_and_the_small_ones_left_out(tmp_path, capsys):
    source = FaceSource("bundled", large=True, count=2)
    plan = Plan(source, {}, {}, "")
    faces, others = faces_of(plan, "tight-128", 64, tmp_path)
    assert faces.pixels.shape == (2, 3, 64, 64)
    assert others.shape == (1, 3, 64, 64)
    assert set(faces.names) < {path.name for path in EXAMPLES.iterdir()} - {"astronaut-tiny.png"}
    assert "Left out: astronaut-tiny.png, whose face is too small" in capsys.readouterr().out
    again, _ = faces_of(plan, "tight-128", 64, tmp_path)
    assert torch.equal(again.pixels, faces.pixels)
    assert capsys.readouterr().out == "", "what was found once is kept"


def test_pictures_without_a_face_and_files_that_are_none_are_left_out(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "no.png").write_bytes(b"no picture")
    Image.new("RGB", (80, 80)).save(tmp_path / "in" / "black.png")
    with pytest.raises(ValueError, match="no face was found in the 2 pictures"):
        faces_of(Plan(FaceSource(str(tmp_path / "in")), {}, {}, ""), "tight-128", 64, tmp_path / "kept")
    printed = capsys.readouterr().out
    assert "Left out: no.png, which cannot be read." in printed
    assert "Left out: black.png, where no face was found." in printed


@pytest.mark.parametrize(
    ("text", "more", "message"),
    [
        (
            "faces: {folder: NOWHERE}\ndegradations: [x8]\nmethods: [ddnm]",
            [],
            "NOWHERE is no folder. Say where they are with",
        ),
        ("faces: {folder: bundled}\ndegradation: [x8]\nmethods: [ddnm]", [], "unknown key 'degradation'; allowed are"),
        (
            "faces: {folder: bundled}\ndegradations: [x8]\nmethods: [ddnm]",
            ["--workers", "0"],
            "workers is 0; allowed is a whole number from 1 to 64.",
        ),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_2(tmp_path, capsys, text, more, message):
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(SystemExit) as ended:
        run.main([str(tmp_path / "plan.yaml"), "--out", str(tmp_path / "out"), *more])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_units_whose_worker_dies_are_told_and_the_rest_kept(write, tmp_path, monkeypatch, capsys):
    path, out = write("plan.yaml", 2, 1), tmp_path / "out"

    def carried(units, load, *_):
        do = load()
        return ((unit, Died("it ended.") if unit.first else do(unit)) for unit in units)

    monkeypatch.setattr(run, "carried_out", carried)
    with pytest.raises(SystemExit):
        run.main([str(path), "--out", str(out)])
    assert "8 of 16 units were not done: it ended. Run it again to go on." in capsys.readouterr().err
    assert {row[0] for row in rows(out)} == {sorted(row[0] for row in rows(out))[0]}
