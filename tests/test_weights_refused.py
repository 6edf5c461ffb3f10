"""What is no prior is refused in a sentence, before its weights are fetched."""

import json

import pytest
from hub_server import serving
from pipelines import pipeline, published

from dpi_core import load_prior
from dpi_core.weights.obtain import prior_folder, prior_folder_steps
from dpi_core.weights.unets import UNET_FILE


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with serving(monkeypatch, tmp_path) as hub:
        yield hub


@pytest.mark.parametrize(
    ("index", "config", "message"),
    [
        ({"vae": ["diffusers", "AutoencoderKL"]}, {}, "works on latents, not on pixels"),
        ({}, {"_class_name": "UNet2DConditionModel"}, r"is conditional \(UNet2DConditionModel\)"),
        ({}, {"num_class_embeds": 10}, "is conditional"),
        ({}, {"in_channels": 4, "out_channels": 4}, "expects 4 channels"),
        ({}, {"sample_size": None}, "sample_size None"),
        ({}, {"_class_name": "Transformer2DModel"}, "holds a Transformer2DModel"),
    ],
)
def test_networks_that_are_no_prior_are_refused_before_their_weights_are_fetched(hub, tmp_path, index, config, message):
    repo = tmp_path / "repo"
    pipeline(repo, index=index)
    known = json.loads((repo / "config.json").read_text())
    (repo / "config.json").write_text(json.dumps(known | config))
    published(hub, repo)
    for name in ("owner/faces", str(repo)):
        with pytest.raises(ValueError, match=message) as caught:
            load_prior(name, "cpu")
        assert name in str(caught.value)
    assert not any(UNET_FILE in path for _, path, _ in hub.asked)


@pytest.mark.parametrize(
    ("scheduler", "message"),
    [
        ({"beta_schedule": "squaredcos_cap_v2"}, "its noise schedule is"),
        ({"beta_end": 0.012}, "its noise schedule is"),
        ({"prediction_type": "sample"}, "predicts 'sample'"),
    ],
)
def test_another_noise_schedule_is_refused(tmp_path, scheduler, message):
    pipeline(tmp_path / "repo", scheduler=scheduler)
    with pytest.raises(ValueError, match=message):
        load_prior(str(tmp_path / "repo"), "cpu")


def test_a_repository_without_a_network_is_refused(hub):
    hub.files["owner/texts", "README.md"] = b"hello"
    with pytest.raises(ValueError, match="owner/texts: no diffusers UNet2DModel"):
        prior_folder("owner/texts")


@pytest.mark.parametrize("name", ["", "ffhq", "a/b/c", "../up/there", "owner/", "owner/na me"])
def test_what_is_no_name_is_refused_with_those_there_are(name):
    with pytest.raises(ValueError, match=r"allowed is 'embedded', 'ffhq-256', 'celebahq-256', a folder") as caught:
        list(prior_folder_steps(name or "nothing"))
    assert "\n" not in str(caught.value)
