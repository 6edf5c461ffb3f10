import json

import pytest
import torch
from adm_reference import random_checkpoint
from diffusers import UNet2DModel

from dpi_core.evaluation import prior_costs
from dpi_core.weights import convert_adm
from dpi_core.weights.registry import PRIORS


@pytest.mark.parametrize(("name", "parameters"), [("ffhq-256", 93_563_910), ("celebahq-256", 113_673_219)])
def test_the_stand_ins_are_as_large_as_what_they_stand_for(name, parameters):
    with torch.device("meta"):
        unet = UNet2DModel(**prior_costs.ARCHITECTURES[name])
    assert sum(p.numel() for p in unet.parameters()) == parameters
    assert 1.0 <= PRIORS[name].size / (4 * parameters) < 1.001  # float32 and a little for the names


def test_the_stand_in_is_what_a_checkpoint_is_converted_to():
    read = convert_adm.architecture(random_checkpoint(128, (1, 1, 2, 2, 4, 4), 1, (4,)))
    known = prior_costs.ARCHITECTURES["ffhq-256"]
    assert {key: read[key] for key in known} == known


def test_every_prior_is_timed_and_an_unknown_one_refused(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("DPI_CORE_CACHE", str(tmp_path))
    tiny = {
        "sample_size": 256,
        "layers_per_block": 1,
        "block_out_channels": (8, 8),
        "down_block_types": ("DownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "UpBlock2D"),
        "norm_num_groups": 4,
    }
    monkeypatch.setitem(prior_costs.ARCHITECTURES, "ffhq-256", tiny)
    prior_costs.main(["ffhq-256", "embedded", "--steps", "2", "--device", "cpu"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["prior"] for row in rows] == ["ffhq-256", "embedded"]
    assert rows[0]["weights"].startswith("random (")
    assert rows[1]["weights"] == "its own"
    assert all(row["seconds"] > 0 and row["steps"] == 2 for row in rows)
    with pytest.raises(SystemExit):
        prior_costs.main(["nope"])
    assert "allowed are embedded, ffhq-256, celebahq-256" in capsys.readouterr().err
