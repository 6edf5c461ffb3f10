"""Downloads against a hub on this machine that drops connections, serves other bytes, refuses, or is not there."""

import errno
import hashlib
import random
import shutil
import socket
import threading
from collections import namedtuple

import huggingface_hub
import pytest
from hub_server import COMMIT, git_sha1, serving
from huggingface_hub import constants, file_download

from dpi_core.weights.download_progress import Progress
from dpi_core.weights.hub import MissingFileError, fetch_steps
from dpi_core.weights.hub_file import Fetched, HubFile

BODY = random.Random(0).randbytes(300_000)
SHA = hashlib.sha256(BODY).hexdigest()
WANTED = HubFile("owner/faces", "weights.pt")


@pytest.fixture
def hub(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10_000)
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
    tokens = dict(hub.tokens)
    assert {token for path, token in tokens.items() if path.startswith("/cdn")} == {None}  # it stays with the hub
    assert {token for path, token in tokens.items() if not path.startswith("/cdn")} == {"Bearer hf_secret"}


@pytest.mark.parametrize("tail", ["/", "//", "/mirror", "/mirror/"])
def test_a_mirror_may_have_a_path_and_end_in_a_slash(hub, tmp_path, monkeypatch, tail):
    monkeypatch.setenv("HF_ENDPOINT", hub.url + tail)
    assert fetched(tmp_path)[0].path.read_bytes() == BODY
    prefix = tail.rstrip("/")
    assert {path for _, path, _ in hub.asked if not path.startswith("/cdn")} == {
        f"{prefix}/owner/faces/resolve/main/weights.pt"
    }


def test_a_dropped_connection_goes_on_where_it_broke(hub, tmp_path):
    hub.get_faults = [("cut", 100_000), ("cut", 50_000), None]
    assert fetched(tmp_path)[0].path.read_bytes() == BODY
    ranges = [wanted for path, wanted in hub.gets() if path.startswith("/cdn")]
    assert ranges == [None, "bytes=100000-", "bytes=150000-"]


def test_answers_that_end_without_a_byte_are_not_asked_for_without_end(hub, tmp_path):
    hub.get_faults = [("end", 100_000), *[("end", 0)] * 4]
    assert fetched(tmp_path / "a")[0].path.read_bytes() == BODY
    hub.get_faults = [("end", 100_000), *[("end", 0)] * 50]
    with pytest.raises(ValueError, match=r"could not be downloaded from .*without a byte more.*Try again later"):
        fetched(tmp_path / "b")
    assert len(hub.get_faults) > 40
    hub.get_faults.clear()
    assert fetched(tmp_path / "b")[0].path.read_bytes() == BODY
    assert hub.gets()[-1][1] == "bytes=100000-"


def test_a_server_that_knows_no_ranges_is_asked_for_the_whole_file(hub, tmp_path):
    hub.get_faults = [("cut", 100_000), "no-range"]
    assert fetched(tmp_path)[0].path.read_bytes() == BODY


def test_what_arrived_whole_is_not_asked_for_again(hub, tmp_path):
    wanted = HubFile("owner/faces", "weights.pt", COMMIT)
    fetched(tmp_path, wanted)
    hub.asked.clear()
    assert fetched(tmp_path, wanted)[0].path.read_bytes() == BODY
    assert hub.asked == []


def test_a_download_that_nobody_waits_for_ends_and_the_next_one_goes_on(hub, tmp_path):
    gate = threading.Event()
    hub.get_faults = [gate]
    steps = fetch_steps(WANTED, tmp_path)
    assert next(item for item in steps if item.done).total == len(BODY)
    steps.close()
    gate.set()
    (thread,) = (thread for thread in threading.enumerate() if thread.name == f"fetch {WANTED}")
    thread.join(10)
    assert not thread.is_alive()
    (left,) = [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size > 1000]
    assert left.match(f"{SHA}.*.part")
    assert left.read_bytes() == BODY[: left.stat().st_size]
    begun = left.stat().st_size
    assert fetched(tmp_path)[0].path.read_bytes() == BODY
    assert hub.gets()[-1][1] == f"bytes={begun}-"
    assert not left.exists()


def test_a_server_that_trickles_shows_how_far_it_is_and_one_that_stalls_is_given_up(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
    monkeypatch.setattr("dpi_core.weights.hub.QUIET", 0.0)
    monkeypatch.setattr("dpi_core.weights.hub.EVERY", 0.01)
    gates = [threading.Event() for _ in range(8)]  # each sends half of what is left, and then nothing more
    hub.get_faults = list(gates)
    steps, progress = fetch_steps(WANTED, tmp_path), []

    def watched():
        for item in steps:
            progress.append(item)
            if item.done >= len(BODY) * 7 // 8:  # three answers have come
                hub.get_faults = [("stall", gates[-1])] * 20

    with pytest.raises(ValueError, match=r"could not be downloaded from http.*timed out.*Try again later"):
        watched()
    for gate in gates:
        gate.set()
    shares = [item.done / len(BODY) for item in progress]
    assert shares == sorted(shares)
    assert {0.5, 0.75} <= {round(share, 2) for share in shares}
    assert any("nothing has come for" in item.text for item in progress)
    hub.get_faults.clear()
    hub.asked.clear()
    assert fetched(tmp_path)[0].path.read_bytes() == BODY
    (asked,) = [wanted for path, wanted in hub.gets() if path.startswith("/cdn")]
    assert int(asked.removeprefix("bytes=").removesuffix("-")) >= len(BODY) * 7 // 8


def test_what_an_attempt_left_is_held_against_the_hash(hub, tmp_path):
    part = tmp_path / "models--owner--faces" / "blobs" / f"{SHA}.1a2b3c4d.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 1000)
    with pytest.raises(ValueError, match=r"arrived damaged: .* nothing of it was kept"):
        fetched(tmp_path)
    part.write_bytes(BODY + b"more")
    with pytest.raises(ValueError, match=r"arrived damaged: .* nothing of it was kept"):
        fetched(tmp_path)
    assert fetched(tmp_path)[0].path.read_bytes() == BODY


def test_what_a_killed_process_left_goes(hub, tmp_path):
    left = tmp_path / "models--owner--faces" / "blobs" / f"{SHA}.1a2b3c4d.incomplete"
    left.parent.mkdir(parents=True)
    left.write_bytes(BODY[:1000])
    fetched(tmp_path)
    assert not left.exists()


@pytest.mark.parametrize("file", ["weights.pt", "config.json"])
def test_wrong_bytes_are_never_given_out(hub, tmp_path, file):
    assert git_sha1(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"  # git's own, for the empty file
    wanted = HubFile("owner/faces", file)
    hub.get_faults = ["wrong"]
    with pytest.raises(ValueError, match=rf"{file} arrived damaged: .* nothing of it was kept"):
        fetched(tmp_path, wanted)
    assert fetched(tmp_path, wanted)[0].path.read_bytes() == hub.files["owner/faces", file]


def test_another_file_than_the_known_one_is_refused(hub, tmp_path):
    with pytest.raises(ValueError, match=r"is not the file this program knows: SHA-256 .* nothing of it was kept"):
        fetched(tmp_path, HubFile("owner/faces", "weights.pt", sha256="0" * 64))
    assert fetched(tmp_path, HubFile("owner/faces", "weights.pt", COMMIT, SHA))[0].sha256 == SHA


def test_a_server_that_is_busy_is_asked_again(hub, tmp_path):
    hub.head_faults, hub.get_faults = [503, 503], [429, 429]
    assert fetched(tmp_path)[0].path.read_bytes() == BODY


def test_no_server_at_all_is_a_sentence(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", None)  # it would tell of its tries in lines of its own
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ValueError, match=r"could not be downloaded from http://127\.0\.0\.1:9 \(.*refused") as caught:
        fetched(tmp_path / "new")
    assert "\n" not in str(caught.value)
    assert "Errno" not in str(caught.value)


@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), OSError(errno.ENETUNREACH, "unreachable")])
def test_without_a_network_the_end_comes_at_once_and_says_what_needs_none(hub, tmp_path, monkeypatch, error):
    asked = []

    def lookup(host, *_, **__):
        asked.append(host)
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with pytest.raises(ValueError, match=r"no network here, or http.* cannot be found .*embedded prior") as caught:
        fetched(tmp_path)
    assert asked == ["127.0.0.1"]
    assert "Errno" not in str(caught.value)


def test_a_network_that_goes_for_a_moment_midway_is_waited_for(hub, tmp_path, monkeypatch):
    hub.get_faults, known, failed = [("cut", 100_000)], socket.getaddrinfo, []

    def lookup(*args, **more):
        if hub.gets() and len(failed) < 3:
            failed.append(args)
            raise socket.gaierror(-3, "Temporary failure in name resolution")
        return known(*args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    assert fetched(tmp_path)[0].path.read_bytes() == BODY
    assert len(failed) == 3
    assert hub.gets()[-1][1] == "bytes=100000-"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (HubFile("owner/nothing", "weights.pt"), r"owner/nothing is not on the hub, or is private or gated \(401\)"),
        (HubFile("owner/faces", "weights.pt", "v9"), "owner/faces has no revision 'v9'"),
        (HubFile("owner/faces", "other.pt"), r"owner/faces/other\.pt: the hub has no such file \(404\)"),
        (HubFile("owner/fa--ces", "weights.pt"), "'owner/fa--ces' is no name that the hub has"),
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
    with pytest.raises(ValueError, match=r"needs 1 MB in .*, where 0 MB are free\. .*DPI_CORE_CACHE"):
        fetched(tmp_path / "b", room=2.0)


def test_a_disk_that_fills_up_is_a_sentence(hub, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    told = r"could not be written to .*No space left on device.*DPI_CORE_CACHE"
    monkeypatch.setattr(file_download, "_chmod_and_move", full)
    with pytest.raises(ValueError, match=told):
        fetched(tmp_path, HubFile("owner/faces", "config.json"))
    monkeypatch.setattr("dpi_core.weights.resumed.os.replace", full)
    with pytest.raises(ValueError, match=told):
        fetched(tmp_path)


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


@pytest.mark.parametrize("proxy", ["socks4://127.0.0.1:9", "socks5h://127.0.0.1:9"])
def test_a_proxy_that_cannot_be_used_is_told(hub, tmp_path, monkeypatch, proxy):
    from huggingface_hub.utils import close_session

    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ALL_PROXY", proxy)
    close_session()  # the client is made once, with the proxies of then
    try:
        with pytest.raises(ValueError, match="could not be downloaded from http"):
            fetched(tmp_path / "new")
    finally:
        close_session()
