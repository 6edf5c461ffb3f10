"""What a client may name as a file: uploads and examples, through every input of every endpoint."""

import asyncio
import shutil
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import gradio as gr
import pytest
import requests
from conftest import EXAMPLES
from gradio.utils import get_upload_folder

from dpi_core.errors import DPIError
from dpi_core.web.checks import REFUSED, UNEXPECTED, chosen_photo, still_kept
from dpi_core.web.detected_faces import detect
from dpi_core.web.events import on_load_settings
from dpi_core.web.guarded_blocks import GuardedBlocks
from dpi_core.web.session import Session
from dpi_core.web.uploads import may_be_opened, named_files

META = {"meta": {"_type": "gradio.FileData"}}
STEP = {"steps": 1}
CALLS = {  # endpoint -> what it is sent for a file
    "restore": lambda file: [file, STEP, 0, None, None, False],
    "compare_seeds": lambda file: [file, STEP, [0, 1], None, None, False],
    "detect_faces": lambda file: [file, "embedded"],
}


def answer(app_url, name, data) -> str:
    """The last line of an endpoint's answer."""
    started = requests.post(f"{app_url}gradio_api/call/{name}", json={"data": data}, timeout=30)
    url = f"{app_url}gradio_api/call/{name}/{started.json()['event_id']}"
    return requests.get(url, timeout=60).text.strip().splitlines()[-1]


@pytest.fixture
def secret(tmp_path) -> Path:
    """A picture of the server's that nobody uploaded."""
    return Path(shutil.copy(EXAMPLES / "astronaut-tiny.png", tmp_path / "secret.png"))


@pytest.fixture
def upload(app_url):
    """A picture as the server keeps it after an upload."""
    with (EXAMPLES / "astronaut-tiny.png").open("rb") as file:
        (path,) = requests.post(f"{app_url}gradio_api/upload", files={"files": file}, timeout=30).json()
    return path


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("meta", [{}, META])
def test_every_other_file_gets_one_refusal_whether_it_exists_or_not(app_url, secret, upload, name, meta):
    link = Path(upload).with_name("link.png")
    link.unlink(missing_ok=True)
    link.symlink_to(secret)
    climbing = f"{get_upload_folder()}/../{secret.relative_to(Path(get_upload_folder()).parent.resolve())}"
    inside = f"{get_upload_folder()}/no/such.png"
    paths = [
        secret,
        "/no/such/file",
        "/etc/hostname",
        "requirements.txt",
        "/",
        "",
        "a" * 5000,
        "a\0b",
        link,
        climbing,
        inside,
    ]
    try:
        told = {answer(app_url, name, CALLS[name]({"path": str(path), **meta})) for path in paths}
    finally:
        link.unlink()
    assert len(told) == 1, told
    assert REFUSED in told.pop()


@pytest.mark.parametrize("meta", [{}, META])
def test_no_address_is_asked_on_anybodys_behalf(app_url, meta, monkeypatch):
    asked = []
    for way in ("async_ssrf_protected_get", "async_ssrf_protected_download", "ssrf_protected_download"):
        monkeypatch.setattr(f"gradio.processing_utils.{way}", lambda url, *_, **__: asked.append(url))

    class Server(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        for host in ("127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "example.com", "huggingface.co"):
            url = f"http://{host}:{server.server_port}/photo.png"
            assert REFUSED in answer(app_url, "detect_faces", [{"path": url, **meta}, "embedded"]), host
            assert "upload a photo first" in answer(app_url, "detect_faces", [{"url": url, **meta}, "embedded"])
            requests.get(f"{app_url}gradio_api/file={url}", timeout=30)
    finally:
        server.shutdown()
    assert asked == []


def test_what_a_client_sends_for_the_state_of_a_session_is_passed_over(app_url, upload):
    """A session lives on this side; a value sent in its place is neither opened nor taken."""
    config = requests.get(f"{app_url}config", timeout=30).json()
    kinds = {component["id"]: component["type"] for component in config["components"]}
    event = next(e for e in config["dependencies"] if [kinds[i] for i in e["inputs"]] == ["image", "state", "state"])
    forged = {"stopped": True, "photo": upload, "folders": {"restore": "/tmp"}}
    call = {"data": [None, forged, upload]}
    call |= {"fn_index": event["id"], "session_hash": "forged"}
    assert requests.post(f"{app_url}gradio_api/queue/join", json=call, timeout=30).ok
    with requests.get(f"{app_url}gradio_api/queue/data?session_hash=forged", stream=True, timeout=60) as told:
        text = "".join(_until_closed(told))
    assert "Choose a photo" in text
    assert upload not in text


def test_an_upload_and_an_example_are_opened(app_url, upload):
    for path in (upload, str(EXAMPLES / "astronaut-tiny.png")):
        assert "points" in answer(app_url, "detect_faces", [{"path": path}, "embedded"])
    assert "points" in answer(app_url, "detect_faces", [{"path": upload, **META}, "embedded"])


def test_every_event_of_the_page_passes_the_gate(app_url, secret):
    """Those of the photo and of the settings file are no endpoints, but a client can call them by their number."""
    config = requests.get(f"{app_url}config", timeout=30).json()
    kinds = {component["id"]: component["type"] for component in config["components"]}
    events = [e for e in config["dependencies"] if {"image", "uploadbutton"} & {kinds[i] for i in e["inputs"]}]
    assert len(events) > 5
    for event in events:
        file = {"path": str(secret), **META}
        data = [file if kinds[i] in ("image", "uploadbutton") else None for i in event["inputs"]]
        call = {"data": data, "fn_index": event["id"], "session_hash": "gate"}
        joined = requests.post(f"{app_url}gradio_api/queue/join", json=call, timeout=30)
        if joined.ok:
            with requests.get(f"{app_url}gradio_api/queue/data?session_hash=gate", stream=True, timeout=60) as told:
                text = told.raw.read(4000).decode() if not told.ok else "".join(_until_closed(told))
        else:
            text = joined.text
        assert str(secret) not in text, event["api_name"]
        assert REFUSED in text, (event["api_name"], text)


def _until_closed(told):
    for line in told.iter_lines(decode_unicode=True):
        yield line or ""
        if "process_completed" in (line or ""):
            return


def test_files_are_found_however_deep_they_lie():
    inner = {"path": "b", "x": [{"path": "c"}]}
    assert {f["path"] for f in named_files([1, {"path": "a"}, {"y": inner}, {"path": 3}])} == {"a", "b", "c"}
    deep = {"path": "d"}
    for _ in range(10_000):
        deep = [deep]
    assert [f["path"] for f in named_files(deep)] == ["d"]


def test_only_a_path_resolved_counts(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    assert may_be_opened({"path": str(tmp_path / "uploads" / "a.png")})
    assert not may_be_opened({"path": str(tmp_path / "uploads" / ".." / "a.png")})
    assert not may_be_opened({"path": str(tmp_path / "uploads-of-others" / "a.png")})
    assert not may_be_opened({"path": str(EXAMPLES.parent / "prior" / "config.json")})
    assert not may_be_opened({"path": "file:///etc/hostname"})


def test_a_photo_that_was_deleted_since_is_asked_for_again(tmp_path):
    gone = str(tmp_path / "gone.png")
    for opened in (still_kept, chosen_photo):
        with pytest.raises(ValueError, match=REFUSED):
            opened(gone)
    assert REFUSED in detect(gone, Session()).message
    assert REFUSED in on_load_settings(gone)[1]


def test_an_error_of_a_library_is_not_told(app_url, upload, monkeypatch):
    def broken(*_):
        raise ValueError("a secret of the machine's")

    monkeypatch.setattr("dpi_core.faces.detect_faces", broken)
    assert UNEXPECTED in answer(app_url, "detect_faces", [{"path": upload}, "embedded"])


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("a secret"), UNEXPECTED),
        (DPIError("k is 9"), "k is 9"),
        (
            OSError(28, "No space left on device", "/a secret"),
            "The disk is full; nothing half-written was kept. Make room and try again.",
        ),
    ],
)
def test_what_an_event_lets_through_is_told_alike(error, told, caplog):
    def event():
        raise error

    with GuardedBlocks() as page:
        gr.Button().click(event)
    with pytest.raises(gr.Error) as raised:
        asyncio.run(page.process_api(0, []))
    assert raised.value.message == told
    assert ("a secret" in caplog.text) == ("a secret" in str(error))
