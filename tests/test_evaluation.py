import json

import numpy as np
import pytest
import torch
from PIL import Image

from dpi_core.consistency import project
from dpi_core.degradation import downscale
from dpi_core.evaluation import embedded, stages
from dpi_core.evaluation.held_out import bicubic_task, blind_task, brightness_thirds, held_out_faces
from dpi_core.evaluation.intervals import mean_interval
from dpi_core.evaluation.methods import Models, corrector_alone, restore
from dpi_core.training.data import held_out_names


def pictures(count=3, size=32):
    rng = np.random.default_rng(0)
    coarse = torch.from_numpy(rng.random((count, 3, 6, 6))).float()
    return torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic").clamp(0, 1) * 2 - 1


@pytest.fixture
def folder(tmp_path):
    for i in range(30):
        pixels = np.random.default_rng(i).integers(0, 256, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((40, 40), Image.Resampling.BICUBIC).save(tmp_path / f"{i:02}.png")
    return tmp_path


# Intervals.


def test_an_interval_holds_its_mean_and_narrows_with_more_values():
    rng = np.random.default_rng(1)
    widths = []
    for count in (10, 100, 1000):
        mean, low, high = mean_interval(rng.normal(5, 2, count))
        assert low <= mean <= high
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == pytest.approx(2 * 1.96 * 2 / 1000**0.5, rel=0.15)  # the normal interval


def test_an_interval_covers_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    covered = [
        low <= 0 <= high for _, low, high in (mean_interval(rng.normal(0, 1, 60), draws=400) for _ in range(200))
    ]
    assert 0.88 <= np.mean(covered) <= 0.99


def test_one_value_is_certain_and_none_is_an_error():
    assert mean_interval([3.0]) == (3.0, 3.0, 3.0)
    with pytest.raises(ValueError, match="no values"):
        mean_interval([])


# Faces and tasks.


def test_held_out_faces_are_those_that_never_train(folder):
    names = sorted(held_out_names([path.name for path in folder.glob("*.png")]))
    faces = held_out_faces(folder, 16)
    assert faces.shape == (3, 3, 16, 16)
    first = Image.open(folder / names[0]).resize((16, 16), Image.Resampling.LANCZOS)
    assert torch.allclose(faces[0], torch.from_numpy(np.array(first)).permute(2, 0, 1) / 127.5 - 1, atol=1e-6)
    assert torch.equal(held_out_faces(folder, 16, 2), faces[:2])
    assert len(held_out_faces(folder, 16, everything=True)) == 30


def test_a_bicubic_task_is_the_reduction_it_names():
    task = bicubic_task(pictures(), 4)
    assert task.name == "x4"
    assert torch.equal(task.low_res, downscale(pictures(), 4))
    assert task.condition.shape == (3, 3, 32, 32)


def test_a_blind_task_is_the_same_every_time_and_for_any_number_of_faces():
    task = blind_task(pictures())
    assert task.low_res.shape == (3, 3, 4, 4)
    assert torch.equal(task.low_res, blind_task(pictures()).low_res)
    assert torch.equal(task.low_res[:2], blind_task(pictures()[:2]).low_res)
    assert not torch.equal(task.low_res, bicubic_task(pictures(), 8).low_res)


def test_thirds_by_brightness_part_the_faces_in_order():
    faces = torch.linspace(-0.9, 0.9, 7).flip(0).view(7, 1, 1, 1).expand(7, 3, 8, 8)
    thirds = brightness_thirds(faces)
    assert [len(rows) for _, rows in thirds] == [3, 2, 2]
    assert torch.cat([rows for _, rows in thirds]).tolist() == [6, 5, 4, 3, 2, 1, 0]


# Methods.


def models(prior, corrector):
    return Models(prior, corrector, torch.device("cpu"))


def test_a_corrector_that_does_nothing_leaves_the_condition(analytic_prior):
    task = bicubic_task(pictures(), 4)
    assert torch.allclose(corrector_alone(models(analytic_prior, lambda c, t, y: y), task), task.condition)


def test_the_corrector_alone_is_asked_on_every_shifted_grid(analytic_prior):
    task = bicubic_task(pictures(), 4)
    result = corrector_alone(models(analytic_prior, lambda c, t, y: y * 0.5), task)
    assert torch.allclose(result, task.condition * 0.5)


def test_a_face_gets_the_same_result_in_any_batch(analytic_prior, monkeypatch):
    from dpi_core.config import DPIConfig
    from dpi_core.evaluation import methods

    task = bicubic_task(pictures(5), 4)
    whole = restore(models(analytic_prior, None), task, DPIConfig(steps=3))
    monkeypatch.setattr(methods, "BATCH", 2)
    assert torch.allclose(restore(models(analytic_prior, None), task, DPIConfig(steps=3)), whole, atol=1e-5)
    exact = restore(models(analytic_prior, None), task, DPIConfig(steps=3, project=True))
    assert torch.allclose(exact, project(whole, task.low_res), atol=1e-5)


def test_the_gain_is_taken_face_by_face():
    bicubic = {"psnr": [20.0, 25.0, 33.0]}
    found = embedded.summary({"psnr": [21.5, 26.5, 34.5]}, bicubic)
    assert found["gain"] == (1.5, 1.5, 1.5)  # all three gain the same, however far apart they are
    mean, low, high = found["psnr"]
    assert low < mean < high


# The commands.


@pytest.mark.slow
def test_the_evaluation_prints_tables_and_writes_figures_and_a_sheet(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(embedded, "SCALES", (8,))
    monkeypatch.setattr(embedded, "SEEDS", 2)
    argv = ["--data", str(folder), "--out", str(tmp_path / "out"), "--faces", "2", "--diversity-faces", "1"]
    embedded.main([*argv, "--device", "cpu"])
    report = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert report["faces"] == 2
    assert list(report["tasks"]) == ["x8", "x8 blind"]
    for row in report["tasks"].values():
        assert {"bicubic", "corrector alone", "DPI, tau 150", "DPI, tau 150, no CRT"} < set(row)
        for measures in row.values():
            assert list(measures) == list(embedded.FORMATS)
            assert all(low <= mean <= high for mean, low, high in measures.values())
    projected = report["tasks"]["x8"]["DPI, tau 150, projected"]["lr_consistency"][0]
    assert projected > report["tasks"]["x8"]["DPI, tau 150"]["lr_consistency"][0] + 10
    assert report["diversity"]["x8"]["DPI, tau 150"] > 0
    out = capsys.readouterr().out
    for title in (
        "| x8 | PSNR dB",
        "| x8 blind | PSNR dB",
        "grid energy",
        "std over seeds",
        "bicubic -> preset medium",
    ):
        assert title in out
    assert Image.open(tmp_path / "out" / "sheet.png").width == 2 * 128


@pytest.mark.slow
def test_the_stages_are_told_step_by_step(folder, capsys):
    stages.main(["--data", str(folder), "--faces", "1", "--device", "cpu"])
    lines = capsys.readouterr().out.splitlines()
    assert "tau 0 | tau 150 | tau 350" in lines[2]
    steps = [line for line in lines if line.startswith("| ") and line.split()[1].isdigit()]
    assert [int(line.split()[1]) for line in steps] == list(range(950, -1, -50))
    assert steps[0].count("FCM") == 3
    assert steps[-1].count("final") == 3
    assert steps[12].count("RACM") == 1  # t = 350, of tau 350
