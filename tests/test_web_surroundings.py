"""Where the app starts all the same: dead and unknown proxies, somebody else's temporary folder, behind a reverse proxy."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from conftest import ROOT

from dpi_core.web import surroundings
from dpi_core.web.surroundings import FOLDER, ask_itself_directly, choose_gradio_folder, without_proxies

PROXIES = {"ALL_PROXY": "socks5h://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "nonsense"}
LONG = 120.0  # seconds that no test waits for unless it fails


def test_proxies_are_gone_for_a_while_and_given_back():
    environment = {**PROXIES, "HOME": "/home/me"}
    with pytest.raises(KeyError), without_proxies(environment):
        environment["no such name"]
    with without_proxies(environment):
        assert environment == {"HOME": "/home/me"}
    assert environment == {**PROXIES, "HOME": "/home/me"}


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_this_machine_is_never_asked_for_through_a_proxy(name):
    environment = {name: "corp.example, localhost"}
    for _ in range(2):
        ask_itself_directly("10.0.0.5", environment)
        expected = "corp.example,localhost,127.0.0.1,::1,10.0.0.5"
        assert environment["no_proxy"] == environment["NO_PROXY"] == expected


def test_the_usual_folder_is_kept_where_it_is_this_users(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    environment: dict[str, str] = {}
    choose_gradio_folder(environment)
    assert environment == {}
    assert (tmp_path / "gradio").stat().st_mode & 0o077 == 0


def test_another_is_named_where_it_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "gradio").write_text("a file of somebody's")
    environment: dict[str, str] = {}
    choose_gradio_folder(environment)
    chosen = Path(environment.pop(FOLDER))
    assert chosen.parent == tmp_path
    assert chosen.is_dir()
    choose_gradio_folder(environment)
    assert Path(environment[FOLDER]) == chosen  # the next start does not leave another one behind


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="only POSIX says whose a folder is")
def test_a_folder_of_another_user_is_not_taken_even_if_it_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "gradio").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(surroundings.os, "getuid", lambda: -1)
    environment: dict[str, str] = {}
    choose_gradio_folder(environment)
    assert Path(environment[FOLDER]).name.startswith("gradio-")


def test_what_cannot_be_used_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"GRADIO_TEMP_DIR is '.*file', which is not this user's or cannot be written"):
        choose_gradio_folder({FOLDER: str(tmp_path / "file")})

    def none():
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.gettempdir", none)
    with pytest.raises(ValueError, match=r"no temporary folder that can be written.*TMPDIR"):
        choose_gradio_folder({})


@pytest.mark.slow
def test_the_app_starts_with_all_of_it_and_knows_its_address_behind_a_proxy(tmp_path):
    (tmp_path / "gradio").write_text("a file of somebody's")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {name: value for name, value in os.environ.items() if "proxy" not in name.lower() and name != FOLDER}
    environment = {**own, **PROXIES, "TMPDIR": str(tmp_path), "DPI_CORE_OFFLINE": "1"}
    command = [sys.executable, "app.py", "--port", str(port), "--root-path", "/dpi"]
    app = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    asking = requests.Session()
    asking.trust_env = False
    headers = {"X-Forwarded-Host": "faces.example", "X-Forwarded-Proto": "https"}
    try:
        end = time.monotonic() + LONG
        while True:
            assert app.poll() is None, app.stdout.read()
            assert time.monotonic() < end
            try:
                config = asking.get(f"http://127.0.0.1:{port}/config", headers=headers, timeout=30).json()
                break
            except requests.ConnectionError:
                time.sleep(0.2)
        assert config["root"] == "https://faces.example/dpi"
        assert "Diffusion Prior Interpolation" in asking.get(f"http://127.0.0.1:{port}/", timeout=30).text
    finally:
        app.terminate()
        app.wait(LONG)
