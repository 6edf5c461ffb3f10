"""The octave above a prior: Haar's split, states of unit variance, exactness where the answer is known, files."""

import json
from types import SimpleNamespace

import pytest
import torch
from diffusers import UNet2DModel
from torch import Tensor, nn
from training_runs import pictures, with_argv, write_faces

from dpi_core.method.diffusion import linear_alpha_bar
from dpi_core.models.octave_prior import MEANS, OctavePrior, angle, merge, smooth_differences, split
from dpi_core.models.priors import load_prior, save_prior
from dpi_core.models.unet_prior import UNetPrior
from dpi_core.training import octave as script

pytestmark = pytest.mark.usefixtures("seeded")
DEVIATION = 0.05


class Answers(nn.Module):
    """A network that answers what it is told to, whatever it is asked; remembers what it saw."""

    def __init__(self, answer: Tensor):
        super().__init__()
        self.answer, self.asked = answer, None

    def forward(self, x: Tensor, t: Tensor):
        self.asked = (x, t)
        return SimpleNamespace(sample=self.answer)


@pytest.fixture
def untrained() -> UNet2DModel:
    return script.new_network(128)


def test_split_and_merge_are_inverse():
    image = torch.randn(2, 3, 16, 16)
    assert torch.allclose(merge(*split(image)), image, atol=1e-6)


def test_white_noise_stays_white_noise_of_one_deviation():
    means, differences = split(torch.randn(8, 3, 64, 64))
    assert float(MEANS * means.std()) == pytest.approx(1, abs=0.02)
    assert float(differences.std()) == pytest.approx(1, abs=0.02)
    together = torch.cat([MEANS * means, differences], dim=1).transpose(0, 1).flatten(1)
    assert float((torch.corrcoef(together) - torch.eye(12)).abs().max()) < 0.05


def test_a_smooth_ramp_is_known_from_its_means():
    ramp = torch.linspace(-1, 1, 32).expand(1, 3, 32, 32)
    means, differences = split(ramp)
    inner = (differences - smooth_differences(means))[..., 3:-3, 3:-3]
    assert float(inner.abs().max()) < 1e-5


def test_what_both_networks_know_comes_back_whole():
    """With true answers for both bands v of the whole is the true one, at any noise."""
    alpha_bar = linear_alpha_bar()
    x0, noise = pictures(3, 32), torch.randn(3, 3, 32, 32)
    t = torch.tensor([0, 300, 999])
    ab = alpha_bar[t].view(-1, 1, 1, 1).float()
    x_t = ab.sqrt() * x0 + (1 - ab).sqrt() * noise
    (means, differences), (means_noise, fine_noise) = split(x0), split(noise)
    coarse, fine = angle(ab, MEANS), angle(ab, DEVIATION)
    base = UNetPrior(Answers(coarse.cos * MEANS * means_noise - coarse.sin * means), 16, "v", 1, "tight-128")
    rest = (differences - smooth_differences(means)) / DEVIATION
    prior = OctavePrior(base, Answers(fine.cos * fine_noise - fine.sin * rest), DEVIATION)
    v = prior.network_output(x_t, t)
    assert torch.allclose(v, ab.sqrt() * noise - (1 - ab).sqrt() * x0, atol=1e-4)
    assert torch.allclose(prior.predict_eps(x_t, t), noise, atol=1e-4)
    state, asked_at = base.unet.asked
    assert torch.allclose(state, coarse.cos * means + coarse.sin * MEANS * means_noise, atol=1e-5)
    assert asked_at.shape == (3,)


def test_the_base_is_asked_where_its_images_are_as_noisy_as_the_means():
    prior = OctavePrior(UNetPrior(Answers(torch.zeros(1)), 16, "v", 1, "tight-128"), Answers(torch.zeros(1)), DEVIATION)
    logs = (prior.alpha_bar / (1 - prior.alpha_bar)).log().double()
    for t in (5, 100, 400, 999):
        at = float(prior._as_noisy(angle(prior.alpha_bar[t].view(1, 1, 1, 1), MEANS)))
        assert at < t
        low = int(at)
        between = logs[low] + (at - low) * (logs[min(low + 1, 999)] - logs[low])
        assert float(between) == pytest.approx(float(logs[t]) + torch.tensor(4.0).log().item(), abs=0.02)


def test_states_have_unit_variance_if_the_signal_has_its_deviation():
    for ab in (0.9999, 0.5, 1e-4):
        found = angle(torch.tensor(ab).view(1, 1, 1, 1), DEVIATION)
        assert float(found.cos**2 + found.sin**2) == pytest.approx(1, abs=1e-4)


def test_a_saved_octave_loads_and_answers_the_same(untrained, tmp_path):
    prior = OctavePrior(load_prior("embedded", "cpu"), untrained.half().float().eval(), DEVIATION)
    save_prior(prior, tmp_path)
    again = load_prior(str(tmp_path), "cpu")
    assert (again.image_size, again.template) == (256, "tight-128")
    x, t = torch.randn(1, 3, 256, 256), torch.tensor([400])
    assert torch.equal(again.predict_eps(x, t), prior.predict_eps(x, t))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"above": "owner/name"}, "allowed is 'embedded'"),
        ({"deviation": -1.0}, "above 0"),
        ({"deviation": None}, "above 0"),
    ],
)
def test_a_folder_that_says_something_else_is_refused(untrained, tmp_path, changed, told):
    save_prior(OctavePrior(load_prior("embedded", "cpu"), untrained, DEVIATION), tmp_path)
    sidecar = tmp_path / "prior.json"
    sidecar.write_text(json.dumps(json.loads(sidecar.read_text()) | changed))
    with pytest.raises(ValueError, match=told):
        load_prior(str(tmp_path), "cpu")


@pytest.mark.slow
def test_training_leaves_the_base_alone_and_goes_on_where_it_stopped(tmp_path):
    faces, out = write_faces(tmp_path / "faces", size=272, count=4), tmp_path / "runs" / "octave"
    for _ in range(2):
        script.main([*with_argv(faces, out), "--window", "32"])
    prior = load_prior(str(out / "prior"), "cpu")
    embedded = load_prior("embedded", "cpu")
    assert prior.deviation > 0
    pairs = zip(prior.base.unet.parameters(), embedded.unet.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
