import json

import numpy as np
import pytest
import torch
from PIL import Image

from dpi_core.evaluation import compare_methods
from dpi_core.evaluation.held_out import MEDIUM, medium_task, task_of
from dpi_core.evaluation.judged_figures import variety
from dpi_core.evaluation.methods import Baseline, Models, Restored, calls_of, restore, settings_from
from dpi_core.imaging.degradation import Degradation
from dpi_core.imaging.known_degradations import known_noise
from dpi_core.method.config import DPIConfig


@pytest.fixture
def folder(tmp_path):
    for i in range(30):
        pixels = np.random.default_rng(i).integers(0, 256, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((40, 40), Image.Resampling.BICUBIC).save(tmp_path / f"{i:02}.png")
    return tmp_path


def faces(count=2):
    coarse = torch.rand((count, 3, 4, 4), generator=torch.Generator().manual_seed(0)) * 2 - 1
    return torch.nn.functional.interpolate(coarse, (32, 32), mode="bicubic").clamp(-1, 1)


def test_the_medium_damage_is_one_for_all_and_its_noise_is_known():
    whole = task_of("medium", faces(3))
    assert whole.noise_level == known_noise(MEDIUM) == 8
    assert torch.equal(medium_task(faces(3)[2:], first=2).low_res, whole.low_res[2:])
    clean = Degradation(8, blur=2).apply(np.zeros((32, 32, 3), np.uint8), np.random.default_rng(0))
    grey = medium_task(torch.zeros(40, 3, 32, 32)).low_res * 127.5
    assert clean.shape[0] == grey.shape[-1] == 4
    assert 4 < float(grey.std()) < 9  # JPEG takes some of the noise


def test_methods_are_named_beside_presets():
    found = settings_from(["ddnm", "published", "mine:tau=5"])
    assert found == {"ddnm": Baseline("ddnm"), "published": DPIConfig(), "mine": DPIConfig(tau=5)}
    assert [calls_of(way) for way in (Baseline("bicubic"), Baseline("dps", 7), DPIConfig(steps=9))] == [0, 7, 9]


def test_a_method_restores_each_face_with_its_own_seed(analytic_prior):
    models = Models(analytic_prior, None, torch.device("cpu"))
    task = task_of("8", faces())
    both = restore(models, task, Baseline("ddrm", 5), [4, 9])
    assert torch.allclose(restore(models, task, Baseline("ddrm", 5), [4, 4])[:1], both[:1], atol=1e-5)
    assert not torch.allclose(restore(models, task, Baseline("ddrm", 5), [4, 4])[1:], both[1:], atol=1e-2)


def test_two_seeds_of_a_part_of_the_faces_are_compared():
    x = torch.zeros(3, 3, 4, 4)
    found = variety([Restored(x, x), Restored(x[:2] + 1 / 127.5, x[:2])])
    assert found["two_seeds"] == pytest.approx([1, 1], rel=1e-4)


def test_the_comparison_prints_a_table_a_task_and_goes_on_where_it_was(folder, tmp_path_factory, capsys, monkeypatch):
    out = tmp_path_factory.mktemp("out")
    monkeypatch.setattr(compare_methods, "available", lambda load: None)
    argv = ["--data", str(folder), "--out", str(out), "--faces", "2", "--pairs", "1", "--calls", "2", "--device", "cpu"]
    argv += ["--tasks", "medium", "--methods", "ddnm", "published"]
    compare_methods.main(argv)
    printed = capsys.readouterr().out
    table = (out / "methods.md").read_text()
    assert table in printed
    lines, less = (part.splitlines() for part in table.rstrip().split("\n\n"))
    assert [line.split(" | ")[0].removeprefix("| ") for line in less] == [
        "x8 blind-medium: less ddnm, face by face",
        "|---|---|---|---|",
        "bicubic",
        "corrector alone",
        "published",
    ]
    assert [line.split(" | ")[0].removeprefix("| ") for line in lines[2:]] == [
        "truth",
        "bicubic",
        "corrector alone",
        "ddnm",
        "published",
    ]
    assert [line.split(" | ")[1] for line in lines[2:]] == ["-", "-", "-", "2", "2"]
    report = json.loads((out / "methods.json").read_text())["x8 blind-medium"]
    assert report["methods"]["bicubic"]["psnr"][0] > 0
    psnrs = [report["methods"][name]["psnr"][0] for name in ("published", "ddnm")]
    assert report["less ddnm"]["published"]["psnr"][0] == pytest.approx(psnrs[0] - psnrs[1])
    assert (out / "methods-x8-blind-medium.png").exists()

    monkeypatch.setattr("dpi_core.evaluation.embedded.restored", None)  # what is kept is not made again
    compare_methods.main(argv)
    assert (out / "methods.md").read_text() == table


def test_differences_are_taken_face_by_face():
    found = {"truth": {}, "a": {"psnr": [20.0, 30.0, 40.0]}, "b": {"psnr": [21.0, 31.0, 41.0]}}
    assert compare_methods.differences(found, "a") == {"b": {"psnr": (1.0, 1.0, 1.0)}}
    assert "| b | +1.00 (+1.00 .. +1.00) |" in compare_methods.paired_rows("t", compare_methods.differences(found, "a"))


def test_wrong_methods_are_named(folder, tmp_path, capsys):
    with pytest.raises(SystemExit):
        compare_methods.main(["--data", str(folder), "--out", str(tmp_path / "o"), "--methods", "ddnx"])
    assert "preset is 'ddnx'" in capsys.readouterr().err
