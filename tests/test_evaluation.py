import json

import numpy as np
import pytest
import torch
from PIL import Image

from dpi_core.evaluation import embedded, methods, stages
from dpi_core.evaluation.held_out import Task, bicubic_task, blind_task, brightness, held_out_faces
from dpi_core.evaluation.intervals import mean_interval
from dpi_core.evaluation.methods import CONFIGS, Models, corrector_alone, restore
from dpi_core.evaluation.report import FORMATS
from dpi_core.imaging.degradation import downscale
from dpi_core.method.config import DPIConfig
from dpi_core.method.consistency import project
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


def test_a_face_keeps_its_number_in_any_part_of_the_faces():
    whole, part = blind_task(pictures(5)), blind_task(pictures(5)[3:], first=3)
    assert torch.equal(part.low_res, whole.low_res[3:])
    assert (part.first, bicubic_task(pictures(), 4, first=7).first) == (3, 7)


def test_brightness_is_that_of_the_middle():
    faces = torch.full((2, 3, 8, 8), -1.0)
    faces[:, :, 2:-2, 2:-2] = torch.tensor([0.5, -0.25]).view(2, 1, 1, 1)
    assert brightness(faces).tolist() == [0.5, -0.25]


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
    task = bicubic_task(pictures(5), 4)
    whole = restore(models(analytic_prior, None), task, DPIConfig(steps=3))
    monkeypatch.setattr(methods, "BATCH", 2)
    assert torch.allclose(restore(models(analytic_prior, None), task, DPIConfig(steps=3)), whole, atol=1e-5)
    last = bicubic_task(pictures(5)[3:], 4, first=3)
    assert torch.allclose(restore(models(analytic_prior, None), last, DPIConfig(steps=3)), whole[3:], atol=1e-5)
    exact = restore(models(analytic_prior, None), task, DPIConfig(steps=3, project=True))
    assert torch.allclose(exact, project(whole, task.low_res), atol=1e-5)


def test_the_diversity_is_that_of_each_face_restored_once_a_seed(analytic_prior, monkeypatch):
    monkeypatch.setattr(embedded, "SEEDS", 3)
    task = bicubic_task(pictures(), 4, first=5)
    found = embedded.diversity(models(analytic_prior, None), task, 2)
    assert set(found) == set(embedded.DIVERSITY_METHODS)
    for name, values in found.items():
        for i, value in enumerate(values):
            face = Task("", task.low_res[i : i + 1], task.condition[i : i + 1])
            runs = [restore(models(analytic_prior, None), face, CONFIGS[name], [1000 * s + 5 + i]) for s in range(3)]
            assert value == pytest.approx(float(torch.cat(runs).std(dim=0, unbiased=False).mean()) * 127.5, rel=1e-4)
        assert len(values) == 2
    assert len(embedded.diversity(models(analytic_prior, None), task, 9)["DPI, tau 150"]) == 3  # there are no more


# The commands.


@pytest.mark.slow
def test_the_evaluation_prints_tables_and_writes_figures_and_a_sheet(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(embedded, "SCALES", (8,))
    monkeypatch.setattr(embedded, "SEEDS", 2)
    monkeypatch.setattr(methods, "BATCH", 1)
    argv = ["--data", str(folder), "--out", str(tmp_path / "out"), "--diversity-faces", "1", "--device", "cpu"]
    embedded.main([*argv, "--faces", "1"])
    first = json.loads((tmp_path / "out" / "measured.json").read_text())
    (tmp_path / "out" / "sheet.png").rename(tmp_path / "sheet.png")
    capsys.readouterr()
    embedded.main([*argv, "--faces", "2"])  # goes on from there
    report = json.loads((tmp_path / "out" / "figures.json").read_text())
    measured = json.loads((tmp_path / "out" / "measured.json").read_text())
    assert report["faces"] == 2
    assert not (tmp_path / "out" / "sheet.png").exists(), "the first face was restored again"
    for task, rows in first["tasks"].items():
        for name, row in rows.items():
            assert all(measured["tasks"][task][name][measure][:1] == values for measure, values in row.items())
    assert list(report["tasks"]) == ["x8", "x8 blind"]
    for row in report["tasks"].values():
        assert {"bicubic", "corrector alone", "DPI, tau 150", "DPI, tau 150, no CRT"} < set(row)
        for measures in row.values():
            assert list(measures) == list(FORMATS)
            assert all(low <= mean <= high for mean, low, high in measures.values())
    projected = report["tasks"]["x8"]["DPI, tau 150, projected"]["lr_consistency"][0]
    assert projected > report["tasks"]["x8"]["DPI, tau 150"]["lr_consistency"][0] + 10
    assert report["diversity"]["x8"]["DPI, tau 150"] > 0
    out = capsys.readouterr().out
    for title in (
        "| x8 | PSNR dB",
        "| x8 blind | PSNR dB",
        "energy at the grid",
        "energy of fine detail",
        "std over seeds",
        "bicubic -> preset medium",
    ):
        assert title in out
    assert Image.open(tmp_path / "sheet.png").width == 128
    with pytest.raises(SystemExit, match=r"another number of faces for the diversity; remove it"):
        embedded.main([*argv, "--diversity-faces", "0"])
    with pytest.raises(SystemExit, match=r"another precision; remove it"):
        embedded.main([*argv, "--precision", "bfloat16"])


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
