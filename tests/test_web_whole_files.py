"""A file that is being sent is not written to again, however often the same picture comes."""

from pathlib import Path

import pytest
from conftest import EXAMPLES
from gradio_client import Client, handle_file
from PIL import Image

from dpi_core.web.whole_files import WholeGallery, WholeImage, kept_whole

PICTURE = Image.effect_noise((64, 64), 40).convert("RGB")


@pytest.fixture
def in_place(monkeypatch, tmp_path):
    """Gradio's way of writing a picture fails the test."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr("gradio.processing_utils.save_pil_to_cache", lambda *_, **__: pytest.fail("written in place"))


def test_what_is_being_read_stays_whole_while_the_same_comes_again(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    path = kept_whole(b"x" * 100_000, "a.bin")
    written = []
    write = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", lambda self, data: (written.append(str(self)), write(self, data))[1])
    with open(path, "rb") as being_sent:
        assert kept_whole(b"x" * 100_000, "a.bin") == path
        assert len(being_sent.read()) == 100_000
    assert path not in written


def test_pictures_of_components_are_written_whole(in_place, tmp_path):
    image = WholeImage(format="jpeg", type="pil")
    shown = image.postprocess(PICTURE)
    assert shown.path in image.temp_files
    assert Image.open(shown.path).format == "JPEG"
    assert Path(shown.path).is_relative_to(tmp_path)
    gallery = WholeGallery()
    (first,) = gallery.postprocess([(PICTURE, "one")]).root
    assert (first.caption, Image.open(first.image.path).size) == ("one", PICTURE.size)
    assert image.postprocess(None) is None
    assert gallery.postprocess([]).root == []


def test_no_endpoint_writes_a_picture_in_place(app_url, monkeypatch):
    monkeypatch.setattr("gradio.processing_utils.save_pil_to_cache", lambda *_, **__: pytest.fail("written in place"))
    client = Client(app_url, verbose=False)
    photo = handle_file(EXAMPLES / "astronaut-tiny.png")
    for seeds in ({"api_name": "/restore", "seed": 0}, {"api_name": "/compare_seeds", "seeds": [0, 1]}):
        status, *_ = client.predict(image=photo, config={"steps": 2}, **seeds)
        assert status["done"]
