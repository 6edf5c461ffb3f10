"""Converted ADM checkpoints against numbers of the published implementation, and against the network written out."""

import pickle

import numpy as np
import pytest
import torch
from adm_reference import adm as reference
from adm_reference import random_checkpoint
from conftest import DATA
from diffusers import UNet2DModel

from dpi_core import load_prior
from dpi_core.weights import convert_adm
from dpi_core.weights.unets import load_unet

GOLDEN = DATA / "adm_tiny_seed5_ch32.pt"


@pytest.fixture(scope="module")
def golden() -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(value) for name, value in np.load(GOLDEN.with_suffix(".npz")).items()}


def outputs(state, x, t):
    config, weights = convert_adm.converted(state)
    unet = UNet2DModel(**config).eval()
    unet.load_state_dict(weights)
    with torch.no_grad():
        return unet(x, t).sample


def test_the_golden_checkpoint_gives_the_golden_output(golden, tmp_path):
    convert_adm.convert(GOLDEN, tmp_path)
    with torch.no_grad():
        y = load_unet(tmp_path, torch.device("cpu"))(golden["x"], golden["t"]).sample
    assert y.shape == golden["y"].shape
    assert float((y - golden["y"]).abs().max()) < 1e-4


def test_a_prior_gives_the_noise_of_it_and_drops_the_variance(golden, tmp_path, monkeypatch):
    monkeypatch.setenv("DPI_CORE_CACHE", str(tmp_path))
    prior = load_prior(str(GOLDEN), "cpu")
    assert (prior.image_size, prior.prediction, prior.template) == (256, "epsilon", "ffhq-256")
    eps = prior.predict_eps(golden["x"], golden["t"])
    assert float((eps - golden["y"][:, :3]).abs().max()) < 1e-4


def test_rows_left_as_they_are_would_go_unnoticed_but_for_the_numbers(golden, monkeypatch):
    monkeypatch.setattr(
        convert_adm, "split_qkv", lambda value: value.flatten(1).chunk(3) if value.ndim > 1 else value.chunk(3)
    )
    y = outputs(convert_adm.read_checkpoint(GOLDEN), golden["x"], golden["t"])
    assert float((y - golden["y"]).abs().max()) > 1e-2


def test_the_written_out_network_gives_the_golden_output(golden):
    y = reference(convert_adm.read_checkpoint(GOLDEN), golden["x"], golden["t"])
    assert float((y - golden["y"]).abs().max()) < 1e-4


@pytest.mark.parametrize(
    "shape",
    [
        {"base": 32, "mult": (1, 2, 2), "layers": 1, "attend": (1,)},
        {"base": 64, "mult": (1, 2), "layers": 2, "attend": (0, 1), "outputs": 3},
        {"base": 32, "mult": (1, 1, 4, 6), "layers": 3, "attend": (2, 3)},
        {"base": 64, "mult": (1,), "layers": 1, "attend": ()},
    ],
)
def test_checkpoints_of_other_widths_and_depths_too(shape):
    state = random_checkpoint(**shape)
    x = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    t = torch.tensor([3, 941])
    found, expected = outputs(state, x, t), reference(state, x, t)
    assert float((found - expected).abs().max()) < 1e-4 * max(1.0, float(expected.abs().max()))


def test_the_architecture_of_the_published_prior():
    full = random_checkpoint(128, (1, 1, 2, 2, 4, 4), 1, (4,))
    assert sum(value.numel() for value in full.values()) == 93_563_910
    config = convert_adm.architecture(full)
    assert config["block_out_channels"] == (128, 128, 256, 256, 512, 512)
    assert (config["sample_size"], config["layers_per_block"], config["out_channels"]) == (256, 1, 6)
    assert [i for i, kind in enumerate(config["down_block_types"]) if "Attn" in kind] == [4]
    assert config["resnet_time_scale_shift"] == "scale_shift"


def test_rows_are_permuted_from_heads_first_to_kinds_first():
    rows = torch.arange(2 * 3 * 4)  # 2 heads, 3 kinds, width 4
    q, k, v = convert_adm.split_qkv(rows, width=4)
    assert q.tolist() == [0, 1, 2, 3, 12, 13, 14, 15]
    assert k.tolist() == [4, 5, 6, 7, 16, 17, 18, 19]
    assert v.tolist() == [8, 9, 10, 11, 20, 21, 22, 23]
    matrix = rows[:, None, None].expand(24, 8, 1)
    assert all(
        torch.equal(m[:, 0], b) and m.shape == (8, 8)
        for m, b in zip(convert_adm.split_qkv(matrix, 4), (q, k, v), strict=True)
    )


SMALL = {"base": 32, "mult": (1, 2), "attend": (1,)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("time_embed.0.weight"), "not of the guided-diffusion family"),
        (lambda s: s.update({"label_emb.weight": torch.zeros(10, 128)}), "conditional"),
        (lambda s: s.update({"input_blocks.0.0.weight": torch.zeros(32, 6, 3, 3)}), "has 6 inputs and 6 outputs"),
        (lambda s: s.update({"out.2.weight": torch.zeros(4, 32, 3, 3)}), "has 3 inputs and 4 outputs"),
        (lambda s: s.update({"input_blocks.2.0.op.weight": torch.zeros(1)}), "plain convolutions"),
        (lambda s: s.pop("middle_block.0.in_layers.2.bias"), "does not fit its architecture in 1 weights"),
        (lambda s: s.update({"middle_block.0.in_layers.2.bias": torch.zeros(5)}), r"is \(5,\), expected \(64,\)"),
        (lambda s: s.update({"input_blocks.1.0.surprise.weight": torch.zeros(1)}), "has no place"),
        (lambda s: s.update({"surprise": torch.zeros(1)}), "has no place"),
        (lambda s: s.pop("out.2.weight"), "lacks 'out.2.weight'"),
        (lambda s: [s.pop(n) for n in list(s) if n.startswith("output_blocks.3.")], "cannot be shared out evenly"),
    ],
)
def test_other_networks_are_refused_in_a_sentence(tmp_path, change, message):
    state = random_checkpoint(**SMALL)
    change(state)
    torch.save(state, tmp_path / "net.pt")
    with pytest.raises(ValueError, match=message) as caught:
        convert_adm.convert(tmp_path / "net.pt", tmp_path / "out")
    assert str(tmp_path / "net.pt") in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_attention_at_an_odd_width_is_refused():
    with pytest.raises(ValueError, match="attends at 96 channels; allowed are multiples of 64"):
        convert_adm.architecture(random_checkpoint(32, (1, 3), attend=()) | _qkv_at(3, 96))


def _qkv_at(block: int, width: int) -> dict[str, torch.Tensor]:
    return {f"input_blocks.{block}.1.qkv.weight": torch.zeros(3 * width, width, 1)}


class Bomb:
    """A pickle of this runs code when it is read without care."""

    def __reduce__(self):
        return pytest.fail, ("code in a checkpoint was run",)


def test_code_in_a_checkpoint_is_never_run(tmp_path):
    torch.save({"input_blocks.0.0.weight": Bomb()}, tmp_path / "bomb.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Bomb(), protocol=2))
    for name in ("bomb.pt", "plain.pt"):
        with pytest.raises(ValueError, match="refused, since it is damaged or holds more than tensors"):
            convert_adm.read_checkpoint(tmp_path / name)


@pytest.mark.parametrize(
    "content", [b"", b"no checkpoint", GOLDEN.read_bytes()[:100_000]], ids=["empty", "text", "cut"]
)
def test_a_damaged_checkpoint_is_a_sentence(tmp_path, content):
    for name in ("net.pt", "net.safetensors"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match="damaged") as caught:
            convert_adm.read_checkpoint(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_only_tensors_by_name_are_a_checkpoint(tmp_path):
    torch.save({"epoch": 3, "model": {}}, tmp_path / "net.pt")
    with pytest.raises(ValueError, match="expected tensors by name"):
        convert_adm.read_checkpoint(tmp_path / "net.pt")
