from types import SimpleNamespace

import pytest
import torch
from diffusers import UNet2DModel
from formulas import analytic_corrector
from torch import nn

from dpi_core import load_corrector
from dpi_core.method.interfaces import Corrector
from dpi_core.models.correctors import UNetCorrector
from dpi_core.weights.unets import save_unet

SIZES = [(8, 8), (13, 21), (16, 16), (43, 43), (64, 64), (32, 9)]


@pytest.fixture(scope="module")
def embedded():
    return load_corrector(device="cpu")


def grids(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator), torch.rand(shape, generator=generator) * 2 - 1


class Network(nn.Module):
    """Answers with what `answer` makes of its input, and remembers the input."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, both, t):
        self.seen = both
        return SimpleNamespace(sample=self.answer(both))


@pytest.mark.parametrize("size", SIZES)
def test_a_network_that_adds_nothing_gives_the_condition_back(size):
    c, y_init = grids(2, 3, *size)
    corrector = UNetCorrector(Network(lambda both: torch.zeros_like(both[:, :3])))
    assert torch.equal(corrector(c, torch.tensor([5, 900]), y_init), y_init)


@pytest.mark.parametrize("size", SIZES)
def test_the_network_sees_both_grids_where_they_are_and_a_border_that_repeats(size):
    c, y_init = grids(1, 3, *size)
    network = Network(lambda both: both[:, :3] - both[:, 3:])
    out = UNetCorrector(network)(c, torch.tensor([5]), y_init)
    assert torch.allclose(out, c, atol=1e-6)  # y_init + (c - y_init)
    height, width = size
    assert network.seen.shape[2] % 8 == network.seen.shape[3] % 8 == 0
    assert network.seen.shape[2] - height < 8
    assert network.seen.shape[3] - width < 8
    assert torch.equal(network.seen[..., :height, :width], torch.cat([c, y_init], dim=1))
    rows = torch.arange(network.seen.shape[2]).clamp(max=height - 1)
    columns = torch.arange(network.seen.shape[3]).clamp(max=width - 1)
    assert torch.equal(network.seen, torch.cat([c, y_init], dim=1)[:, :, rows][..., columns])


def test_the_embedded_corrector_is_a_corrector(embedded):
    assert isinstance(embedded, Corrector)
    assert isinstance(analytic_corrector, Corrector)
    assert not isinstance("a string", Corrector)


@pytest.mark.parametrize("size", SIZES)
def test_batch_equals_single_at_any_size(embedded, size):
    t = torch.tensor([950, 300, 0])
    c, y_init = grids(3, 3, *size)
    together = embedded(c, t, y_init)
    assert together.shape == y_init.shape
    for i in range(3):
        alone = embedded(c[i : i + 1], t[i : i + 1], y_init[i : i + 1])
        assert torch.allclose(alone, together[i : i + 1], atol=1e-4)


def test_what_was_given_is_left_as_it_was(embedded):
    c, y_init = grids(1, 3, 13, 16)
    copies = c.clone(), y_init.clone()
    embedded(c, torch.tensor([100]), y_init)
    assert torch.equal(c, copies[0])
    assert torch.equal(y_init, copies[1])


def test_wrong_names_folders_and_devices_are_refused(tmp_path):
    with pytest.raises(ValueError, match="corrector is 'no-such'; allowed is 'embedded' or a folder"):
        load_corrector("no-such")
    with pytest.raises(ValueError, match="no diffusers UNet2DModel"):
        load_corrector(str(tmp_path))
    with pytest.raises(ValueError, match="device is 'abacus'"):
        load_corrector(device="abacus")


def test_a_network_with_other_channels_is_refused(tmp_path):
    blocks = {"down_block_types": ("DownBlock2D",), "up_block_types": ("UpBlock2D",), "block_out_channels": (8,)}
    save_unet(UNet2DModel(sample_size=8, in_channels=3, out_channels=3, norm_num_groups=4, **blocks), tmp_path)
    with pytest.raises(ValueError, match="a corrector has 6 input and 3 output channels, this network has 3 and 3"):
        load_corrector(str(tmp_path))
