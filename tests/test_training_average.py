import pytest
import torch
from diffusers import UNet2DModel

from dpi_core.models.priors import UNetPrior, load_prior, save_prior
from dpi_core.training.average import main, mean_weights
from dpi_core.weights.unets import load_unet, save_unet

BLOCKS = {"down_block_types": ("DownBlock2D",), "up_block_types": ("UpBlock2D",), "norm_num_groups": 4}
CPU = torch.device("cpu")


def network(width=8, channels=3):
    return UNet2DModel(
        sample_size=16, in_channels=channels, out_channels=channels, block_out_channels=(width,), **BLOCKS
    )


def test_the_mean_of_one_is_itself_and_of_two_lies_halfway():
    a, b = network().state_dict(), network().state_dict()
    assert all(torch.equal(value, a[name]) for name, value in mean_weights([a]).items())
    for name, value in mean_weights([a, b]).items():
        assert torch.allclose(value, (a[name] + b[name]) / 2, atol=1e-6)
        assert value.shape == a[name].shape


def test_a_mean_of_priors_is_a_prior(tmp_path):
    for seed in range(2):
        torch.manual_seed(seed)
        save_prior(UNetPrior(network(channels=12), 32, "v", 2, "tight-128"), tmp_path / str(seed))
    main([str(tmp_path / "0"), str(tmp_path / "1"), "--out", str(tmp_path / "mean")])
    a, b, mean = (load_prior(str(tmp_path / name), "cpu") for name in ("0", "1", "mean"))
    assert (mean.prediction, mean.unshuffle, mean.template) == ("v", 2, "tight-128")
    for x, y, z in zip(a.unet.parameters(), b.unet.parameters(), mean.unet.parameters(), strict=True):
        assert torch.allclose(z, (x + y) / 2, atol=1e-3)  # float16 on disk


def test_a_mean_of_correctors_needs_no_description(tmp_path):
    save_unet(network(), tmp_path / "a")
    main([str(tmp_path / "a"), str(tmp_path / "a"), "--out", str(tmp_path / "mean")])
    found = load_unet(tmp_path / "mean", CPU).state_dict()
    assert all(torch.equal(value, found[name]) for name, value in load_unet(tmp_path / "a", CPU).state_dict().items())
    assert not (tmp_path / "mean" / "prior.json").exists()


def test_networks_that_are_no_kin_are_refused(tmp_path):
    save_unet(network(8), tmp_path / "a")
    save_unet(network(16), tmp_path / "b")
    with pytest.raises(SystemExit, match="differ in their layers"):
        main([str(tmp_path / "a"), str(tmp_path / "b"), "--out", str(tmp_path / "mean")])
    with pytest.raises(SystemExit, match="no diffusers UNet2DModel"):
        main([str(tmp_path / "nowhere"), "--out", str(tmp_path / "mean")])
    assert not (tmp_path / "mean").exists()
