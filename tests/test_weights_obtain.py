"""From a name to a folder: cached whole or not at all, checked at every start, healed when it is damaged."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import DATA
from filelock import FileLock
from hub_server import CHECKPOINT, COMMIT, serving_ffhq
from pipelines import pipeline, published, tiny_unet

from dpi_core import load_prior
from dpi_core.weights import obtain
from dpi_core.weights.cache import MANIFEST, Entry, cached_names, priors_folder
from dpi_core.weights.download_progress import Progress
from dpi_core.weights.layout import SIDECAR
from dpi_core.weights.obtain import prior_folder, prior_folder_steps
from dpi_core.weights.registry import PRIORS, spec_of
from dpi_core.weights.unets import UNET_FILE

GOLDEN = CHECKPOINT.read_bytes()
FFHQ = PRIORS["ffhq-256"]


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with serving_ffhq(monkeypatch, tmp_path, size=len(GOLDEN)) as hub:
        yield hub


def test_a_registered_prior_arrives_converted_and_is_the_one_that_was_published(hub):
    prior = load_prior("ffhq-256", "cpu")
    golden = {key: torch.from_numpy(value) for key, value in np.load(DATA / "adm_tiny_seed5_ch32.npz").items()}
    assert float((prior.predict_eps(golden["x"], golden["t"]) - golden["y"][:, :3]).abs().max()) < 1e-4
    assert (prior.image_size, prior.template) == (256, "ffhq-256")
    entry = Entry("ffhq-256")
    assert {path.name for path in entry.folder.iterdir()} == {"config.json", UNET_FILE, SIDECAR, MANIFEST}
    assert not entry.downloads.exists()
    assert list(cached_names()) == ["ffhq-256"]
    assert not [path for path in priors_folder().rglob("*") if path.suffix in (".pt", ".part", ".bin")]


def test_a_cached_prior_asks_nobody(hub, monkeypatch):
    first = prior_folder("ffhq-256")
    hub.asked.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert prior_folder("ffhq-256") == first
    assert hub.asked == []


def test_the_way_is_shown(hub):
    *progress, folder = prior_folder_steps("ffhq-256")
    assert folder == Entry("ffhq-256").folder
    texts = [item.text for item in progress]
    assert texts[0] == "Downloading diffusion_ffhq_10m.pt .."
    assert texts[-1] == "Converting ffhq-256 .."
    assert [item.text for item in prior_folder_steps("ffhq-256") if isinstance(item, Progress)] == [
        "Checking the cached ffhq-256 .."
    ]


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def tamper(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: cut(folder / UNET_FILE),
        lambda folder: tamper(folder / UNET_FILE),
        lambda folder: (folder / UNET_FILE).unlink(),
        lambda folder: (folder / "config.json").write_text("{}"),
        lambda folder: (folder / MANIFEST).unlink(),
        lambda folder: (folder / MANIFEST).write_text('{"files": {}}'),
        lambda folder: (folder / MANIFEST).write_text("[1]"),
    ],
    ids=["truncated", "tampered", "missing", "config", "no manifest", "empty manifest", "wrong manifest"],
)
def test_a_damaged_cache_is_never_used_and_heals(hub, monkeypatch, tmp_path, damage):
    pipeline(tmp_path / "repo")
    published(hub, tmp_path / "repo")
    folder = prior_folder("owner/faces")
    whole = (folder / UNET_FILE).read_bytes()
    damage(folder)
    assert not Entry("owner/faces").sound()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ValueError, match="downloads are switched off"):
        prior_folder("owner/faces")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert (prior_folder("owner/faces") / UNET_FILE).read_bytes() == whole
    assert Entry("owner/faces").sound()


def test_what_a_killed_process_left_is_not_used_and_goes(hub):
    left = priors_folder() / "ffhq-256.abc.new"
    left.mkdir(parents=True)
    (left / UNET_FILE).write_bytes(b"half")
    assert list(cached_names()) == []
    prior_folder("ffhq-256")
    assert not left.exists()


def test_a_download_broken_off_leaves_no_half_file_and_works_at_the_next_start(hub):
    hub.get_faults = [("cut", 1_000_000), 500]
    with pytest.raises(ValueError, match="the server answered 500"):
        prior_folder("ffhq-256")
    entry = Entry("ffhq-256")
    assert not entry.sound()
    assert not list(entry.downloads.rglob("*.incomplete"))
    prior_folder("ffhq-256")
    assert not entry.downloads.exists()


def test_a_failed_conversion_leaves_nothing_that_could_be_taken_for_a_prior(hub, monkeypatch):
    bad = b"no checkpoint" * 1000
    hub.files[FFHQ.repo, FFHQ.file] = bad
    monkeypatch.setitem(PRIORS, "ffhq-256", replace(FFHQ, revision=COMMIT, sha256=None))
    with pytest.raises(ValueError, match="damaged"):
        prior_folder("ffhq-256")
    assert Entry("ffhq-256").recorded() == {}
    assert not Entry("ffhq-256").folder.exists()
    assert not list(priors_folder().glob("*.new"))


def test_another_run_that_is_fetching_is_waited_for(hub, monkeypatch):
    entry = Entry("ffhq-256")
    entry.lock.parent.mkdir(parents=True)
    lock = FileLock(entry.lock)
    lock.acquire()
    monkeypatch.setattr(obtain.time, "sleep", lambda _: lock.release())
    texts = [item.text for item in prior_folder_steps("ffhq-256") if isinstance(item, Progress)]
    assert texts[0] == "ffhq-256 is being fetched by another run: 0 of 12 MB"
    assert texts[1].startswith("Downloading")


def test_a_reader_that_goes_away_lets_the_next_one_in(hub):
    steps = prior_folder_steps("ffhq-256")
    next(steps)
    steps.close()
    prior_folder("ffhq-256")


@pytest.mark.parametrize("inside", ["", "unet"])
@pytest.mark.parametrize("safe", [True, False], ids=["safetensors", "pickle"])
def test_any_repository_in_diffusers_layout(hub, tmp_path, inside, safe):
    unet = pipeline(tmp_path / "repo", inside, safe, {"prediction_type": "v_prediction"})
    published(hub, tmp_path / "repo")
    prior = load_prior("owner/faces", "cpu")
    assert (prior.image_size, prior.prediction, prior.template) == (16, "v", "tight-128")
    x, t = torch.randn(1, 3, 16, 16), torch.tensor([5])
    with torch.no_grad():
        assert torch.allclose(prior.unet(x, t).sample, unet(x, t).sample, atol=1e-5)
    local = load_prior(str(tmp_path / "repo"), "cpu")  # the same as a folder
    assert torch.equal(local.predict_eps(x, t), prior.predict_eps(x, t))


def test_the_file_a_spec_names_is_the_one_that_is_loaded(hub, tmp_path, monkeypatch):
    spec = PRIORS["celebahq-256"]
    pipeline(tmp_path / "repo", "", safe=False, sample_size=256)
    published(hub, tmp_path / "repo", spec.repo)
    monkeypatch.setitem(PRIORS, "celebahq-256", replace(spec, revision=COMMIT))
    prior = load_prior("celebahq-256", "cpu")
    assert (prior.image_size, prior.template, prior.prediction) == (256, "ffhq-256", "epsilon")
    assert not any("safetensors" in path for _, path, _ in hub.asked)


def test_the_first_hash_is_recorded_and_a_changed_file_refused_later(hub, tmp_path):
    pipeline(tmp_path / "repo")
    published(hub, tmp_path / "repo")
    shutil.rmtree(prior_folder("owner/faces"))
    assert Entry("owner/faces").recorded().keys() == {UNET_FILE}
    tiny = tiny_unet()
    tiny.conv_in.weight.data += 1
    tiny.save_pretrained(tmp_path / "repo")
    published(hub, tmp_path / "repo")
    with pytest.raises(ValueError, match=r"is not the file first used here \(.*owner%2Ffaces\.sha256\.json\)"):
        prior_folder("owner/faces")


def test_a_cache_that_cannot_be_written_is_a_sentence(hub, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DPI_CORE_CACHE", str(tmp_path / "file"))
    with pytest.raises(ValueError, match="set DPI_CORE_CACHE"):
        prior_folder("ffhq-256")


def test_a_checkpoint_on_this_machine_is_converted_once_for_every_content(hub, tmp_path):
    path = tmp_path / "mine.pt"
    path.write_bytes(GOLDEN)
    first = prior_folder(str(path))
    (first / MANIFEST).touch()
    before = (first / UNET_FILE).stat().st_mtime_ns
    assert prior_folder(str(path)) == first
    assert (first / UNET_FILE).stat().st_mtime_ns == before
    path.write_bytes(b"another")
    with pytest.raises(ValueError, match=r"mine\.pt"):
        prior_folder(str(path))
    assert hub.asked == []


def test_the_embedded_prior_takes_no_steps():
    assert [type(item).__name__ for item in prior_folder_steps("embedded")] == ["PosixPath"]


def test_a_hub_id_may_name_a_revision():
    assert spec_of("ffhq-256") is PRIORS["ffhq-256"]
    assert spec_of("owner/faces@v2").revision == "v2"
    assert spec_of("owner/faces").revision is None
