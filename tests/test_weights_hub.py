"""Downloads against a hub on this machine that drops connections, serves other bytes, refuses, or is not there."""

import hashlib
import random
import shutil
from collections import namedtuple

import pytest
from hub_server import COMMIT, git_sha1, serving

from dpi_core.weights import hub as module
from dpi_core.weights.download_progress import Progress
from dpi_core.weights.hub import Fetched, HubFile, MissingFileError, fetch_steps

BODY = random.Random(0).randbytes(300_000)
SHA = hashlib.sha256(BODY).hexdigest()
WANTED = HubFile("owner/faces", "weights.pt")


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with serving(monkeypatch, tmp_path) as hub:
        hub.files["owner/faces", "weights.pt"] = BODY
        hub.files["owner/faces", "config.json"] = b'{"a": 1}'
        yield hub


def fetched(folder, wanted=WANTED, **options) -> tuple[Fetched, list[Progress]]:
    *progress, result = fetch_steps(wanted, folder, **options)
    assert all(isinstance(item, Progress) for item in progress)
    return result, progress


def test_a_file_arrives_whole_from_where_the_hub_sends_us(hub, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    result, progress = fetched(tmp_path / "new")
    assert result.path.read_bytes() == BODY
    assert (result.sha256, result.commit) == (SHA, COMMIT)
    assert progress[0].text == "Downloading weights.pt .."
    assert list((tmp_path / "new").iterdir()) == [result.path]
    tokens = dict(hub.tokens)
    assert tokens.pop(f"/cdn/owner/faces/resolve/{COMMIT}/weights.pt") is None  # the token stays with the hub
    assert set(tokens.values()) == {"Bearer hf_secret"}


def test_a_small_file_is_checked_by_gits_hash(hub, tmp_path):
    result, _ = fetched(tmp_path, HubFile("owner/faces", "config.json"))
    assert result.path.read_bytes() == b'{"a": 1}'
    assert git_sha1(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"  # git's own, for the empty file
    hub.get_faults = ["wrong", "wrong"]
    (tmp_path / "x").mkdir()
    with pytest.raises(ValueError, match="arrived damaged"):
        fetched(tmp_path / "x", HubFile("owner/faces", "config.json"))


def test_a_dropped_connection_goes_on_where_it_broke(hub, tmp_path):
    hub.get_faults = [("cut", 100_000), ("cut", 50_000), None]
    result, progress = fetched(tmp_path)
    assert result.path.read_bytes() == BODY
    ranges = [wanted for path, wanted in hub.gets() if path.startswith("/cdn")]
    assert ranges == [None, "bytes=100000-", "bytes=150000-"]
    assert any("trying again" in item.text for item in progress)


def test_what_an_earlier_process_got_is_gone_on_with(hub, tmp_path):
    part = tmp_path / f"weights.pt.{SHA[:16]}.part"
    part.write_bytes(BODY[:250_000])
    old = tmp_path / "weights.pt.another-version.part"
    old.write_bytes(b"of another version")
    result, _ = fetched(tmp_path)
    assert result.path == part
    assert part.read_bytes() == BODY
    assert hub.gets()[-1][1] == "bytes=250000-"
    assert not old.exists()
    hub.asked.clear()
    assert fetched(tmp_path)[0].path.read_bytes() == BODY  # whole already: only asked what it is
    assert hub.gets() == []


@pytest.mark.parametrize("left", [b"x" * 1000, BODY[:-1] + b"x", BODY + b"more"], ids=["head", "tail", "too long"])
def test_a_part_with_other_bytes_heals(hub, tmp_path, left):
    (tmp_path / f"weights.pt.{SHA[:16]}.part").write_bytes(left)
    assert fetched(tmp_path)[0].path.read_bytes() == BODY


def test_a_server_that_knows_no_ranges_is_asked_for_the_whole_file(hub, tmp_path):
    hub.get_faults = [("cut", 100_000), "no-range"]
    assert fetched(tmp_path)[0].path.read_bytes() == BODY


def test_wrong_bytes_are_never_given_out(hub, tmp_path):
    hub.get_faults = ["wrong", "wrong"]
    with pytest.raises(ValueError, match=r"weights\.pt arrived damaged: .* nothing of it was kept"):
        fetched(tmp_path)
    assert list(tmp_path.glob("*.part")) == []
    hub.get_faults = ["wrong", None]  # once is forgiven
    assert fetched(tmp_path)[0].path.read_bytes() == BODY


def test_another_file_than_the_known_one_is_not_even_downloaded(hub, tmp_path):
    with pytest.raises(ValueError, match=r"is not the file this program knows: SHA-256 .* nothing was downloaded"):
        fetched(tmp_path, HubFile("owner/faces", "weights.pt", sha256="0" * 64))
    assert hub.gets() == []
    assert fetched(tmp_path, HubFile("owner/faces", "weights.pt", COMMIT, SHA))[0].sha256 == SHA


def test_a_server_that_is_busy_is_asked_again(hub, tmp_path):
    hub.head_faults, hub.get_faults = [503, 503], [503, 503]
    result, progress = fetched(tmp_path)
    assert result.path.read_bytes() == BODY
    assert sum("the server answered 503" in item.text for item in progress) == 4


def test_a_server_that_stays_busy_is_given_up_and_what_arrived_is_kept(hub, tmp_path):
    hub.get_faults = [("cut", 70_000), *[503] * module.ATTEMPTS]
    with pytest.raises(ValueError, match=r"could not be downloaded from .* in 6 attempts .*503.* is kept"):
        fetched(tmp_path)
    (part,) = tmp_path.glob("*.part")
    assert part.read_bytes() == BODY[:70_000]


def test_no_server_at_all_is_a_sentence(hub, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ValueError, match=r"could not be downloaded from http://127\.0\.0\.1:9 in 6 attempts") as caught:
        fetched(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (HubFile("owner/nothing", "weights.pt"), r"owner/nothing is not on the hub, or is private or gated \(401\)"),
        (HubFile("owner/faces", "weights.pt", "v9"), "owner/faces has no revision 'v9'"),
        (HubFile("owner/faces", "other.pt"), r"owner/faces/other\.pt: the hub has no such file \(404\)"),
    ],
)
def test_a_refusal_says_what_to_do(hub, tmp_path, wanted, message):
    with pytest.raises(ValueError, match=message) as caught:
        fetched(tmp_path, wanted)
    assert isinstance(caught.value, MissingFileError) == (wanted.file == "other.pt")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("faults", ["head_faults", "get_faults"])
def test_a_gated_repository_asks_for_a_login(hub, tmp_path, faults):
    setattr(hub, faults, [401])
    with pytest.raises(ValueError, match=r"private or gated \(401\)\. .*hf auth login"):
        fetched(tmp_path)


def test_a_full_disk_is_noticed_before_the_download(hub, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 0, 500_000))
    assert fetched(tmp_path / "a")[0].sha256 == SHA
    hub.asked.clear()
    with pytest.raises(ValueError, match=r"needs 1 MB in .*, where 0 MB are free\. .*DPI_CORE_CACHE"):
        fetched(tmp_path / "b", room=2.0)
    assert hub.gets() == []


def test_a_disk_that_fills_up_is_a_sentence(hub, tmp_path):
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(ValueError, match=r"could not be written to .*DPI_CORE_CACHE"):
        fetched(tmp_path / "taken")


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "DPI_CORE_OFFLINE"])
def test_offline_asks_nobody(hub, tmp_path, monkeypatch, name):
    monkeypatch.setenv(name, "1")
    with pytest.raises(ValueError, match="not on this machine and downloads are switched off"):
        fetched(tmp_path)
    assert hub.asked == []


def test_a_copy_in_the_hubs_own_cache_is_taken_if_it_is_right(hub, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    repo = tmp_path / "hub" / "models--owner--faces"
    blob, pointer = repo / "blobs" / SHA, repo / "snapshots" / COMMIT / "weights.pt"
    for path in (blob, pointer, repo / "refs" / "main"):
        path.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(BODY)
    pointer.symlink_to(blob)
    (repo / "refs" / "main").write_text(COMMIT)
    result, progress = fetched(tmp_path / "new")
    assert (result.path, result.sha256, result.commit, progress) == (pointer, SHA, COMMIT, [])
    blob.write_bytes(BODY[:-1] + b"x")
    with pytest.raises(ValueError, match="downloads are switched off"):
        fetched(tmp_path / "new")


def test_progress_counts_up(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "EVERY", 0.0)
    _, progress = fetched(tmp_path)
    counts = [item.done for item in progress if item.done]
    assert counts == sorted(counts)
    assert counts[-1] == len(BODY)
    assert len(counts) > 2
    assert {item.total for item in progress if item.done} == {len(BODY)}


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress("Converting x"), "Converting x .."),
        (Progress("Downloading x", 120_000_000, 374_000_000, 21.4), "Downloading x: 120 of 374 MB, 21 s left"),
        (Progress("Downloading x", 2_000_000), "Downloading x: 2 MB"),
    ],
)
def test_progress_in_words(progress, text):
    assert progress.text == text
