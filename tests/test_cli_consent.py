"""What a settings file names is not fetched unasked: on the command line, on the page and over HTTP."""

import io
import json

import pytest
from commandline import TINY, call, complaint

from dpi_core.errors import DPIError
from dpi_core.imaging.pictures import save_png
from dpi_core.restore.request import Request
from dpi_core.web.api_runs import detect_faces
from dpi_core.web.events import on_load_settings
from dpi_core.weights.known import must_be_fetched


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(params=[".json", ".png"])
def strangers(tmp_path, request):
    """A settings file that names a prior which would have to be downloaded."""
    path, settings = tmp_path / f"theirs{request.param}", Request(prior="ffhq-256").to_dict()
    if request.param == ".json":
        path.write_text(json.dumps(settings))
    else:
        from PIL import Image

        save_png(Image.new("RGB", (4, 4)), path, settings)
    return path


@pytest.fixture
def fetched(monkeypatch, offline):
    """The priors that were asked for."""
    names = []

    def fetching(name, *, quiet=False):
        names.append(name)
        raise DPIError("ends here")

    for command in ("restore", "compare"):
        monkeypatch.setattr(f"dpi_core.commands.{command}.fetched", fetching)
    return names


@pytest.mark.parametrize("command", ["restore", "compare"])
def test_with_nobody_to_ask_nothing_is_fetched(capfd, fetched, strangers, out, command):
    told = complaint(capfd, command, TINY, "-o", out, "--settings", strangers)
    assert f"{strangers.name} names the prior 'ffhq-256', which is not on this machine. Give --prior ffhq-256" in told
    assert fetched == []
    assert not out.exists()


@pytest.mark.parametrize(("answer", "asked"), [("y\n", ["ffhq-256"]), ("\n", []), ("no\n", []), ("", [])])
def test_a_person_is_asked(monkeypatch, fetched, strangers, out, answer, asked):
    screen = Terminal()
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    monkeypatch.setattr("sys.stderr", screen)
    assert call("restore", TINY, "-o", out, "--settings", strangers) == 2
    assert "Fetch it? [y/N]" in screen.getvalue()
    assert fetched == asked
    assert ("nothing was fetched" in screen.getvalue()) == (not asked)


def test_what_the_command_line_names_is_asked_for(fetched, strangers, out):
    call("restore", TINY, "-o", out, "--settings", strangers, "--prior", "ffhq-256")
    call("restore", TINY, "-o", out, "--prior", "celebahq-256")
    assert fetched == ["ffhq-256", "celebahq-256"]


def test_a_detector_that_must_be_fetched_is_asked_for_too(capfd, fetched, tmp_path, out, monkeypatch):
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps(Request(detector="face-alignment").to_dict()))
    monkeypatch.setattr("dpi_core.faces.facealign.ready", lambda: False)
    assert "names the detector 'face-alignment'" in complaint(capfd, "restore", TINY, "-o", out, "--settings", path)
    monkeypatch.setattr("dpi_core.faces.facealign.ready", lambda: True)
    assert "ends here" in complaint(capfd, "restore", TINY, "-o", out, "--settings", path)


def test_which_priors_must_be_fetched(offline, tmp_path):
    assert [must_be_fetched(name) for name in ("embedded", str(tmp_path), "no-such-prior")] == [False] * 3
    assert all(
        must_be_fetched(name) for name in ("ffhq-256", "owner/name", "owner/name@main", r"\\host\share", "//a/b")
    )


def test_the_page_and_http_fetch_nothing(monkeypatch, strangers):
    for way in ("dpi_core.weights.obtain.prior_folder_steps", "dpi_core.faces.detect.fetching"):
        monkeypatch.setattr(way, lambda *_: pytest.fail("fetched"))
    assert "this page uses its own models" in on_load_settings(str(strangers))[-1]
    monkeypatch.setattr("dpi_core.faces.facealign.ready", lambda: False)
    with pytest.raises(Exception, match="which this server has not"):
        detect_faces(str(TINY), "face-alignment")
