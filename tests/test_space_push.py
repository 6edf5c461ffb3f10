"""The upload, through huggingface_hub's real client, to a hub on this machine that speaks its protocol."""

import base64
import hashlib
import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import ROOT

from dpi_core.__main__ import main
from dpi_core.space.front_matter import parse
from dpi_core.space.push import checked_name, push, uploads
from dpi_core.space.spacefile import read_spacefile

TOKEN = "hf_right"
WEIGHTS = bytes(range(256)) * 16


class FakeHub(ThreadingHTTPServer):
    """Holds one Space's files; `refuse` maps a part of an address to the status it is answered with."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.created, self.asked = {}, [], []
        self.large: dict[str, bytes] = {}
        self.refuse: dict[str, int] = {}
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: FakeHub

    def log_message(self, *args):
        pass

    def answer(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if status >= 400:
            self.send_header("X-Error-Message", value.get("error", ""))
        self.end_headers()
        self.wfile.write(data)

    def handle_any(self):
        hub, path = self.server, self.path.split("?")[0]
        hub.asked.append(f"{self.command} {path}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        for part, status in hub.refuse.items():
            if part in path:
                return self.answer(status, {"error": "refused on purpose"})
        if path.startswith("/put/"):
            hub.large[path.removeprefix("/put/")] = body
            return self.answer(200, {})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.answer(401, {"error": "Invalid credentials"})
        if path == "/api/repos/create":
            hub.created.append(json.loads(body))
            return self.answer(200, {"url": f"{hub.url}/spaces/jane/faces", "id": "jane/faces", "name": "jane/faces"})
        if path == "/api/spaces/jane/faces/tree/main":
            return self.answer(
                200, [{"type": "file", "path": p, "size": len(d), "oid": "0"} for p, d in hub.files.items()]
            )
        if path == "/api/validate-yaml":
            wrong = parse(json.loads(body)["content"]).get("colorTo") == "mauve"
            return self.answer(400 if wrong else 200, {"warnings": [], "errors": []})
        if path.endswith("/preupload/main"):
            modes = [
                {"path": f["path"], "uploadMode": "lfs" if f["path"].endswith("safetensors") else "regular"}
                for f in json.loads(body)["files"]
            ]
            return self.answer(200, {"files": [{**mode, "shouldIgnore": False} for mode in modes]})
        if path.endswith("/info/lfs/objects/batch"):
            objects = [
                {**o, "actions": {"upload": {"href": f"{hub.url}/put/{o['oid']}"}}} for o in json.loads(body)["objects"]
            ]
            return self.answer(200, {"transfer": "basic", "objects": objects})
        if path.endswith("/commit/main"):
            for line in map(json.loads, body.splitlines()):
                value = line["value"]
                if line["key"] == "file":
                    hub.files[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    hub.files[value["path"]] = hub.large[value["oid"]]
                elif line["key"] == "deletedFile":
                    del hub.files[value["path"]]
            return self.answer(
                200, {"commitUrl": f"{hub.url}/spaces/jane/faces/commit/{'1' * 40}", "commitOid": "1" * 40}
            )
        return self.answer(404, {"error": f"no {path}"})

    do_GET = do_POST = do_PUT = handle_any  # noqa: N815


@pytest.fixture
def hub(monkeypatch):
    server = FakeHub()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    (root / "assets" / "prior").mkdir(parents=True)
    (root / "dpi_core" / "__pycache__").mkdir(parents=True)
    (root / "tests").mkdir()
    for name in ("Spacefile", "requirements.txt", "pyproject.toml", "app.py"):
        shutil.copy(ROOT / name, root / name)
    (root / "README.md").write_text("# No front matter yet\n")
    (root / "assets" / "prior" / "weights.safetensors").write_bytes(WEIGHTS)
    (root / "dpi_core" / "__init__.py").write_text("x = 1\n")
    for private in ("dpi_core/__pycache__/a.pyc", "dpi_core/.secret", "tests/test_a.py", ".env", "photo.jpg"):
        (root / private).write_text("not for the hub")
    return root


WANTED = {
    *("README.md", "Spacefile", "requirements.txt", "pyproject.toml", "app.py"),
    *("assets/prior/weights.safetensors", "dpi_core/__init__.py"),
}


def test_only_what_the_space_needs_goes_up(project):
    files = uploads(project, read_spacefile(project))
    assert {file.path for file in files} == WANTED
    assert [file.path for file in files if file.large] == ["assets/prior/weights.safetensors"]
    assert next(file.size for file in files if file.large) == len(WEIGHTS)


def test_the_project_itself_goes_up_whole():
    paths = {file.path for file in uploads(ROOT, read_spacefile(ROOT))}
    assert {"app.py", "README.md", "dpi_core/web/page.css", "assets/prior/prior.json"} <= paths
    assert not any(path.startswith(("tests", ".")) or "__pycache__" in path for path in paths)


def test_the_dry_run_prints_the_files_and_touches_nothing(project, hub, monkeypatch, capsys):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    before = (project / "README.md").read_bytes()
    assert main(["space", "push", "jane/faces", "--root", str(project)]) == 0
    out = capsys.readouterr().out
    assert all(path in out for path in WANTED)
    assert "4.1 KB  LFS  assets/prior/weights.safetensors" in out
    assert "7 files" in out
    assert "Nothing was sent" in out
    assert (project / "README.md").read_bytes() == before
    assert hub.asked == []


def test_push_makes_the_space_hold_the_files_and_no_stale_ones(project, hub):
    hub.files = {"dpi_core/gone.py": b"", ".gitattributes": b"theirs", "notes.md": b"theirs"}
    spacefile = read_spacefile(project)
    assert push(project, spacefile, "jane/faces", token=TOKEN, endpoint=hub.url) == f"{hub.url}/spaces/jane/faces"
    (created,) = hub.created
    assert (created["name"], created["organization"], created["type"], created["sdk"]) == (
        "faces",
        "jane",
        "space",
        "gradio",
    )
    assert "hardware" not in created
    assert set(hub.files) == WANTED | {".gitattributes", "notes.md"}
    assert hub.files["assets/prior/weights.safetensors"] == WEIGHTS
    assert hub.large == {hashlib.sha256(WEIGHTS).hexdigest(): WEIGHTS}
    assert parse(hub.files["README.md"].decode()) == spacefile.front_matter()
    assert (project / "README.md").read_bytes() == hub.files["README.md"]


def test_the_command_uploads_with_yes(project, hub, monkeypatch, capsys):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
    assert main(["space", "push", "jane/faces", "--yes", "--private", "--root", str(project)]) == 0
    assert f"{hub.url}/spaces/jane/faces" in capsys.readouterr().out
    assert set(hub.files) >= WANTED


@pytest.mark.parametrize(
    ("refuse", "message"),
    [
        ({"repos/create": 403}, "the token may not write to jane/faces"),
        ({"tree/main": 404}, "no account 'jane' that the token may see"),
        ({"commit/main": 403}, "the token may not write"),
        ({"commit/main": 429}, "asks to wait"),
        ({"validate-yaml": 400}, "Invalid metadata"),
        ({"repos/create": 418}, "answered 418: refused on purpose"),
        ({"put/": 400}, "the upload to jane/faces .* failed"),
    ],
)
def test_what_the_hub_refuses_is_a_message(project, hub, refuse, message):
    hub.refuse = refuse
    with pytest.raises(ValueError, match=message):
        push(project, read_spacefile(project), "jane/faces", token=TOKEN, endpoint=hub.url)
    assert hub.files == {}


def test_a_wrong_token_is_a_message(project, hub):
    with pytest.raises(ValueError, match="does not know the token"):
        push(project, read_spacefile(project), "jane/faces", token="hf_wrong", endpoint=hub.url)


def test_no_token_is_a_message(project, monkeypatch):
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(ValueError, match="set HF_TOKEN, or log in"):
        push(project, read_spacefile(project), "jane/faces")


def test_a_hub_out_of_reach_is_a_message(project):
    with pytest.raises(ValueError, match="cannot be reached at http"):
        push(project, read_spacefile(project), "jane/faces", token=TOKEN, endpoint="http://127.0.0.1:9")


@pytest.mark.parametrize("name", ["faces", "a/b/c", "/b", "a b/c", "https://huggingface.co/a/b", ""])
def test_a_name_must_have_an_owner(name):
    with pytest.raises(ValueError, match="allowed is OWNER/NAME"):
        checked_name(name)


def test_what_would_break_the_build_stops_the_push(project, hub, capsys):
    (project / "app.py").unlink()
    assert main(["space", "push", "jane/faces", "--yes", "--root", str(project)]) == 2
    assert "no such file" in capsys.readouterr().err
    assert hub.asked == []
