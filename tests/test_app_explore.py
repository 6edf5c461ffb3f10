"""The tabs for settings as a visitor meets them: a grid over two of them, and two on one seed."""

import json
import re

import pytest
from conftest import EXAMPLES, check_both_schemes
from PIL import Image
from playwright.sync_api import Page, expect

from dpi_core import DPIConfig
from dpi_core.models.presets import PRESETS
from dpi_core.restore.variants import Variant
from dpi_core.web.ab_settings import differences

pytestmark = pytest.mark.browser

PATIENCE = 90_000  # ms; the first run loads the models

MEDIUM = PRESETS["medium"].config


def open_tab(page: Page, name: str) -> None:
    page.set_input_files("#photo input[type=file]", str(EXAMPLES / "astronaut-tiny.png"))
    expect(page.locator("#status")).to_contain_text("1 face", timeout=PATIENCE)
    page.get_by_label("Simulate x4").check()
    page.get_by_role("tab", name=name).click()


def choose_steps(page: Page, steps: int, place: str, text: str) -> None:
    """Set the steps and wait until `place` has taken them up: a drawer that is just opening may miss a key."""
    page.get_by_text("Advanced", exact=True).click()
    field = page.locator("#steps input[type=number]")
    for _ in range(5):
        field.fill(str(steps))
        field.press("Enter")
        field.press("Tab")
        page.wait_for_timeout(1000)
        if text in page.locator(place).inner_text():
            break
    expect(page.locator(place)).to_contain_text(text)


def test_two_settings_are_explored_and_a_cell_is_taken(page, tmp_path):
    open_tab(page, "Explore")
    expect(page.locator("#explore-plan")).to_contain_text("12 cells (4 by 3), 1 seed each")
    page.locator("#explore-x-values").get_by_role("textbox").fill("50, 2000")
    expect(page.locator("#explore-plan [role=alert]")).to_contain_text("tau is 2000; allowed")
    page.locator("#explore-x-values").get_by_role("textbox").fill("0, 400, 700")
    page.locator("#explore-y-values").get_by_role("textbox").fill("1, 2")
    choose_steps(page, 4, "#explore-plan", "6 cells (3 by 2), 1 seed each: 18 steps to run instead of 24")

    page.click("#explore-run")
    expect(page.locator("#explore-progress [role=status]")).to_contain_text("18 steps were run", timeout=PATIENCE)
    cells = page.locator("#explore-grid .dpi-cell input")
    expect(cells).to_have_count(6)
    assert page.locator("#explore-grid img:not([alt])").count() == 0
    assert page.locator("#explore-maps caption").all_inner_texts()[0].startswith("LR-consistency")
    expect(page.locator(".dpi-best:visible").first).to_have_text("best PSNR")
    page.get_by_label("Mark the best by").select_option("lr_consistency")
    expect(page.locator(".dpi-best:visible").first).to_have_text("best LR")

    page.click("#explore-use")
    expect(page.locator("#explore-note [role=alert]")).to_contain_text("Choose a cell")
    cells.first.focus()
    page.keyboard.press("Space")
    expect(page.locator("[data-role=chosen]")).to_contain_text("tau 0, k 1: LR-consistency")
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-role=chosen]")).to_contain_text("tau 400, k 1")
    check_both_schemes(page)
    page.click("#explore-use")
    expect(page.locator("#tau input[type=number]")).to_have_value("400")
    expect(page.locator("#sparsity input[type=number]")).to_have_value("1")
    expect(page.locator("#steps input[type=number]")).to_have_value("4")

    saved = []
    for link in page.locator("#explore-files a[download]").all():
        with page.expect_download() as download:
            link.click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        saved.append(path)
    assert [path.name for path in saved] == ["astronaut-tiny-tau-sparsity.png", "astronaut-tiny-tau-sparsity.json"]
    assert Image.open(saved[0]).size[0] == 3 * 128
    assert len(json.loads(saved[1].read_text())["cells"]) == 6


def test_a_grid_stops_and_keeps_its_cells(page):
    open_tab(page, "Explore")
    page.locator("#explore-x").get_by_role("textbox").or_(page.locator("#explore-x input")).first.click()
    page.get_by_role("option", name="Steps").click()
    expect(page.locator("#explore-x-values").get_by_role("textbox")).to_have_value("5, 10, 20")
    page.locator("#explore-x-values").get_by_role("textbox").fill("2, 250")
    page.locator("#explore-y-values").get_by_role("textbox").fill("2")
    expect(page.locator("#explore-plan")).to_contain_text("252 steps to run")
    page.click("#explore-run")
    expect(page.locator("#explore-progress")).to_contain_text("Cell 2 of 2", timeout=PATIENCE)
    page.click("#explore-stop")
    expect(page.locator("#explore-progress")).to_contain_text(
        re.compile("Stopped after 1 of 2 cells"), timeout=PATIENCE
    )
    expect(page.locator("#explore-grid .dpi-empty")).to_have_text("not run")
    expect(page.locator("#explore-stop")).to_be_hidden()
    expect(page.locator("#explore-run")).to_be_enabled()


def test_two_settings_run_side_by_side_flip_and_wipe(page, tmp_path):
    open_tab(page, "A/B")
    differ = differences(Variant(DPIConfig()), Variant(MEDIUM))
    expect(page.locator("#ab-plan")).to_contain_text(f"A and B differ in {differ}. ")
    page.get_by_label("Stage split tau").and_(page.locator("input[type=number]")).fill("600")
    choose_steps(page, 4, "#stage [data-role=note]", "1 FCM step (t > 600), then 2 RACM steps")
    page.click("#ab-take-a")
    expect(page.locator("#ab-words-a")).to_contain_text("steps 4, tau 600, k 2")
    page.click("#ab-take-b")
    expect(page.locator("#ab-plan [role=alert]")).to_contain_text("the same settings")
    field = page.get_by_label("Stage split tau").and_(page.locator("input[type=number]"))
    field.fill("0")
    field.press("Enter")
    expect(page.locator("#stage [data-role=note]")).to_contain_text("3 FCM steps")
    page.click("#ab-take-b")
    expect(page.locator("#ab-plan")).to_contain_text("7 steps to run instead of 8: they share the first 1")

    page.click("#ab-run")
    expect(page.locator("#ab-summary")).to_contain_text("levels apart", timeout=PATIENCE)
    assert page.locator("#ab-view img:not([alt])").count() == 0
    expect(page.locator("#ab-view table")).to_contain_text("SSIM")
    check_both_schemes(page)
    over, shown = page.locator("#ab-view .dpi-over"), page.locator("#ab-view [data-role=shown]")
    wipe = page.get_by_label("Wipe: how much of the picture is A")
    wipe.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert over.evaluate("img => getComputedStyle(img).clipPath") == "inset(0px 40% 0px 0px)"
    page.keyboard.press("Home")
    expect(shown).to_have_text("B")
    page.keyboard.press("f")
    expect(shown).to_have_text("A")
    page.locator("#ab-view").get_by_role("button", name="Flip (F)").click()
    expect(shown).to_have_text("B")

    saved = []
    for link in page.locator("#ab-files a[download]").all():
        with page.expect_download() as download:
            link.click()
        saved.append(tmp_path / download.value.suggested_filename)
        download.value.save_as(saved[-1])
    assert [path.name for path in saved] == [f"astronaut-tiny-seed0-{end}" for end in ("A.png", "B.png", "AB.json")]
    assert json.loads(saved[2].read_text())["steps_shared"] == 1


@pytest.mark.parametrize("name", ["Explore", "A/B"])
def test_the_tabs_fit_a_phone(browser, app_url, name):
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(app_url)
    page.get_by_role("tab", name=name).click()
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()
