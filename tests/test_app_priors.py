"""In a browser: a prior on its way to the machine is shown on the page, a failure is a message there."""

import threading

import pytest
from browsing import served
from conftest import EXAMPLES
from hub_server import serving_ffhq

from dpi_core.web.engine import Engine, EngineSettings

pytestmark = pytest.mark.browser


def test_the_page_shows_a_failed_download_and_then_one_that_succeeds(browser, monkeypatch, tmp_path):
    with serving_ffhq(monkeypatch, tmp_path) as hub:
        monkeypatch.setattr("dpi_core.faces.detect.offline", lambda: True)
        hub.get_faults = [gate := threading.Event(), 503]
        with served(Engine(EngineSettings("ffhq-256", device="cpu"))) as url:
            page = browser.new_page()
            page.goto(url)
            page.wait_for_selector("#run")
            page.locator("#photo input[type=file]").first.set_input_files(str(EXAMPLES / "astronaut.jpg"))
            page.wait_for_selector("#status :text('face')")
            page.click("#run")
            page.wait_for_selector("#stage :text('Downloading diffusion_ffhq_10m.pt')")
            gate.set()
            page.wait_for_selector("#stage [role=alert]:has-text('could not be downloaded')")
            page.locator("#run:not([disabled])").click()
            page.wait_for_selector("#stage :text('Done in')")  # a single step may pass unseen
            page.close()
