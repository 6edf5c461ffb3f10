"""A Hugging Face hub on this machine that answers as the real one does, and misbehaves when told to.

Large files answer with a redirect to another host ("localhost" is not "127.0.0.1"), small ones themselves.
"""

import hashlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

from dpi_core.weights.registry import PRIORS

CHECKPOINT = Path(__file__).parent / "data" / "adm_tiny_seed5_ch32.pt"  # tiny, with golden outputs
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SMALL = 5000


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Hub:
    """What is on the hub, what to do wrong (each list is used up, one entry a request) and what was asked.

    Faults: a status, ("cut", n) = close after n bytes, ("end", n) = say that n bytes are all, "wrong" = other bytes,
    "no-range" = answer with the whole file, a `threading.Event` = wait for it after the first half, then close,
    ("stall", event) = wait for it before any.
    """

    def __init__(self):
        self.files: dict[tuple[str, str], bytes] = {}
        self.head_faults: list = []
        self.get_faults: list = []
        self.asked: list[tuple[str, str, str | None]] = []
        self.tokens: list[tuple[str, str | None]] = []
        self.url = ""
        self.port = 0

    def gets(self) -> list[tuple[str, str | None]]:
        """(path, Range) of every request for bytes."""
        return [(path, wanted) for method, path, wanted in self.asked if method == "GET" and not path.startswith("/r/")]


class Handler(BaseHTTPRequestHandler):
    def __init__(self, hub: Hub, *args):
        self.hub = hub
        super().__init__(*args)

    def do_HEAD(self):
        self.answer(self.hub.head_faults)

    def do_GET(self):
        self.answer(self.hub.get_faults)

    def answer(self, faults: list):
        hub, wanted = self.hub, self.headers.get("Range")
        hub.asked.append((self.command, self.path, wanted))
        hub.tokens.append((self.path, self.headers.get("Authorization")))
        cdn = self.path.startswith("/cdn/")
        match = re.fullmatch(r"(?:/cdn|/mirror)?/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path)
        if match is None:
            return self.refuse(404, "RepoNotFound")
        repo, revision, file = match.groups()
        data = hub.files.get((repo, file))
        moved = data is not None and len(data) > SMALL and not cdn
        fault = faults.pop(0) if faults and not (moved and self.command == "GET") else None
        if isinstance(fault, int):
            return self.refuse(fault, "GatedRepo" if fault == 401 else None)
        if repo not in {known for known, _ in hub.files}:
            return self.refuse(401, "RepoNotFound")
        if revision not in ("main", COMMIT):
            return self.refuse(404, "RevisionNotFound")
        if data is None:
            return self.refuse(404, "EntryNotFound")
        if moved:
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{hub.port}/cdn/{repo}/resolve/{revision}/{file}")
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("X-Linked-Etag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Linked-Size", str(len(data)))
            self.send_header("ETag", '"of the redirect"')
            self.send_header("Content-Length", "0")
            return self.end_headers()
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and fault != "no-range" else 0
        if start >= len(data):
            return self.refuse(416, None)
        body = data[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if isinstance(fault, tuple) and fault[0] == "end":
            body = body[: fault[1]]
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{git_sha1(data)}"')
        self.end_headers()
        if self.command == "HEAD":
            return None
        if fault == "wrong":
            body = bytes(255 - byte for byte in body)
        if isinstance(fault, tuple) and fault[0] == "stall":
            fault[1].wait(10)
            body, self.close_connection = b"", True
        elif isinstance(fault, tuple):
            body, self.close_connection = body[: fault[1]], True
        if isinstance(fault, threading.Event):
            self.wfile.write(body[: len(body) // 2])
            fault.wait(10)
            body, self.close_connection = b"", True
        self.wfile.write(body)
        return None

    def refuse(self, status: int, code: str | None):
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format, *args):  # the name is the base class's
        pass


@contextmanager
def serving(monkeypatch, folder) -> Iterator[Hub]:
    """A hub that the environment points at, with downloads allowed and every cache inside `folder`."""
    from huggingface_hub import close_session, constants, file_download
    from huggingface_hub.utils import _http

    from dpi_core.weights import resumed

    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "DPI_CORE_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    hub = Hub()
    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, hub))
    hub.port = http.server_port
    hub.url = f"http://127.0.0.1:{hub.port}"
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("DPI_CORE_CACHE", str(folder / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(resumed, "PAUSE", 0.001)
    for library in (_http, file_download):  # it waits seconds between two tries
        monkeypatch.setattr(library, "time", SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / 1000)))
    close_session()
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    yield hub
    http.shutdown()
    http.server_close()
    close_session()


@contextmanager
def serving_ffhq(monkeypatch, folder, **changes) -> Iterator[Hub]:
    """The same, with the tiny checkpoint in the place of the published one of `ffhq-256`."""
    spec, data = PRIORS["ffhq-256"], CHECKPOINT.read_bytes()
    with serving(monkeypatch, folder) as hub:
        hub.files[spec.repo, spec.file] = data
        known = replace(spec, revision=COMMIT, sha256=hashlib.sha256(data).hexdigest(), **changes)
        monkeypatch.setitem(PRIORS, "ffhq-256", known)
        yield hub
