"""Results that are no longer kept: whoever asks for one is told so in a sentence."""

from pathlib import Path

import pytest
import requests
from browsing import choose, restored
from conftest import EXAMPLES
from gradio.utils import get_upload_folder

from dpi_core.web.doors import GONE, NO_DOOR
from dpi_core.web.uploads import has_gone


@pytest.fixture(scope="module")
def app_url(paced_app_url):
    return paced_app_url


def test_a_file_that_has_gone_is_told_from_one_that_is_nobodys_business(app_url):
    for path in (
        f"{get_upload_folder()}/0123abcd/result.png",
        f"{get_upload_folder()}/../{Path(get_upload_folder()).name}/x",
    ):
        answer = requests.get(f"{app_url}gradio_api/file={path}", timeout=30)
        assert (answer.status_code, answer.json()["detail"]) == (404, GONE)
    for path in ("/no/such.png", "\0", f"{get_upload_folder()}/../nobodys.png", str(EXAMPLES / "none.png")):
        assert not has_gone(path)
    assert requests.get(f"{app_url}gradio_api/file=file:///etc/passwd", timeout=30).json()["detail"] == NO_DOOR


@pytest.mark.browser
def test_the_download_of_a_result_that_has_gone_says_so(browser, app_url):
    from playwright.sync_api import expect

    page = browser.new_page(accept_downloads=True)
    page.goto(app_url)
    choose(page, EXAMPLES / "astronaut-tiny.png")
    restored(page)
    said = page.locator("#refused")
    with page.expect_download() as begun:
        page.locator("#download").click()
    assert Path(begun.value.path()).stat().st_size > 1000
    assert begun.value.suggested_filename == "astronaut-tiny-restored.png"
    expect(said).to_be_hidden()
    for kept in Path(get_upload_folder()).rglob("*-restored.png"):
        kept.unlink()
    page.locator("#download").click()
    expect(said).to_have_text(GONE)
    page.get_by_role("tab", name="Compare seeds").click()
    expect(said).to_be_hidden()
    page.close()
