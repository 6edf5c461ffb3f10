"""The app as a visitor meets it, in headless Chromium on the real embedded models."""

import zipfile
from io import BytesIO

import pytest
from browsing import check_both_schemes
from conftest import EXAMPLES
from PIL import Image
from playwright.sync_api import expect

from dpi_core.imaging.pictures import read_settings
from dpi_core.models.presets import DEFAULT_PRESET, PRESETS

pytestmark = pytest.mark.browser

DONE = "#stage [data-state=done]"


def test_upload_run_and_download(page, tmp_path):
    page.set_input_files("#photo input[type=file]", str(EXAMPLES / "astronaut.jpg"))
    expect(page.locator("#status")).to_contain_text("1 face")
    expect(page.locator("#faces img")).to_have_count(1)
    page.get_by_label("Simulate x8").check()
    page.click("#run")
    expect(page.locator(DONE)).to_be_visible()
    expect(page.locator("#stage [data-role=pieces]")).to_contain_text("PSNR")
    assert page.locator("#stage img:not([alt])").count() == 0
    check_both_schemes(page)
    page.click("#save-film")
    expect(page.locator("#film-files a[download]").first).to_be_visible()
    with page.expect_download() as download:
        page.click("#download")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == "astronaut-restored.png"
    assert read_settings(path)["faces"][0]["scale"] == 8
    with page.expect_download() as download:
        page.click("#bundle")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        face = f"astronaut-face1-seed0-tau{PRESETS[DEFAULT_PRESET].config.tau}-k2.png"
        assert set(archive.namelist()) == {"astronaut-restored.png", face}
        assert Image.open(BytesIO(archive.read(face))).size == (128, 128)
    expect(page.locator("#run")).to_be_enabled()


def test_no_visitor_sees_anothers_picture(browser, app_url):
    visitors = {}
    for name in ("astronaut", "grace-hopper-worn"):
        context = browser.new_context(viewport={"width": 1280, "height": 1000})
        visitors[name] = context.new_page()
        visitors[name].goto(app_url)
        visitors[name].wait_for_selector("#run")
    for name, page in visitors.items():
        page.set_input_files("#photo input[type=file]", str(EXAMPLES / f"{name}.jpg"))
    for page in visitors.values():  # both runs are under way at once, the second waits for the models
        expect(page.locator("#status")).to_contain_text("1 face")
        page.click("#run")
    results = {}
    for name, page in visitors.items():
        expect(page.locator(DONE)).to_be_visible()
        with page.expect_download() as download:
            page.click("#download")
        assert download.value.suggested_filename == f"{name}-restored.png"
        results[name] = page.locator("#stage [data-role=main]").get_attribute("src")
    assert len(set(results.values())) == 2
    stranger = browser.new_context().new_page()
    stranger.goto(app_url)
    stranger.wait_for_selector("#run")
    assert stranger.locator("#faces img, #grid img").count() == 0
    assert stranger.locator("#stage [data-role=main]").get_attribute("src") not in results.values()
    for page in (*visitors.values(), stranger):
        page.context.close()
