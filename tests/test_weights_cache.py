import json
import os

import pytest

from dpi_core.weights import environment
from dpi_core.weights.cache import MANIFEST, Entry, cached_names, priors_folder, sha256_of


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("DPI_CORE_CACHE", str(tmp_path))


def fill(folder):
    (folder / "weights").write_bytes(b"weights")
    (folder / "deeper").mkdir()
    (folder / "deeper" / "config").write_text("config")


def test_what_is_stored_is_sound_and_names_its_files(tmp_path):
    entry = Entry("owner/faces")
    assert not entry.sound()
    folder = entry.store(fill)
    assert folder == tmp_path / "priors" / "owner%2Ffaces"
    assert entry.sound()
    assert json.loads((folder / MANIFEST).read_text())["files"] == {
        "weights": sha256_of(folder / "weights"),
        "deeper/config": sha256_of(folder / "deeper" / "config"),
    }
    assert list(cached_names()) == ["owner/faces"]


def test_a_change_within_the_same_second_is_seen():
    entry = Entry("x")
    path = entry.store(fill) / "weights"
    assert entry.sound()
    before = path.stat()
    path.write_bytes(b"WEIGHTS")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as if it had not been touched
    assert not entry.sound()


def test_a_failure_while_storing_leaves_what_was_there():
    entry = Entry("x")
    entry.store(fill)

    def broken(folder):
        fill(folder)
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        entry.store(broken)
    assert entry.sound()
    assert [path.name for path in priors_folder().iterdir()] == ["x"]


def test_storing_replaces_and_ends_the_download():
    entry = Entry("x")
    entry.downloads.mkdir(parents=True)
    (entry.downloads / "a.part").write_bytes(b"12345")
    assert entry.size() == 5
    assert list(cached_names()) == ["x"]
    entry.store(fill)
    entry.store(lambda folder: (folder / "other").write_bytes(b"o"))
    assert {path.name for path in entry.folder.iterdir()} == {"other", MANIFEST}
    assert not entry.downloads.exists()


def test_the_first_hash_is_kept_even_when_the_folder_goes():
    entry = Entry("x")
    entry.store(fill)
    entry.remember("weights", "first")
    entry.remember("weights", "second")
    entry.remember("other", "third")
    entry.discard()
    assert entry.recorded() == {"weights": "first", "other": "third"}
    entry.record.write_text("{")
    assert entry.recorded() == {}


def test_folder_and_switches_come_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("DPI_CORE_CACHE", str(tmp_path / "here"))
    assert environment.cache_folder() == tmp_path / "here"
    for name in ("HF_HUB_OFFLINE", "DPI_CORE_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    assert not environment.offline()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert environment.offline()
    monkeypatch.setenv("HF_ENDPOINT", " http://mirror/hub// ")
    assert environment.hub_endpoint() == "http://mirror/hub"
    monkeypatch.setenv("HF_ENDPOINT", "")
    assert environment.hub_endpoint() is None
