import hashlib
import json

import pytest
import torch
from pipelines import tiny_unet
from safetensors import safe_open

from dpi_core.weights import embedded_files
from dpi_core.weights.embedded_files import EMBEDDED, EmbeddedWeights, embedded_file, embedded_folder
from dpi_core.weights.unets import UNET_FILE, load_unet, save_unet

CPU = torch.device("cpu")
NETWORKS = ["prior", "corrector", "octave"]


@pytest.fixture
def forgetful():
    """Files are checked anew, before and after."""
    embedded_file.cache_clear()
    yield
    embedded_file.cache_clear()


@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded_files_are_the_ones_this_version_ships(forgetful, name):
    path = embedded_file(name)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == EMBEDDED[name].sha256
    if path.suffix != ".safetensors":
        return
    with safe_open(path, "pt") as file:
        dtypes = {file.get_slice(key).get_dtype() for key in file.keys()}  # noqa: SIM118
    assert dtypes == {"F16"}


def test_embedded_models_together_stay_small():
    assert sum(embedded_file(name).stat().st_size for name in EMBEDDED) < 40e6
    assert not [
        path for path in embedded_files.ASSETS.rglob("*") if path.suffix in (".bin", ".pt", ".pth", ".ckpt", ".pkl")
    ]


@pytest.mark.parametrize("name", EMBEDDED)
def test_a_missing_embedded_file_is_named(forgetful, monkeypatch, tmp_path, name):
    monkeypatch.setattr(embedded_files, "ASSETS", tmp_path)
    with pytest.raises(ValueError, match=f"The embedded {name} is missing: {tmp_path}"):
        embedded_file(name)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_tampered_embedded_file_is_never_loaded(forgetful, monkeypatch, tmp_path, name):
    content = bytearray(embedded_file(name).read_bytes())
    content[-1] ^= 1
    path = tmp_path / EMBEDDED[name].file
    path.parent.mkdir()
    path.write_bytes(content)
    embedded_file.cache_clear()
    monkeypatch.setattr(embedded_files, "ASSETS", tmp_path)
    with pytest.raises(ValueError, match=f"The embedded {name} is damaged: .* has SHA-256 .* expected"):
        embedded_folder(name)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_ready_for_inference(name, capfd):
    unet = load_unet(embedded_folder(name), CPU)
    assert not unet.training
    assert {p.dtype for p in unet.parameters()} == {torch.float32}
    assert not any(p.requires_grad for p in unet.parameters())
    assert unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
    assert capfd.readouterr().err == ""  # the command line's stderr is for errors


def test_what_was_saved_is_loaded_again_within_half_precision(tmp_path):
    unet = tiny_unet()
    before = {name: value.clone() for name, value in unet.state_dict().items()}
    save_unet(unet, tmp_path)
    loaded = load_unet(tmp_path, CPU).state_dict()
    assert loaded.keys() == before.keys()
    for name, value in before.items():
        assert torch.equal(loaded[name], value.half().float()), name
        assert torch.equal(unet.state_dict()[name], value), name
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", UNET_FILE}


def test_saving_again_changes_nothing(tmp_path):
    save_unet(tiny_unet(), tmp_path / "a")
    save_unet(load_unet(tmp_path / "a", CPU), tmp_path / "b")
    assert (tmp_path / "a" / UNET_FILE).read_bytes() == (tmp_path / "b" / UNET_FILE).read_bytes()


def refused(folder) -> str:
    with pytest.raises(ValueError, match="no diffusers UNet2DModel with safetensors weights") as caught:
        load_unet(folder, CPU)
    assert str(folder) in str(caught.value)
    return str(caught.value)


def test_folders_without_a_network_are_refused(tmp_path):
    refused(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty")
    save_unet(tiny_unet(), tmp_path / "net")
    (tmp_path / "net" / UNET_FILE).unlink()
    refused(tmp_path / "net")


def test_a_pickle_is_never_opened(tmp_path, monkeypatch):
    tiny_unet().save_pretrained(tmp_path, safe_serialization=False)
    assert list(tmp_path.glob("*.bin"))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("a pickle was opened"))
    refused(tmp_path)


def test_damaged_weights_are_refused(tmp_path):
    save_unet(tiny_unet(), tmp_path)
    path = tmp_path / UNET_FILE
    path.write_bytes(path.read_bytes()[:1000])
    refused(tmp_path)
    path.write_bytes(b"")
    refused(tmp_path)


def test_a_config_that_does_not_fit_the_weights_is_refused(tmp_path):
    save_unet(tiny_unet(), tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "block_out_channels": [16, 16]}))
    refused(tmp_path)
    path.write_text("{")
    refused(tmp_path)
    path.write_text(json.dumps({**config, "down_block_types": ["NoSuchBlock", "DownBlock2D"]}))
    refused(tmp_path)


def test_what_a_model_needs_beside_its_file_is_checked_too(forgetful, monkeypatch, tmp_path):
    (tmp_path / "main").write_bytes(b"weights")
    (tmp_path / "head").write_bytes(b"more weights")
    hashes = [hashlib.sha256(content).hexdigest() for content in (b"weights", b"more weights")]
    monkeypatch.setattr(embedded_files, "ASSETS", tmp_path)
    monkeypatch.setitem(EMBEDDED, "prior", EmbeddedWeights("main", hashes[0], "any", (("head", hashes[1]),)))
    assert embedded_file("prior") == tmp_path / "main"
    embedded_file.cache_clear()
    (tmp_path / "head").write_bytes(b"other weights")
    with pytest.raises(ValueError, match=r"The embedded prior is damaged: .*head has SHA-256"):
        embedded_file("prior")
    (tmp_path / "head").unlink()
    with pytest.raises(ValueError, match=r"The embedded prior is missing: .*head"):
        embedded_file("prior")
