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
from dpi_core.training import prior_states
from dpi_core.training.prior import prior_loss
from dpi_core.training.prior_states import noised

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


def loss_on_noised(network: nn.Module, x0: torch.Tensor, unshuffle: int, masked: float = 0.0) -> float:
    prior = UNetPrior(network, x0.shape[-1], "v", unshuffle, "tight-128")
    return float(prior_loss(prior, *noised(x0, AB.float(), masked), x0))


@pytest.mark.parametrize("masked", [0.0, 1.0])
@pytest.mark.parametrize("unshuffle", [1, 2])
def test_a_network_that_answers_right_has_no_loss(unshuffle, masked):
    # flat faces of one level: under a mask, blurring leaves them as they are and the smooth error is to be seen through
    for _ in range(10):
        assert loss_on_noised(PerfectNetwork(0.4), torch.full((32, 3, 16, 16), 0.4), unshuffle, masked) < 1e-7


def test_a_network_that_answers_nothing_pays_for_v():
    # E|v|^2 = ab + (1 - ab) level^2 = 1 at level 1, and the weight min(snr, 20) / (snr + 1) lies in (0, 20/21]
    assert 0.1 < loss_on_noised(Silent(), torch.ones(256, 3, 16, 16), 1) < 20 / 21 * 1.1


def test_the_loss_is_the_weighted_error_of_x0():
    # eps = (x_t - sqrt(ab) x0) / sqrt(1-ab) makes v's error the error of x0 over sqrt(1-ab); v = 0 answers x0 = sqrt(ab) x_t
    x_t, x0, t = torch.randn(5, 3, 8, 8), torch.rand(5, 3, 8, 8), torch.tensor([10, 200, 400, 700, 999])
    ab = AB[t].float()
    snr = ab / (1 - ab)
    error = (ab.sqrt().view(-1, 1, 1, 1) * x_t - x0).square().mean(dim=(1, 2, 3))
    expected = (snr.clamp(max=20) * error).mean()
    prior = UNetPrior(Silent(), 8, "v", 1, "tight-128")
    assert float(prior_loss(prior, x_t, t, x0)) == pytest.approx(float(expected), rel=1e-4)


# The script.


@pytest.mark.slow
def test_it_trains_resumes_and_leaves_weights_a_log_and_a_sheet(monkeypatch, tmp_path, faces, capsys):
    shrink(monkeypatch)
    out = tmp_path / "out"
    trained_twice(script.main, with_argv(faces, out), out, capsys)
    prior = load_prior(str(out / "prior"), "cpu")
    assert (prior.image_size, prior.prediction, prior.unshuffle) == (32, "v", 2)
    sheet = Image.open(out / "samples.png")
    assert sheet.size == (8 * 32, 2 * 32)
    assert np.asarray(sheet).std() > 0


def test_fewer_faces_than_a_batch_are_enough(monkeypatch, tmp_path):
    shrink(monkeypatch)
    script.main([*with_argv(write_faces(tmp_path / "few", count=3), tmp_path / "out"), "--batch", "8"])
    assert samples_seen(tmp_path / "out") >= 8


def test_a_run_can_start_from_weights(monkeypatch, tmp_path, faces):
    shrink(monkeypatch)
    script.main(with_argv(faces, tmp_path / "first"))
    start = load_prior(str(tmp_path / "first" / "prior"), "cpu").unet.state_dict()
    script.main(without_time(with_argv(faces, tmp_path / "second", "--init", str(tmp_path / "first" / "prior"))))
    assert samples_seen(tmp_path / "second") == 0
    end = load_prior(str(tmp_path / "second" / "prior"), "cpu").unet.state_dict()
    assert all(torch.equal(end[name], value) for name, value in start.items())


@pytest.mark.slow
def test_it_learns_from_the_states_of_its_own_runs(monkeypatch, tmp_path, faces):
    shrink(monkeypatch)
    counts = []
    monkeypatch.setattr(
        script, "own_states", lambda *given: (counts.append(given[3]), prior_states.own_states(*given))[1]
    )
    script.main([*with_argv(faces, tmp_path / "out", "--own", "0.5"), "--batch", "4"])
    assert counts == [2]
    assert samples_seen(tmp_path / "out") > 0
    assert load_prior(str(tmp_path / "out" / "prior"), "cpu").image_size == 32


def test_wrong_arguments_end_before_training(tmp_path, faces):
    with pytest.raises(ValueError, match="no images found"):
        script.main(with_argv(tmp_path / "nowhere", tmp_path / "out"))
    with pytest.raises(ValueError, match="device is 'abacus'"):
        script.main([*with_argv(faces, tmp_path / "out"), "--device", "abacus"])
    assert not (tmp_path / "out").exists()
