"""The tabs for settings as a visitor meets them: a grid over two of them, and two on one seed."""

import json
import re

import pytest
from browsing import check_both_schemes
from conftest import EXAMPLES
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from dpi_core import DPIConfig
from dpi_core.models.presets import PRESETS
from dpi_core.restore.request import read_request
from dpi_core.restore.variants import Variant
from dpi_core.web.ab_settings import differences

pytestmark = pytest.mark.browser


MEDIUM = PRESETS["medium"].config


@pytest.fixture(scope="module")
def app_url(paced_app_url):
    return paced_app_url


def open_tab(page: Page, name: str) -> None:
    page.set_input_files("#photo input[type=file]", str(EXAMPLES / "astronaut-tiny.png"))
    expect(page.locator("#status")).to_contain_text("1 face")
    page.get_by_label("Simulate x4").check()
    page.get_by_role("tab", name=name).click()


def enter(page: Page, field: Locator, value: int, place: str, text: str) -> None:
    """Type a number until `place` has taken it up: what is typed while the page's Auto answers is overwritten."""
    for _ in range(5):
        field.fill(str(value))
        field.press("Enter")
        field.press("Tab")
        page.wait_for_timeout(1000)
        if text in page.locator(place).inner_text():
            break
    expect(page.locator(place)).to_contain_text(text)


def choose_steps(page: Page, steps: int, place: str, text: str) -> None:
    """Set the steps and wait until `place` has taken them up: a drawer that is just opening may miss a key."""
    page.get_by_text("Advanced", exact=True).click()
    enter(page, page.locator("#steps input[type=number]"), steps, place, text)


def test_two_settings_are_explored_and_a_cell_is_taken(page, tmp_path):
    open_tab(page, "Explore")
    expect(page.locator("#explore-plan")).to_contain_text("12 cells (4 by 3), 1 seed each")
    values = page.locator("#explore-x-values").get_by_role("textbox")
    expect(values).to_have_value("0, 50, 200, 350")  # Auto chose tau 200
    values.fill("50, 2000")
    expect(page.locator("#explore-plan [role=alert]")).to_contain_text("tau is 2000; allowed")
    page.locator("#explore-x-values").get_by_role("textbox").fill("0, 400, 700")
    page.locator("#explore-y-values").get_by_role("textbox").fill("1, 2")
    choose_steps(page, 4, "#explore-plan", "6 cells (3 by 2), 1 seed each: 22 steps to run instead of 24")

    page.click("#explore-run")
    grid = page.locator("#explore-grid")
    expect(grid.locator("[data-role=line]")).to_contain_text("22 steps were run")
    cells = grid.get_by_role("radio")
    expect(cells).to_have_count(6)
    assert grid.locator("img:not([alt])").count() == 0
    assert grid.locator("caption").all_inner_texts()[0].startswith("PSNR")
    best = grid.locator(".best")
    expect(best.first).to_have_text("best PSNR")
    chosen = grid.locator("[data-role=chosen]")
    expect(grid.get_by_role("radio", checked=True)).to_have_attribute(  # the best one stands large at first
        "aria-label", re.compile(f"^{chosen.inner_text()}: PSNR")
    )
    page.get_by_label("colours and best by").select_option("lr_consistency")
    expect(best).to_have_count(0)  # all agree exactly, so none is better
    page.get_by_label("colours and best by").select_option("ssim")
    expect(best.first).to_have_text("best SSIM")

    cells.first.click()
    expect(chosen).to_have_text("tau 0, k 1")
    expect(grid.locator("[data-role=figures]")).to_contain_text("LR-consistency")
    page.keyboard.press("ArrowRight")
    expect(chosen).to_have_text("tau 400, k 1")
    page.keyboard.press("ArrowDown")
    expect(chosen).to_have_text("tau 400, k 2")
    page.keyboard.press("ArrowUp")
    expect(chosen).to_have_text("tau 400, k 1")
    page.keyboard.press("f")
    expect(grid.locator("[data-role=shown]")).to_have_text("input")
    page.get_by_label("beside").select_option("the truth")
    expect(grid.locator("[data-role=shown]")).to_have_text("truth")
    check_both_schemes(page)
    page.get_by_role("button", name="Use these settings").click()
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


def test_a_grid_stops_and_keeps_its_cells(page, unhurried):
    open_tab(page, "Explore")
    page.locator("#explore-x").get_by_role("textbox").or_(page.locator("#explore-x input")).first.click()
    page.get_by_role("option", name="Steps").click()
    expect(page.locator("#explore-x-values").get_by_role("textbox")).to_have_value("5, 10, 20")
    page.locator("#explore-x-values").get_by_role("textbox").fill("2, 250")
    page.locator("#explore-y-values").get_by_role("textbox").fill("2")
    expect(page.locator("#explore-plan")).to_contain_text("252 steps to run")
    page.click("#explore-run")
    line = page.locator("#explore-grid [data-role=line]")
    expect(line).to_contain_text("Cell 2 of 2")
    page.click("#explore-stop")
    expect(line).to_contain_text("Stopped after 1 of 2 cells, the estimate of the next one kept")
    states = page.locator("#explore-grid .cell").evaluate_all("cells => cells.map((cell) => cell.dataset.is)")
    assert states == ["done", "stopped"]
    expect(page.locator("#explore-stop")).to_be_hidden()
    expect(page.locator("#explore-run")).to_be_enabled()


def test_a_grid_stopped_in_its_first_cell_keeps_its_estimate_and_files(page, tmp_path, unhurried):
    open_tab(page, "Explore")
    page.locator("#explore-x-values").get_by_role("textbox").fill("0, 50")
    page.locator("#explore-y-values").get_by_role("textbox").fill("2")
    choose_steps(page, 250, "#explore-plan", "instead of 500")
    page.click("#explore-run")
    expect(page.locator("#explore-grid [data-role=line]")).to_contain_text("step")
    page.click("#explore-stop")
    expect(page.locator("#explore-grid [data-role=line]")).to_contain_text("Stopped after 0 of 2 cells")
    stopped = page.locator("#explore-grid .cell[data-is=stopped]")
    expect(stopped).to_have_count(1)
    expect(page.locator("#explore-grid [data-role=figures]")).to_contain_text("stopped after step")
    with page.expect_download() as download:
        page.locator("#explore-files a[download]").last.click()
    download.value.save_as(tmp_path / "grid.json")
    assert read_request(tmp_path / "grid.json").config.steps == 250


def test_two_settings_run_side_by_side_flip_and_wipe(page, tmp_path):
    open_tab(page, "A/B")
    differ = differences(Variant(DPIConfig()), Variant(MEDIUM))
    expect(page.locator("#ab-plan")).to_contain_text(f"A and B differ in {differ}. ")
    field = page.get_by_label("Stage split tau").and_(page.locator("input[type=number]"))
    enter(page, field, 600, "#stage [data-role=note]", "t > 600")
    choose_steps(page, 4, "#stage [data-role=note]", "1 FCM step (t > 600), then 2 RACM steps")
    page.click("#ab-take-a")
    expect(page.locator("#ab-words-a")).to_contain_text("steps 4, tau 600, k 2")
    page.click("#ab-take-b")
    expect(page.locator("#ab-plan [role=alert]")).to_contain_text("the same settings")
    enter(page, field, 0, "#stage [data-role=note]", "3 FCM steps")
    page.click("#ab-take-b")
    expect(page.locator("#ab-plan")).to_contain_text("7 steps to run instead of 8: they share the first 1")

    page.click("#ab-run")
    expect(page.locator("#ab-view [data-role=line]")).to_contain_text("levels apart")
    assert page.locator("#ab-view img:not([alt])").count() == 0
    expect(page.locator("#ab-view table")).to_contain_text("SSIM")
    check_both_schemes(page)
    over, shown = page.locator("#ab-view .over"), page.locator("#ab-view [data-role=shown]")
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


def test_another_method_is_chosen_for_a_side_and_kept_in_its_file(page, tmp_path):
    open_tab(page, "A/B")
    page.locator("#ab-preset-a input").click()
    page.get_by_role("option", name="Medium").click()
    page.locator("#ab-method-b input").click()
    page.get_by_role("option", name="bicubic").click()
    expect(page.locator("#ab-plan")).to_contain_text(
        "A and B differ in “Method” (dpi against bicubic). 21 steps to run."
    )
    expect(page.locator("#ab-words-b")).not_to_contain_text("tau")
    page.wait_for_function("location.search.includes('method_b=bicubic')")
    page.click("#ab-run")
    expect(page.locator("#ab-view [data-role=line]")).to_contain_text("levels apart")
    with page.expect_download() as download:
        page.locator("#ab-files a[download]").nth(1).click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert read_request(path).method == "bicubic"

    page.locator("input[type=file][accept*=zip]").set_input_files(str(path))  # and the page runs with it
    expect(page.locator("#status")).to_contain_text("made by the method bicubic")
    expect(page.locator("#stage [data-role=note]")).to_contain_text("bicubic in place of DPI: 1 step")
    page.click("#run")
    expect(page.locator("#stage [data-state=done]")).to_be_visible()
    expect(page.locator("#stage [data-role=tau]")).to_be_hidden()


def test_a_run_that_fails_leaves_no_files_of_the_one_before(page):
    open_tab(page, "A/B")
    choose_steps(page, 2, "#stage [data-role=note]", "1 FCM step")
    page.click("#ab-take-a")
    expect(page.locator("#ab-words-a")).to_contain_text("steps 2,")
    page.click("#ab-run")
    expect(page.locator("#ab-files a[download]").first).to_be_visible()
    page.get_by_label("Clear").or_(page.get_by_label("Remove Image")).first.click()
    page.click("#ab-run")
    expect(page.locator("#ab-view [role=alert]")).to_contain_text("Choose a photo first")
    expect(page.locator("#ab-files a[download]")).to_have_count(0)
    expect(page.locator("#ab-view img[src]:visible")).to_have_count(0)


@pytest.mark.parametrize(("view", "name"), [("explore", "Explore"), ("ab", "A/B")])
def test_a_finished_view_fits_a_laptop_and_a_phone(browser, app_url, view, name):
    """The faces are large and inside the screen on a laptop; on a phone nothing is wider than it."""
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    page.goto(f"{app_url}?view={view}&steps=2&b=%7B%22steps%22%3A2%7D&across=0,50,150,350&down=1,2,4")
    expect(page.locator("#status")).to_contain_text("Settings taken from the address")
    page.set_input_files("#photo input[type=file]", str(EXAMPLES / "astronaut-tiny.png"))
    expect(page.locator("#status")).to_contain_text("1 face")
    page.click(f"#{view}-run")
    expect(page.locator(f"#{view}-files a[download]").first).to_be_visible()
    root = page.locator("#explore-grid" if view == "explore" else "#ab-view")
    boxes = [box.bounding_box() for box in root.locator(".window:visible").all()]
    assert len(boxes) == (13 if view == "explore" else 3)
    for box in boxes:
        assert box["width"] >= 80
        assert box["y"] + box["height"] <= 768
        assert box["x"] + box["width"] <= 1366
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("#run-buttons")).to_have_css("position", "fixed")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()
