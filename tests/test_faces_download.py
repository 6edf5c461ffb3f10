"""Downloads against a server on this machine: right files arrive, wrong ones are refused and leave nothing behind."""

import hashlib
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from dpi_core.faces import detect, facealign, find_faces
from dpi_core.faces.download import RemoteFile, cached, fetch, fetching, under_way

BODY = bytes(range(256)) * 40
RIGHT = hashlib.sha256(BODY).hexdigest()


class Server(BaseHTTPRequestHandler):
    """/whole answers BODY, /cut promises it and stops half way, /slow takes its time; all else is 404."""

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
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}", asked
    http.shutdown()
    http.server_close()


def remote(url: str, sha256: str = RIGHT) -> RemoteFile:
    return RemoteFile("file.bin", url, sha256)


def test_the_right_file_arrives(server, tmp_path):
    url, _ = server
    file = remote(f"{url}/whole")
    assert cached(file, tmp_path) is None
    assert fetch(file, tmp_path).read_bytes() == BODY
    assert cached(file, tmp_path) == tmp_path / "file.bin"
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]


@pytest.mark.parametrize(
    ("path", "changes"),
    [("/whole", {"sha256": "0" * 64}), ("/cut", {}), ("/gone", {})],
    ids=["wrong hash", "truncated", "missing"],
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
    assert under_way(file, tmp_path).done()


def test_nobody_waits_for_ever(server, tmp_path, monkeypatch):
    url, _ = server
    for name in ("DPI_CORE_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(facealign, "DOWNLOADS", (remote(f"{url}/slow"),))
    monkeypatch.setattr(detect, "PATIENCE", 0.1)
    with pytest.raises(ValueError, match="still downloading; use detector='embedded'"):
        find_faces(np.zeros((8, 8, 3), np.uint8), "face-alignment")


def test_a_file_that_changed_is_no_longer_trusted(server, tmp_path):
    url, _ = server
    file = remote(f"{url}/whole")
    path = fetch(file, tmp_path)
    assert cached(file, tmp_path) == path
    path.write_bytes(BODY[:-1])
    assert cached(file, tmp_path) is None
