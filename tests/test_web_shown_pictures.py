"""Photos of kinds that Chromium does not decode: the page shows them, and a run reads the file itself."""

from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import cv2
import numpy as np
import pytest
import requests
from browsing import choose, restored
from conftest import EXAMPLES
from PIL import Image

from dpi_core.imaging.pictures import read_image
from dpi_core.web.shown_pictures import SIDE, kind_of, shown

BROWSER = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
KINDS = {"heic": "image/heic", "tiff": "image/tiff", "jp2": "image/jp2"}


@pytest.fixture(scope="module")
def app_url(paced_app_url):
    return paced_app_url


def written(folder: Path, kind: str) -> Path:
    """A photo with a face, in that kind."""
    from pillow_heif import register_heif_opener

    register_heif_opener()
    path, photo = folder / f"photo.{kind}", Image.open(EXAMPLES / "astronaut.jpg").convert("RGB")
    if kind == "tiff":  # sixteen bits a channel
        cv2.imwrite(str(path), np.asarray(photo)[..., ::-1].astype(np.uint16) * 257)
        return path
    photo.save(path)
    return path


@pytest.fixture
def uploaded(app_url, tmp_path):
    def upload(kind: str) -> str:
        with written(tmp_path, kind).open("rb") as file:
            (path,) = requests.post(f"{app_url}gradio_api/upload", files={"files": file}, timeout=30).json()
        return path

    return upload


@pytest.mark.parametrize("kind", KINDS)
def test_a_browser_is_sent_what_it_shows_and_everybody_else_the_file(app_url, uploaded, kind):
    path = uploaded(kind)
    url = f"{app_url}gradio_api/file={path}"
    answer = requests.get(url, headers={"Accept": BROWSER}, timeout=30)
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["vary"] == "Accept"
    seen, own = Image.open(BytesIO(answer.content)).convert("RGB"), read_image(path)
    assert seen.size == own.size
    assert np.abs(np.asarray(seen, np.int16) - np.asarray(own)).mean() < 4
    for accepted in ("*/*", f"{KINDS[kind]},{BROWSER}"):
        assert requests.get(url, headers={"Accept": accepted}, timeout=30).content == Path(path).read_bytes()


def test_no_other_file_is_opened_for_it(tmp_path):
    assert shown(str(written(tmp_path, "tiff")), {"image/webp"}) is None
    assert shown("\0", {"image/webp"}) is None
    assert shown(str(EXAMPLES / "astronaut.jpg"), {"image/webp"}) is None


def test_a_damaged_or_large_one(uploaded):
    path = Path(uploaded("tiff"))
    path.write_bytes(path.read_bytes()[:100])
    assert shown(str(path), {"image/webp"}) is None
    Image.new("RGB", (4000, 40)).save(path)
    assert max(Image.open(BytesIO(shown(str(path), {"image/webp"}))).size) == SIDE


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP"])
def test_what_a_browser_decodes_is_left_to_it(kind):
    file = BytesIO()
    Image.new("RGB", (32, 32)).save(file, kind)
    assert kind_of(file.getvalue()[:12]) is None


@pytest.mark.browser
@pytest.mark.parametrize("kind", ["heic", "tiff"])
def test_the_photo_input_shows_what_was_read_and_a_run_reads_the_file(laptop, tmp_path, kind):
    choose(laptop, written(tmp_path, kind))
    photo = laptop.locator("#photo img").first
    laptop.wait_for_function("document.querySelector('#photo img')?.naturalWidth > 0")
    wide, high = photo.evaluate("(image) => [image.naturalWidth, image.naturalHeight]")
    assert (wide, high) == Image.open(EXAMPLES / "astronaut.jpg").size
    laptop.locator("#chosen input[type=checkbox]").last.check()
    restored(laptop)
    with laptop.expect_download() as begun:
        laptop.locator("#bundle").click()
    with ZipFile(begun.value.path()) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("-restored.png")]
        saved = cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_UNCHANGED)
    assert name == "photo-restored.png"
    assert saved.dtype == (np.uint16 if kind == "tiff" else np.uint8)
