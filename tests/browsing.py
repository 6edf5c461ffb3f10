"""The page served to the tests, and a browser to visit it."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from formulas import FacePrior
from torch import Tensor

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from dpi_core.web.engine import Engine

CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))), None
)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
PATIENCE = 90_000  # ms, on a machine that does much else
LINE = "#stage [data-role=line]"
NOTE = "#stage [data-role=note]"
LAPTOP = {"width": 1366, "height": 768}


@contextmanager
def served(engine: "Engine") -> Iterator[str]:
    """Serve the real page over `engine` on a free port of this machine; yields its address."""
    from dpi_core.web.page import build_page, launch_options

    page = build_page(engine)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("dpi_core.web.fair_queue.UNHEARD_SECONDS", 600.0)  # a busy machine is late, not gone
        _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, share=False, **launch_options())
        try:
            yield url
        finally:
            page.close()


@pytest.fixture(scope="session")
def app_url():
    """The app on the real embedded models."""
    from dpi_core.web.engine import Engine

    with served(Engine()) as url:
        yield url


class PacedPrior(FacePrior):
    """The same, in a time in which a visitor sees the steps."""

    seconds = 0.05

    def predict_eps(self, x_t: Tensor, t: Tensor) -> Tensor:
        time.sleep(self.seconds)
        return super().predict_eps(x_t, t)


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of 250 steps over `PacedPrior` lasts until it is stopped, however busy the machine is."""
    monkeypatch.setattr(PacedPrior, "seconds", 0.5)


@pytest.fixture(scope="session")
def paced_app_url(analytic_restorer):
    """The app over formulas, for tests of the page that look at no face; every step takes its time, and no processor's."""
    from dpi_core.web.engine import Engine, EngineSettings

    engine, restorer = Engine(EngineSettings(device="cpu")), copy(analytic_restorer)
    restorer.prior = PacedPrior()
    engine._held["embedded"] = restorer
    with served(engine) as url:
        yield url


def patient(opened: Callable) -> Callable:
    """The same, with pages that wait as long as a busy machine takes."""

    def opened_patiently(**options):
        found = opened(**options)
        found.set_default_timeout(PATIENCE)
        return found

    return opened_patiently


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine; install it or set CHROMIUM to its path")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name in ("new_context", "new_page"):
            setattr(browser, name, patient(getattr(browser, name)))
        yield browser
        browser.close()


@pytest.fixture
def page(browser, app_url):
    """The app in a fresh browser context; the test fails if the page reports an error."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, accept_downloads=True)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(app_url)
    page.wait_for_selector("#run")
    yield page
    context.close()
    assert not errors, errors


def check_accessibility(page) -> None:
    """axe-core finds nothing serious."""
    from axe_playwright_python.sync_playwright import Axe

    wrong = [v for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [node["html"] for node in v["nodes"]]) for v in wrong] == []


def choose_preset(page, name: str) -> None:
    """Choose a preset and wait until it stands: while its values arrive one by one, the settings are nobody's."""
    from playwright.sync_api import expect

    page.get_by_label(name, exact=True).click()
    expect(page.get_by_label(name, exact=True)).to_be_checked()


def check_both_schemes(page) -> None:
    """The same, light and dark."""
    page.add_style_tag(content="* { transition: none !important; }")  # no colour on its way to another
    for dark in ("true", "false"):
        page.evaluate(f"document.body.classList.toggle('dark', {dark})")
        check_accessibility(page)


@pytest.fixture
def laptop(browser, app_url):
    page = browser.new_page(viewport=LAPTOP, reduced_motion="reduce")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(app_url)
    page.wait_for_selector("#stage [data-role=ticks] i")
    yield page
    page.close()
    assert not errors, errors


def state(page: "Page", name: str) -> "Locator":
    return page.locator(f"#stage [data-state={name}]")


def choose(page: "Page", path: Path) -> None:
    """Choose a photo and wait until its faces are found."""
    from playwright.sync_api import expect

    page.set_input_files("#photo input[type=file]", str(path))
    expect(page.locator("#status")).to_contain_text("found")


def restored(page: "Page") -> None:
    """Restore and wait for the result."""
    from playwright.sync_api import expect

    page.click("#run")
    expect(state(page, "done")).to_be_visible()
