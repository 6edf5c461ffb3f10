"""Two priors side by side on the page: one of them in a folder, and one that is not there."""

import pytest
from browsing import check_both_schemes, served
from conftest import EXAMPLES
from playwright.sync_api import expect

from dpi_core.web.engine import Engine, EngineSettings

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app_url(analytic_restorer):
    """The app of somebody's own machine, who may name any prior."""
    engine = Engine(EngineSettings(device="cpu", any_prior=True))
    engine._held["embedded"] = analytic_restorer
    with served(engine) as url:
        yield url


def test_a_prior_in_a_folder_is_compared_and_one_that_is_missing_is_named(page, large_prior):
    page.set_input_files("#photo input[type=file]", str(EXAMPLES / "astronaut.jpg"))
    expect(page.locator("#status")).to_contain_text("1 face")
    page.get_by_role("tab", name="A/B").click()
    prior = page.locator("#ab-prior-b input")
    prior.fill("no/such-folder")
    prior.press("Enter")
    expect(page.locator("#ab-plan")).to_contain_text("“Prior” (embedded against no/such-folder)")
    page.click("#ab-run")
    expect(page.locator("#ab-view [role=alert]")).to_contain_text("B's prior no/such-folder cannot be loaded")
    expect(page.locator("#ab-run")).to_be_enabled()

    prior.fill(large_prior)
    prior.press("Enter")
    expect(page.locator("#ab-plan")).to_contain_text(large_prior)
    page.click("#ab-run")
    note = page.locator("#ab-view [data-role=note]")
    expect(note).to_contain_text("the smaller one is enlarged to 256")
    sizes = "images => images.map(image => image.naturalWidth)"
    assert page.locator("#ab-view .comparer img").evaluate_all(sizes) == [256, 256]
    wipe = page.get_by_label("Wipe: how much of the picture is A")
    wipe.focus()
    page.keyboard.press("End")
    expect(page.locator("#ab-view [data-role=shown]")).to_have_text("A")
    page.keyboard.press("f")
    expect(page.locator("#ab-view [data-role=shown]")).to_have_text("B")
    check_both_schemes(page)
