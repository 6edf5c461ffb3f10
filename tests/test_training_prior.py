from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from training_runs import samples_seen, shrink, trained_twice, with_argv, without_time, write_faces

from dpi_core.method.diffusion import linear_alpha_bar
from dpi_core.models.priors import UNetPrior, load_prior
from dpi_core.training import prior as script
from dpi_core.training.prior import noised, prior_loss
from dpi_core.training.weighting import weights_of

AB = linear_alpha_bar()

pytestmark = pytest.mark.usefixtures("seeded")


@pytest.fixture
def faces(tmp_path):
    return write_faces(tmp_path / "faces")


# The loss.


class PerfectNetwork(nn.Module):
    """Knows that every face is one flat colour, so it can tell v exactly from x_t."""

    def __init__(self, level: float):
        super().__init__()
        self.level = level

    def forward(self, x, t):
        ab = AB[t].to(x).view(-1, 1, 1, 1)
        eps = (x - ab.sqrt() * self.level) / (1 - ab).sqrt()
        return SimpleNamespace(sample=ab.sqrt() * eps - (1 - ab).sqrt() * self.level)


class Silent(nn.Module):
    def forward(self, x, t):
        return SimpleNamespace(sample=torch.zeros_like(x))


def loss_on_noised(network: nn.Module, x0: torch.Tensor, unshuffle: int, weighting: str = "uniform-v") -> float:
    prior = UNetPrior(network, x0.shape[-1], "v", unshuffle, "tight-128")
    t = torch.randint(1000, (len(x0),))
    return float(prior_loss(prior, noised(x0, t, AB.float()), t, x0, weights_of(weighting, AB.float())))


@pytest.mark.parametrize("unshuffle", [1, 2])
def test_a_network_that_answers_right_has_no_loss(unshuffle):
    assert loss_on_noised(PerfectNetwork(0.4), torch.full((64, 3, 16, 16), 0.4), unshuffle) < 1e-7


def test_a_network_that_answers_nothing_pays_for_v():
    # E|v|^2 = ab + (1 - ab) level^2 = 1 at level 1
    assert loss_on_noised(Silent(), torch.ones(256, 3, 16, 16), 1) == pytest.approx(1, rel=0.02)


def test_the_loss_is_the_weighted_error_of_x0():
    # eps = (x_t - sqrt(ab) x0) / sqrt(1-ab) makes v's error the error of x0 over sqrt(1-ab); v = 0 answers x0 = sqrt(ab) x_t
    x_t, x0, t = torch.randn(5, 3, 8, 8), torch.rand(5, 3, 8, 8), torch.tensor([10, 200, 400, 700, 999])
    ab = AB[t].float()
    snr = ab / (1 - ab)
    error = (ab.sqrt().view(-1, 1, 1, 1) * x_t - x0).square().mean(dim=(1, 2, 3))
    expected = (snr.clamp(max=20) * error).mean()
    prior = UNetPrior(Silent(), 8, "v", 1, "tight-128")
    weights = weights_of("min-snr-20", AB.float())
    assert float(prior_loss(prior, x_t, t, x0, weights)) == pytest.approx(float(expected), rel=1e-4)


# The script.


@pytest.mark.slow
def test_it_trains_resumes_and_leaves_weights_a_log_and_a_sheet(monkeypatch, tmp_path, faces, capsys):
    shrink(monkeypatch)
    out = tmp_path / "out"
    trained_twice(script.main, with_argv(faces, out), out, capsys)
    prior = load_prior(str(out / "prior-100000"), "cpu")
    assert (prior.image_size, prior.prediction, prior.unshuffle) == (32, "v", 2)
    sheet = Image.open(out / "samples-1000000.png")
    assert sheet.size == (8 * 32, 2 * 32)
    assert np.asarray(sheet).std() > 0
    assert len(list(tmp_path.glob("faces-*.npy"))) == 1, "decoded once"


def test_fewer_faces_than_a_batch_are_enough(monkeypatch, tmp_path):
    shrink(monkeypatch)
    script.main([*with_argv(write_faces(tmp_path / "few", count=3), tmp_path / "out"), "--batch", "8"])
    assert samples_seen(tmp_path / "out") >= 8


def test_a_run_can_start_from_weights(monkeypatch, tmp_path, faces):
    shrink(monkeypatch)
    script.main(with_argv(faces, tmp_path / "first"))
    start = load_prior(str(tmp_path / "first" / "prior-100000"), "cpu").unet.state_dict()
    script.main(without_time(with_argv(faces, tmp_path / "second", "--init", str(tmp_path / "first" / "prior-100000"))))
    assert samples_seen(tmp_path / "second") == 0
    end = load_prior(str(tmp_path / "second" / "prior-100000"), "cpu").unet.state_dict()
    assert all(torch.equal(end[name], value) for name, value in start.items())


@pytest.mark.parametrize("weighting", ["edm", "min-snr-5"])
def test_two_averages_are_written_with_shards(monkeypatch, tmp_path, faces, weighting):
    shrink(monkeypatch)
    out, shards = tmp_path / "out", tmp_path / "shards"
    more = ["--ema-half-lives", "10", "1000", "--weighting", weighting, "--shards", str(shards)]
    script.main(with_argv(faces, out, *more))
    short, long = (load_prior(str(out / f"prior-{half_life}"), "cpu").unet.state_dict() for half_life in (10, 1000))
    assert short.keys() == long.keys()
    assert (out / "samples-10.png").exists()
    script.main(without_time(with_argv(faces, tmp_path / "moved", "--init", str(shards), *more[:3])))
    assert samples_seen(tmp_path / "moved") == samples_seen(out)
    moved = load_prior(str(tmp_path / "moved" / "prior-10"), "cpu").unet.state_dict()
    assert all(torch.equal(value, moved[name]) for name, value in short.items())


def test_a_larger_prior_starts_from_a_smaller_one(monkeypatch, tmp_path, faces):
    shrink(monkeypatch)
    script.main(with_argv(faces, tmp_path / "small"))
    more = ["--init", str(tmp_path / "small" / "prior-100000"), "--size", "64", "--unshuffle", "4"]
    script.main(with_argv(faces, tmp_path / "large", *more))
    prior = load_prior(str(tmp_path / "large" / "prior-100000"), "cpu")
    assert (prior.image_size, prior.unshuffle) == (64, 4)
    assert prior.predict_eps(torch.zeros(1, 3, 64, 64), torch.tensor([500])).isfinite().all()


def test_wrong_arguments_end_before_training(tmp_path, faces, capsys):
    with pytest.raises(SystemExit):
        script.main([*with_argv(faces, tmp_path / "out"), "--device", "abacus"])
    assert "device is 'abacus'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
