"""The commands that judge precision and correctors."""

import re

import pytest
import torch
from diffusers import UNet2DModel
from training_runs import write_faces

from dpi_core import Restorer
from dpi_core.evaluation import corrector_256, precision
from dpi_core.evaluation.held_out import bicubic_task
from dpi_core.measure.metrics import psnr
from dpi_core.method.masks import on_grid
from dpi_core.restore.request import read_request
from dpi_core.web.engine import Engine, EngineSettings
from dpi_core.weights.unets import save_unet

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path):
    return write_faces(tmp_path / "faces", 20)


def test_a_corrector_that_does_nothing_gains_nothing_and_one_that_knows_gains_all():
    true = torch.rand(3, 3, 32, 32) * 2 - 1
    task = bicubic_task(true, 4)
    still = corrector_256.on_the_grid(lambda c, t, y: y, true, task, CPU)
    assert still["bicubic"] == still["alone"] == still["in a run"]
    expected = [psnr(a, b) for a, b in zip(on_grid(task.condition, 2), on_grid(true, 2), strict=True)]
    assert still["bicubic"] == pytest.approx(expected)
    asked = []

    def knows(c, t, y):
        asked.append((int(t[0]), float(c.std())))
        return on_grid(true, 2)

    assert min(corrector_256.on_the_grid(knows, true, task, CPU)["in a run"]) > 90
    assert [t for t, _ in asked] == [999, 350]
    assert asked[0][1] == pytest.approx(1, abs=0.1), "pure noise first"
    assert "(+0.00, +0.00 .. +0.00)" in corrector_256.line("x4", still)


def test_the_256_report_has_a_row_for_every_kind_and_task(folder, capsys, monkeypatch):
    monkeypatch.setattr(corrector_256, "load_corrector", lambda *_: lambda c, t, y: y)
    corrector_256.main(["--data", str(folder), "--faces", "1", "--device", "cpu"])
    out = capsys.readouterr().out
    assert len(re.findall(r"faces, PSNR", out)) == 3
    assert len(re.findall(r"^  x", out, re.MULTILINE)) == 12


def test_the_precision_report_compares_with_float32(folder, capsys, monkeypatch):
    monkeypatch.setattr(precision, "CONFIGS", {"short": precision.CONFIGS["medium"].replaced({"steps": 2})})
    precision.main(["--data", str(folder), "--faces", "1", "--device", "cpu"])
    rows = [line for line in capsys.readouterr().out.splitlines() if "short" in line]
    assert ["bfloat16" in row for row in rows] == ["from float32's" in row for row in rows] == [False, True] * 2


def test_a_trained_corrector_is_loaded_everywhere(tmp_path, astronaut, capsys):
    from dpi_core.__main__ import main

    blocks = {"down_block_types": ("DownBlock2D",), "up_block_types": ("UpBlock2D",), "block_out_channels": (8,)}
    network = UNet2DModel(sample_size=16, in_channels=6, out_channels=3, norm_num_groups=4, **blocks)
    save_unet(network, tmp_path / "mine")
    path = str(tmp_path / "mine")
    python = Restorer(device="cpu", corrector=path)
    page = Engine(EngineSettings(corrector=path, device="cpu", precision="bfloat16")).restorer()
    for restorer in (python, page):
        assert sum(p.numel() for p in restorer.corrector.unet.parameters()) == sum(
            p.numel() for p in network.parameters()
        )
    assert page.corrector.unet.dtype == torch.bfloat16
    argv = ["restore", str(astronaut), "-o", str(tmp_path / "out"), "--steps", "1", "--device", "cpu"]
    assert main([*argv, "--corrector", path]) == 0
    (face,) = (tmp_path / "out").glob("*face*.png")
    assert read_request(face).corrector == path
    assert main([*argv, "--corrector", str(tmp_path / "nowhere")]) == 2
    assert "corrector is" in capsys.readouterr().err
