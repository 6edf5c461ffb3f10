"""The app as a visitor meets it, in headless Chromium."""

import re

import pytest
from browsing import check_both_schemes, choose_preset
from conftest import EXAMPLES
from playwright.sync_api import Page, expect

from dpi_core.method.timesteps import timestep_pairs
from dpi_core.models.presets import DEFAULT_PRESET, PRESETS
from dpi_core.restore.request import read_request

pytestmark = pytest.mark.browser

PLAN = "#stage [data-role=note]"
LINE = "#stage [data-role=line]"
DONE = "#stage [data-state=done]"


@pytest.fixture(scope="module")
def app_url(paced_app_url):
    return paced_app_url


def upload(page: Page, path) -> None:
    page.set_input_files("#photo input[type=file]", str(path))


def test_stop_keeps_the_partial_result(page, app_url, unhurried):
    page.goto(f"{app_url}?steps=250")
    upload(page, EXAMPLES / "grace-hopper-worn.jpg")
    expect(page.locator("#status")).to_contain_text("1 face")
    start = PRESETS[DEFAULT_PRESET].config
    fcm = sum(t > start.tau for t, _ in timestep_pairs(250, 1000, start.spacing))
    expect(page.locator(PLAN)).to_contain_text(f"{fcm} FCM steps")
    page.click("#run")
    expect(page.locator(LINE)).to_contain_text(re.compile(r"step \d+ of 250"))
    page.click("#stop")
    expect(page.locator(LINE)).to_contain_text(re.compile(r"Stopped after step \d+ of 250"))
    expect(page.locator("#stage [data-role=pieces] button")).to_have_count(2)
    expect(page.locator("#stop")).to_be_hidden()
    expect(page.locator("#run")).to_be_enabled()


def test_seeds_stream_side_by_side_flip_and_are_redrawn(page, tmp_path):
    upload(page, EXAMPLES / "astronaut-tiny.png")
    expect(page.locator("#status")).to_contain_text("1 face")
    page.get_by_role("tab", name="Compare seeds").click()
    page.locator("#seeds").get_by_role("textbox").fill("4, 0-1")
    expect(page.locator("#compare-plan")).to_contain_text("3 seeds of 20 steps")
    page.click("#compare-run")
    expect(page.locator("#grid [data-state=running]")).to_be_visible()
    expect(page.locator("#grid .tile b")).to_have_text(["input", "seed 4", "seed 0", "seed 1"])
    expect(page.locator("#grid [data-state=done]")).to_be_visible()
    expect(page.locator("#grid [data-role=note]")).to_contain_text("Furthest apart: seeds")
    assert page.locator("#grid .picked").count() == 2
    assert page.locator("#grid .tile b", has_text="most typical").count() == 1

    shown = page.locator("#grid [data-role=shown]")
    first = shown.inner_text()
    assert first.startswith("A, seed ")
    page.get_by_role("button", name="Flip (F)").click()
    expect(shown).to_contain_text("B, seed")
    page.keyboard.press("f")
    expect(shown).to_have_text(first)
    page.get_by_label("Seed B").select_option(label="seed 1")
    expect(shown).to_have_text("B, seed 1")
    zoom = page.get_by_label("Zoom into all pictures at once")
    zoom.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    scale = "img => getComputedStyle(img).transform"
    assert page.locator("#grid .tile img").first.evaluate(scale).startswith("matrix(3, 0, 0, 3")

    rows = page.locator("#grid [data-role=steps] button")  # many people at first, and less and less
    expect(rows).to_have_count(8)
    rows.first.click()
    expect(page.locator("#grid [data-role=line]")).to_contain_text(re.compile(r"Step 5, .* levels apart"))
    rows.first.click()
    expect(page.locator("#grid [data-role=line]")).to_contain_text("Done in")
    check_both_schemes(page)

    page.locator("#grid button.tile").nth(2).click()
    expect(page.locator("#seed input")).to_have_value("1")
    expect(page.get_by_label("Heavy")).to_be_checked()
    page.locator("#keep").get_by_label("0", exact=True).check()
    page.click("#redraw")
    field = page.locator("#seeds").get_by_role("textbox")
    expect(field).not_to_have_value("4, 0-1")
    seeds = field.input_value()
    drawn, kept, last = seeds.split(", ")
    assert kept == "0"
    assert not {drawn, last} & {"4", "1"}
    tiles = page.locator("#grid button.tile b")
    # they are run at once
    expect(tiles).to_have_text([re.compile(rf"seed {seed}(: most typical)?$") for seed in (drawn, kept, last)])
    expect(page.locator("#grid [data-state=done]")).to_be_visible()

    with page.expect_download() as download:
        page.click("#compare-files")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert read_request(path).seeds == tuple(map(int, (drawn, kept, last)))

    page.reload()  # and the page reads its own file back, once its photo is there again
    expect(page.locator("#status")).to_contain_text("1 face")
    page.locator("input[type=file][accept*=zip]").set_input_files(str(path))
    expect(page.locator("#status")).to_contain_text("Settings of")
    page.get_by_role("tab", name="Compare seeds").click()
    expect(page.locator("#seeds").get_by_role("textbox")).to_have_value(seeds)
    expect(page.get_by_label("The page's settings")).to_be_checked()
    expect(page.locator("#seed input")).to_have_value(drawn)


def test_an_example_and_the_sliders_and_the_dice(page):
    page.locator("#examples button, #examples .gallery-item, .gallery button").first.click()
    expect(page.locator("#status")).to_contain_text("1 face")
    choose_preset(page, "Published")
    expect(page.locator(PLAN)).to_contain_text("12 FCM steps (t > 350), then 7 RACM steps")
    field = page.locator("#sparsity input[type=number]")
    field.fill("4")
    field.press("Enter")
    expect(page.locator(PLAN)).to_contain_text("1 pixel in 16")
    before = page.locator("#seed input").input_value()
    page.click("#dice")
    expect(page.locator("#seed input")).not_to_have_value(before)


def test_the_address_holds_the_settings(browser, app_url):
    page = browser.new_page()
    page.goto(f"{app_url}?tau=300&eta=0&seed=7")
    expect(page.locator(PLAN)).to_contain_text("11 FCM steps (t > 300)")
    expect(page.locator("#seed input")).to_have_value("7")
    field = page.locator("#sparsity input[type=number]")
    field.fill("4")
    field.press("Enter")
    page.wait_for_function("location.search.includes('sparsity=4')")
    assert "tau=300" in page.url
    page.reload()
    expect(page.locator(PLAN)).to_contain_text("1 pixel in 16")
    page.goto(f"{app_url}?tau=high")
    expect(page.locator("#status [role=alert]")).to_contain_text("tau is 'high' in the address")
    page.close()


def test_bad_files_end_in_a_message_and_leave_the_page_usable(page, bad_files):
    for path in bad_files.values():
        upload(page, path)
        expect(page.locator("#status [role=alert]")).to_contain_text(path.name)
        page.click("#run")
        expect(page.locator("#stage [role=alert]")).to_contain_text(path.name)
        expect(page.locator("#run")).to_be_enabled()
        page.get_by_label("Clear").or_(page.get_by_label("Remove Image")).first.click()
    upload(page, EXAMPLES / "astronaut-tiny.png")
    expect(page.locator("#status")).to_contain_text("1 face")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone(browser, app_url, scheme):
    page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    page.goto(app_url)
    page.wait_for_selector("#run")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for position in ("0", "document.body.scrollHeight"):  # the button stays at hand wherever one is
        page.evaluate(f"scrollTo(0, {position})")
        assert 700 < page.locator("#run").bounding_box()["y"] < 780
    page.close()
