import json
from types import SimpleNamespace

import pytest
import torch
from pipelines import tiny_unet
from torch import nn

from dpi_core import load_prior
from dpi_core.faces.templates import TEMPLATES
from dpi_core.method.diffusion import linear_alpha_bar
from dpi_core.method.interfaces import Prior
from dpi_core.models.priors import SIDECAR, UNetPrior, save_prior
from dpi_core.weights.unets import load_unet, save_unet

AB = linear_alpha_bar()


@pytest.fixture(scope="module")
def embedded():
    return load_prior(device="cpu")


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class Oracle(nn.Module):
    """A network that knows the answer, on the folded grid it is asked on; `extra` channels more than it needs."""

    def __init__(self, answer: torch.Tensor, factor: int, extra: int = 0):
        super().__init__()
        self.answer = nn.functional.pixel_unshuffle(answer, factor)
        self.extra = extra

    def forward(self, x, t):
        assert x.shape == self.answer.shape
        return SimpleNamespace(sample=torch.cat([self.answer, self.answer[:, : self.extra]], dim=1))


@pytest.mark.parametrize("extra", [0, 3])
@pytest.mark.parametrize("factor", [1, 2, 4])
def test_eps_follows_from_v_whatever_the_timestep(factor, extra):
    t = torch.tensor([0, 10, 300, 999])
    ab = AB[t].float().view(-1, 1, 1, 1)
    x0, eps = noise(4, 3, 8, 8).clamp(-1, 1), noise(4, 3, 8, 8, seed=1)
    x_t = ab.sqrt() * x0 + (1 - ab).sqrt() * eps
    v = ab.sqrt() * eps - (1 - ab).sqrt() * x0
    prior = UNetPrior(Oracle(v, factor, extra), 8, "v", factor, "tight-128")
    assert torch.allclose(prior.predict_eps(x_t, t), eps, atol=1e-5)
    assert torch.allclose(prior.network_output(x_t, t), v)


@pytest.mark.parametrize("factor", [1, 2])
def test_a_network_that_names_the_noise_is_taken_at_its_word(factor):
    eps = noise(2, 3, 8, 8)
    prior = UNetPrior(Oracle(eps, factor, extra=3), 8, "epsilon", factor, "tight-128")
    assert torch.equal(prior.predict_eps(noise(2, 3, 8, 8, seed=1), torch.tensor([5, 500])), eps)


def test_the_embedded_prior_is_a_prior(embedded, analytic_prior):
    assert isinstance(embedded, Prior)
    assert isinstance(analytic_prior, Prior)
    assert not isinstance(tiny_unet(), Prior)
    assert embedded.image_size == 128
    assert torch.equal(embedded.alpha_bar, AB)
    assert TEMPLATES[embedded.template].size == embedded.image_size


def test_batch_equals_single(embedded):
    t = torch.tensor([950, 300, 0])
    x = noise(3, 3, 128, 128)
    together = embedded.predict_eps(x, t)
    assert together.shape == x.shape
    for i in range(3):
        assert torch.allclose(embedded.predict_eps(x[i : i + 1], t[i : i + 1]), together[i : i + 1], atol=1e-4)


def test_the_embedded_prior_knows_noise_when_it_sees_it(embedded):
    # At the noisiest timestep x is noise alone, and a prior that is any good says so.
    x = noise(1, 3, 128, 128)
    error = embedded.predict_eps(x, torch.tensor([999])) - x
    assert float(error.square().mean()) < 0.01


@pytest.mark.parametrize(("prediction", "unshuffle"), [("v", 2), ("epsilon", 1)])
def test_a_saved_prior_is_the_same_prior(tmp_path, prediction, unshuffle):
    prior = UNetPrior(
        tiny_unet(in_channels=3 * unshuffle**2, out_channels=3 * unshuffle**2), 32, prediction, unshuffle, "tight-128"
    )
    save_prior(prior, tmp_path)
    loaded = load_prior(str(tmp_path), "cpu")
    for name in ("image_size", "prediction", "unshuffle", "template"):
        assert getattr(loaded, name) == getattr(prior, name)
    x, t = noise(1, 3, 32, 32), torch.tensor([400])
    assert torch.allclose(loaded.predict_eps(x, t), prior.predict_eps(x, t), atol=5e-3)  # saved in half precision


def test_a_plain_diffusers_network_predicts_eps(tmp_path):
    save_unet(tiny_unet(), tmp_path)
    prior = load_prior(str(tmp_path), "cpu")
    assert (prior.prediction, prior.unshuffle, prior.image_size) == ("epsilon", 1, 16)
    x, t = noise(1, 3, 16, 16), torch.tensor([7])
    assert torch.equal(prior.predict_eps(x, t), load_unet(tmp_path, torch.device("cpu"))(x, t).sample)


def test_a_learned_variance_is_dropped(tmp_path):
    save_unet(tiny_unet(out_channels=6), tmp_path)
    assert load_prior(str(tmp_path), "cpu").predict_eps(noise(2, 3, 16, 16), torch.tensor([1, 2])).shape == (
        2,
        3,
        16,
        16,
    )


def test_unknown_names_and_devices_are_refused():
    with pytest.raises(ValueError, match="prior is 'no-such-prior'; allowed is"):
        load_prior("no-such-prior")
    with pytest.raises(ValueError, match="device is 'abacus'"):
        load_prior(device="abacus")


@pytest.mark.parametrize("prediction", ["x0", "V", "", None])
def test_an_unknown_prediction_is_refused(prediction):
    with pytest.raises(ValueError, match=r"prediction is .*; allowed is 'v' or 'epsilon'"):
        UNetPrior(tiny_unet(), 16, prediction, 1, "tight-128")


def test_a_network_with_the_wrong_channels_is_refused(tmp_path):
    save_unet(tiny_unet(in_channels=4, out_channels=4), tmp_path)
    with pytest.raises(ValueError, match="expects 4 channels"):
        load_prior(str(tmp_path), "cpu")


GOOD = {"image_size": 16, "prediction": "epsilon", "unshuffle": 1, "template": "tight-128"}


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({**GOOD, "prediction": "x0"}, "prediction is 'x0'"),
        ({**GOOD, "unshuffle": 2}, "takes 3 channels; with unshuffle 2 it must take 12"),
        ({**GOOD, "colour": "blue"}, "expected the fields image_size"),
        ({"image_size": 16}, "expected the fields image_size"),
        ([1, 2], "expected the fields image_size"),
        ("{", "expected the fields image_size"),
    ],
)
def test_a_wrong_sidecar_is_named(tmp_path, description, message):
    save_unet(tiny_unet(), tmp_path)
    (tmp_path / SIDECAR).write_text(description if isinstance(description, str) else json.dumps(description))
    with pytest.raises(ValueError, match=message):
        load_prior(str(tmp_path), "cpu")
