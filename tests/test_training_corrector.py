from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import UNet2DModel
from PIL import Image
from torch import nn
from training_runs import TINY, samples_seen, shrink, trained_twice, with_argv, write_faces

from dpi_core.models.correctors import load_corrector
from dpi_core.models.priors import UNetPrior, save_prior
from dpi_core.training import corrector as script
from dpi_core.training import states
from dpi_core.training.corrector import MEANS_WEIGHT, corrector_loss
from dpi_core.training.states import pack

pytestmark = pytest.mark.usefixtures("seeded")


@pytest.fixture
def faces(tmp_path):
    return write_faces(tmp_path / "faces")


@pytest.fixture
def prior(tmp_path):
    """A folder with a prior of 32x32 faces that knows nothing."""
    unet = UNet2DModel(sample_size=32, in_channels=3, out_channels=3, **TINY)
    save_prior(UNetPrior(unet, 32, "epsilon", 1, "tight-128"), tmp_path / "prior")
    return str(tmp_path / "prior")


# The loss.


class Residual(nn.Module):
    """A corrector's network that adds `level` everywhere."""

    def __init__(self, level: float):
        super().__init__()
        self.level = level

    def forward(self, both, t):
        assert both.shape[1] == 6
        return SimpleNamespace(sample=torch.full_like(both[:, :3], self.level))


def test_the_correctors_loss_is_what_is_left_of_the_error():
    # the condition is 0.4 too dark everywhere, in the pixels and in their means
    h = torch.rand(3, 3, 16, 16)
    states = pack(torch.randn_like(h), torch.tensor([5, 500, 999]), h - 0.4, h)
    assert float(corrector_loss(Residual(0.4), states)) < 1e-10
    assert float(corrector_loss(Residual(0.0), states)) == pytest.approx(0.16 * (1 + MEANS_WEIGHT), rel=1e-4)


def test_an_error_whose_means_are_right_costs_less():
    h = torch.zeros(1, 3, 16, 16)
    checker = torch.ones_like(h)
    checker[..., ::2] = -1  # its 4x4 means are 0
    t = torch.tensor([100])
    assert float(corrector_loss(Residual(0.0), pack(h, t, checker, h))) == pytest.approx(1.0, rel=1e-4)
    assert float(corrector_loss(Residual(0.0), pack(h, t, checker.abs(), h))) == pytest.approx(
        1 + MEANS_WEIGHT, rel=1e-4
    )


# The script.


@pytest.mark.slow
def test_it_trains_resumes_and_leaves_weights_a_log_and_a_sheet(monkeypatch, tmp_path, faces, prior, capsys):
    shrink(monkeypatch)
    out = tmp_path / "out"
    trained_twice(script.main, with_argv(faces, out, "--prior", prior), out, capsys)
    sheet = Image.open(out / "restored.png")
    assert sheet.size == (32, 4 * 32)  # one held-out face, four rows
    assert np.asarray(sheet).std() > 0
    grid = torch.zeros(1, 3, 16, 16)
    assert load_corrector(str(out / "corrector"), "cpu")(grid, torch.tensor([5]), grid).isfinite().all()


def test_fewer_faces_than_a_batch_are_enough(monkeypatch, tmp_path, prior):
    shrink(monkeypatch)
    few = write_faces(tmp_path / "few", count=3)
    script.main([*with_argv(few, tmp_path / "out", "--prior", prior), "--batch", "8"])
    assert samples_seen(tmp_path / "out") >= 8
    assert Image.open(tmp_path / "out" / "restored.png").size == (3 * 32, 4 * 32)  # none is held out of three


@pytest.mark.parametrize(
    ("arguments", "sides"),
    [
        ([], {1: 32, 2: 16}),
        (["--wide", "1"], {1: 256, 2: 128}),
    ],
)
def test_the_grids_are_those_of_the_prior_or_of_a_wide_crop(monkeypatch, tmp_path, faces, prior, arguments, sides):
    shrink(monkeypatch)
    monkeypatch.setattr(states, "SPARSITIES", tuple(sides))
    monkeypatch.setattr(states, "SPARSITY_WEIGHTS", (0.5, 0.5))
    shapes = set()

    def watched(network, loss_of, data, *more):
        for _ in range(40):
            shapes.add(tuple(next(data).shape))
            if len(shapes) == 2:
                break
        return {}

    monkeypatch.setattr(script, "train", watched)
    script.main(with_argv(faces, tmp_path / "out", "--prior", prior, *arguments))
    assert shapes <= {(2, 10, side, side) for side in sides.values()}
    assert len(shapes) == 2


def test_an_unknown_prior_ends_before_training(tmp_path, faces, capsys):
    with pytest.raises(SystemExit):
        script.main(with_argv(faces, tmp_path / "out", "--prior", "nothing"))
    assert "prior is 'nothing'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
