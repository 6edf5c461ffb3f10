"""What the server answers at all, against the running app: shut routes, sizes, names of uploads, a full disk."""

import asyncio
import base64
import io
from pathlib import Path

import pytest
import requests
from conftest import EXAMPLES
from gradio.utils import get_upload_folder

from dpi_core.errors import DPIError
from dpi_core.web import doors
from dpi_core.web.doors import MOST_BYTES, NO_DOOR, NO_ROOM, TOO_LARGE, Doors, refusal
from dpi_core.web.guarded_blocks import GuardedBlocks
from dpi_core.web.page import launch_options
from dpi_core.web.photo_input import photo_input, saved_data_url

PNG = (EXAMPLES / "astronaut-tiny.png").read_bytes()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "gradio_api/file=https://example.com/photo.png"),
        ("GET", "gradio_api/file=HTTP://127.0.0.1/photo.png"),
        ("HEAD", "gradio_api/file=ftp://example.com/photo.png"),
        ("GET", "gradio_api/file=//example.com/photo.png"),
        ("GET", "gradio_api/file%3Dhttps://example.com/photo.png"),
        ("GET", "gradio_api/proxy=https://example.com/photo.png"),
        ("POST", "gradio_api/process_recording"),
        ("POST", "gradio_api/component_server"),
        ("POST", "gradio_api/vibe-edit"),
        ("GET", "gradio_api/deep_link?session_hash=any"),
        ("GET", "monitoring"),
        ("GET", "monitoring/summary"),
    ],
)
def test_routes_that_act_for_others_are_shut(app_url, method, path):
    answer = requests.request(method, f"{app_url}{path}", timeout=30)
    assert answer.status_code == 404
    assert method == "HEAD" or answer.json()["detail"] == NO_DOOR


def test_no_run_goes_past_the_queue(app_url):
    data = {"data": [None, {}, 0, None, None, False]}
    for route in ("run", "api"):
        assert requests.post(f"{app_url}gradio_api/{route}/restore", json=data, timeout=30).status_code == 404


@pytest.mark.parametrize("path", ["", "config", "theme.css", "gradio_api/info", "gradio_api/startup-events"])
def test_the_pages_own_routes_are_open(app_url, path):
    assert requests.get(f"{app_url}{path}", timeout=30).ok


@pytest.mark.parametrize(
    "path", ["/etc/hostname", "../../etc/hostname", "..%2f..%2fetc/hostname", "requirements.txt", "/proc/self/environ"]
)
def test_no_other_file_is_handed_out(app_url, path):
    assert requests.get(f"{app_url}gradio_api/file={path}", timeout=30).status_code in (403, 404)


@pytest.mark.parametrize(
    "name", ["../../evil.png", "/etc/evil.png", "a/b.png", "a\\..\\b.png", "..", "a\0b.png", "x" * 400 + ".png", "-rf"]
)
def test_an_upload_lies_among_the_uploads_whatever_its_name(app_url, name):
    answer = requests.post(f"{app_url}gradio_api/upload", files={"files": (name, io.BytesIO(PNG))}, timeout=30)
    if answer.ok:
        (path,) = answer.json()
        assert Path(path).resolve().parent.parent == Path(get_upload_folder()).resolve()
        assert Path(path).read_bytes() == PNG
    else:
        assert answer.status_code == 400


def test_bodies_have_a_largest_size():
    assert refusal("/gradio_api/call/restore", {"content-length": str(MOST_BYTES)}) is None
    assert refusal("/gradio_api/call/restore", {"content-length": str(MOST_BYTES + 1)}) == (413, TOO_LARGE)
    assert refusal("/gradio_api/call/restore", {"content-length": "-1"}) is None  # the server itself refuses it


def test_a_body_that_does_not_say_its_size_is_read_no_further(monkeypatch):
    monkeypatch.setattr(doors, "MOST_BYTES", 10)
    read, sent = [], []

    async def receive():
        read.append(5)
        return {"type": "http.request", "body": b"12345", "more_body": True}

    async def send(message):
        sent.append(message)

    async def app(scope, receive, send):
        while (await receive())["more_body"]:
            pass

    scope = {"type": "http", "path": "/gradio_api/upload", "method": "POST", "headers": []}
    asyncio.run(Doors(app)(scope, receive, send))
    assert len(read) == 3
    assert sent[0]["status"] == 413
    assert TOO_LARGE.encode() in sent[1]["body"]


def test_nothing_is_uploaded_to_a_full_disk(app_url, monkeypatch):
    monkeypatch.setattr(doors, "free_bytes", lambda folder: doors.KEPT_FREE)
    answer = requests.post(f"{app_url}gradio_api/upload", files={"files": ("a.png", io.BytesIO(PNG))}, timeout=30)
    assert (answer.status_code, answer.json()["detail"]) == (507, NO_ROOM)
    assert requests.get(f"{app_url}config", timeout=30).ok


def test_free_space_is_counted_where_a_folder_will_be(tmp_path):
    assert doors.free_bytes(tmp_path / "not" / "there" / "yet") > 0


def test_a_photo_may_be_a_data_url_and_no_other():
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert Path(saved_data_url(url)).read_bytes() == PNG
    for other in (
        "http://127.0.0.1/a.png",
        "file:///etc/hostname",
        "data:text/plain,hello",
        "data:image/png;base64,%",
        "",
    ):
        with pytest.raises(DPIError, match="upload a photo first"):
            saved_data_url(other)


def test_a_data_url_is_not_decoded_by_gradio(monkeypatch):
    monkeypatch.setattr("PIL.Image.open", lambda *_: pytest.fail("decoded"))
    component = photo_input()
    payload = component.data_model(url="data:image/png;base64," + base64.b64encode(PNG).decode())
    path = component.preprocess(payload)
    assert Path(path).read_bytes() == PNG
    assert path in component.temp_files


def test_a_busy_machine_does_not_keep_the_page_from_starting(monkeypatch):
    """Gradio asks its own page for three seconds, and would give up."""
    monkeypatch.setattr("gradio.networking.url_ok", lambda url: False)
    with GuardedBlocks(analytics_enabled=False) as page:
        pass
    options = {**launch_options(), "mcp_server": False}
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, share=False, **options)
    try:
        assert requests.get(f"{url}config", timeout=30).ok
    finally:
        page.close()
