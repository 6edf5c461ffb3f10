"""Downloads against a server on this machine: right files arrive, wrong ones are refused and leave nothing behind."""

import hashlib
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dpi_core.faces.download import RemoteFile, cache_folder, cached, fetch, fetching, offline

BODY = bytes(range(256)) * 40
RIGHT = hashlib.sha256(BODY).hexdigest()


class Server(BaseHTTPRequestHandler):
    """/whole answers BODY, /cut promises it and stops half way, /slow never answers, /count counts; all else is 404."""

    def __init__(self, asked: list[str], *args):
        self.asked = asked
        super().__init__(*args)

    def do_GET(self):
        self.asked.append(self.path)
        if self.path == "/slow":
            time.sleep(1)
        self.send_response(200 if self.path in ("/whole", "/cut") else 404)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        if self.path in ("/whole", "/cut"):
            self.wfile.write(BODY if self.path == "/whole" else BODY[:3000])

    def log_message(self, format, *args):  # the name is the base class's
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    asked: list[str] = []
    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, asked))
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}", asked
    http.shutdown()
    http.server_close()


def remote(*urls: str, sha256: str = RIGHT, most: int = 100_000) -> RemoteFile:
    return RemoteFile("file.bin", urls, sha256, most)


def test_the_right_file_arrives(server, tmp_path):
    url, _ = server
    file = remote(f"{url}/whole")
    assert cached(file, tmp_path) is None
    assert fetch(file, tmp_path).read_bytes() == BODY
    assert cached(file, tmp_path) == tmp_path / "file.bin"
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]


def test_the_second_address_is_tried(server, tmp_path):
    url, asked = server
    fetch(remote(f"{url}/gone", f"{url}/whole"), tmp_path)
    assert asked == ["/gone", "/whole"]


@pytest.mark.parametrize(
    ("path", "changes"),
    [("/whole", {"sha256": "0" * 64}), ("/cut", {}), ("/gone", {}), ("/whole", {"most": 999})],
    ids=["wrong hash", "truncated", "missing", "too large"],
)
def test_anything_else_is_refused_and_leaves_nothing(server, tmp_path, path, changes):
    url, _ = server
    with pytest.raises(ValueError, match=r"file\.bin could not be downloaded") as error:
        fetch(remote(url + path, **changes), tmp_path)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_an_unreachable_host_is_an_error_in_one_line(tmp_path):
    with pytest.raises(ValueError, match="could not be downloaded"):
        fetch(remote("http://127.0.0.1:9/file"), tmp_path)


def test_a_folder_that_cannot_be_made_is_an_error_too(server, tmp_path):
    url, _ = server
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ValueError, match="could not be downloaded"):
        fetch(remote(f"{url}/whole"), tmp_path / "taken")


def test_a_failure_is_tried_once(server, tmp_path):
    url, asked = server
    file = remote(f"{url}/gone")
    for _ in range(3):
        with pytest.raises(ValueError, match="could not be downloaded"):
            fetching(file, tmp_path).result()
    assert asked == ["/gone"]
    assert fetching(file, tmp_path).failed()


def test_nobody_waits_longer_than_asked(server, tmp_path):
    url, _ = server
    download = fetching(remote(f"{url}/slow"), tmp_path)
    with pytest.raises(TimeoutError):
        download.result(0.1)
    begin = time.monotonic()
    with pytest.raises(TimeoutError):
        download.result(0.1)
    assert time.monotonic() - begin < 0.5


def test_a_file_that_changed_is_no_longer_trusted(server, tmp_path):
    url, _ = server
    file = remote(f"{url}/whole")
    path = fetch(file, tmp_path)
    assert cached(file, tmp_path) == path
    path.write_bytes(BODY[:-1])
    assert cached(file, tmp_path) is None


def test_folder_and_switches_come_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("DPI_CORE_CACHE", str(tmp_path / "here"))
    assert cache_folder() == tmp_path / "here"
    for name in ("HF_HUB_OFFLINE", "DPI_CORE_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    assert not offline()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert offline()
