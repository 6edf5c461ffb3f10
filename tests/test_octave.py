"""The octave above a prior: Haar's split, states of unit variance, exactness where the answer is known, files."""

import json
from types import SimpleNamespace

import pytest
import torch
from diffusers import UNet2DModel
from torch import Tensor, nn
from training_runs import pictures, with_argv, write_faces

from dpi_core.models.octave import (
    Band,
    Octave,
    angle,
    load_octave,
    merge,
    save_octave,
    smooth_differences,
    split,
)
from dpi_core.models.priors import load_prior
from dpi_core.training import top_octave as script

pytestmark = pytest.mark.usefixtures("seeded")
DEVIATION = 0.05


class Knows(nn.Module):
    """Answers the v that leads to `signal`, whatever noise it is shown."""

    def __init__(self, signal: Tensor, octave_of):
        super().__init__()
        self.signal, self.octave_of = signal, octave_of

    def forward(self, x: Tensor, t: Tensor):
        phi, z = self.octave_of().angle_at(t, x), x[:, :9]
        noise = (z - phi.cos * self.signal) / phi.sin
        return SimpleNamespace(sample=phi.velocity(Band(self.signal, noise)))


@pytest.fixture
def untrained() -> Octave:
    return Octave(script.new_network(32).eval(), 32, DEVIATION)


def test_split_and_merge_are_inverse():
    image = torch.randn(2, 3, 16, 16)
    assert torch.allclose(merge(*split(image)), image, atol=1e-6)


def test_white_noise_stays_white_noise_of_one_deviation():
    means, differences = split(torch.randn(8, 3, 64, 64))
    together = torch.cat([2 * means, differences], dim=1).transpose(0, 1).flatten(1)
    assert torch.allclose(together.std(dim=1), torch.ones(12), atol=0.02)
    assert float((torch.corrcoef(together) - torch.eye(12)).abs().max()) < 0.05


def test_a_straight_ramp_is_known_from_its_means():
    ramp = torch.linspace(-1, 1, 32).expand(1, 3, 32, 32)
    means, differences = split(ramp)
    inner = (differences - smooth_differences(means))[..., 3:-3, 3:-3]
    assert float(inner.abs().max()) < 1e-5


def test_what_v_says_of_a_state_is_what_it_was_made_of():
    for ab in (0.9999, 0.5, 1e-4):
        phi, band = (
            angle(torch.tensor(ab).view(1, 1, 1, 1), DEVIATION),
            Band(torch.randn(1, 9, 4, 4), torch.randn(1, 9, 4, 4)),
        )
        assert float(phi.cos**2 + phi.sin**2) == pytest.approx(1, abs=1e-4)
        found = phi.estimated(phi.state(band), phi.velocity(band))
        assert torch.allclose(found.signal, band.signal, atol=1e-3)
        assert torch.allclose(found.noise, band.noise, atol=1e-3)


def test_a_network_that_knows_the_differences_gives_the_true_face_back():
    face = pictures(2, 32)
    means, differences = split(face)
    signal = (differences - smooth_differences(means)) / DEVIATION
    octave = Octave(Knows(signal, lambda: octave), 16, DEVIATION)
    assert torch.allclose(octave.draw(means, (0, 1)), face, atol=1e-3)


def test_a_drawn_face_keeps_every_mean(untrained):
    means = pictures(2, 32)
    drawn = untrained.draw(means, (0, 1))
    assert drawn.shape == (2, 3, 64, 64)
    assert torch.allclose(split(drawn)[0], means, atol=1e-5)


def test_a_seed_draws_the_same_in_any_company(untrained):
    nn.init.normal_(untrained.unet.conv_out.weight, std=0.1)
    means = pictures(2, 32)
    both = untrained.draw(means, (5, 7))
    assert torch.allclose(both[1:], untrained.draw(means[1:], (7,)), atol=1e-5)
    assert not torch.allclose(untrained.draw(means[1:], (5,)), both[1:], atol=1e-3)


def test_a_saved_octave_loads_and_draws_the_same(untrained, tmp_path):
    untrained.unet.half().float()
    save_octave(untrained, tmp_path)
    again = load_octave(str(tmp_path), "cpu")
    means = pictures(1, 32)
    assert torch.equal(again.draw(means, (0,)), untrained.draw(means, (0,)))


@pytest.mark.parametrize("changed", [{"side": 0}, {"side": "128"}, {"deviation": -1.0}, {"deviation": None}])
def test_a_folder_that_says_something_else_is_refused(untrained, tmp_path, changed):
    save_octave(untrained, tmp_path)
    sidecar = tmp_path / "octave.json"
    sidecar.write_text(json.dumps(json.loads(sidecar.read_text()) | changed))
    with pytest.raises(ValueError, match="above 0"):
        load_octave(str(tmp_path), "cpu")
    sidecar.write_text("[]")
    with pytest.raises(ValueError, match="side and deviation"):
        load_octave(str(tmp_path), "cpu")


def test_a_network_of_another_kind_is_refused(untrained, tmp_path):
    other = UNet2DModel.from_config({**untrained.unet.config, "out_channels": 3})
    save_octave(Octave(other, 32, DEVIATION), tmp_path)
    with pytest.raises(ValueError, match="12 input and 9 output"):
        load_octave(str(tmp_path), "cpu")


@pytest.mark.slow
def test_training_goes_on_where_it_stopped(tmp_path):
    faces, out = write_faces(tmp_path / "faces", size=272, count=4), tmp_path / "runs" / "octave"
    for _ in range(2):
        script.main([*with_argv(faces, out), "--window", "32"])
    assert load_octave(str(out / "octave"), "cpu").side == load_prior("embedded", "cpu").image_size
    rows = torch.load(out / "checkpoint.pt", weights_only=True)
    assert rows["samples"] >= 4
