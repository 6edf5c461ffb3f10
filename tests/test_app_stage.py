"""The stage of the page: in view while it plays, its timeline the control of tau, its comparer and its states."""

import re
from math import ceil

import pytest
from browsing import LAPTOP, LINE, NOTE, check_both_schemes, choose, choose_preset, restored, state
from conftest import EXAMPLES
from PIL import Image
from playwright.sync_api import expect

from dpi_core.method.timesteps import timestep_pairs
from dpi_core.models.presets import PRESETS

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app_url(paced_app_url):
    return paced_app_url


def test_a_newcomer_finds_a_finished_example(laptop):
    expect(state(laptop, "example")).to_be_visible()
    expect(laptop.locator(LINE)).to_contain_text("An example")
    expect(laptop.locator("#stage [data-role=main]")).to_be_visible()
    laptop.get_by_label("Step shown").focus()
    laptop.keyboard.press("Home")
    expect(laptop.locator(LINE)).to_contain_text("FCM, step 1 of 20")
    check_both_schemes(laptop)


def test_it_plays_by_itself_unless_motion_is_unwelcome(browser, app_url):
    page = browser.new_page(viewport=LAPTOP)
    page.goto(app_url)
    expect(page.locator("#stage [data-role=play]")).to_contain_text("Stop playing")
    expect(page.locator("#stage [data-role=play]")).to_contain_text("Play")
    page.close()


def test_face_timeline_tau_and_restore_are_in_view_while_it_runs(laptop, app_url, unhurried):
    laptop.goto(f"{app_url}?steps=250")  # long enough to look at every part, however slow the machine
    expect(laptop.locator("#status")).to_contain_text("Settings taken from the address")
    choose(laptop, EXAMPLES / "astronaut.jpg")
    laptop.click("#run")
    expect(state(laptop, "running")).to_be_visible()
    for part in (
        "#stage [data-role=main]",
        "#stage [data-role=ticks]",
        "#stage [data-role=tau]",
        "#tau",
        "#run",
        "#stop",
    ):
        box = laptop.locator(part).bounding_box()
        assert box["y"] >= 0, part
        assert box["y"] + box["height"] <= LAPTOP["height"], part
        assert box["x"] + box["width"] <= LAPTOP["width"], part
    face = laptop.locator("#stage [data-role=main]").bounding_box()
    assert face["height"] <= 0.55 * LAPTOP["height"]
    for pane in ("input", "mask", "x_t", "condition"):
        box = laptop.locator(f"#stage [data-pane={pane}]").bounding_box()
        assert box["y"] + box["height"] <= LAPTOP["height"], pane
    assert laptop.evaluate("scrollY") == 0
    laptop.click("#stop")
    expect(state(laptop, "stopped")).to_be_visible()


def test_the_stages_are_told_in_their_order_with_what_they_hold(laptop):
    choose(laptop, EXAMPLES / "astronaut-tiny.png")
    laptop.evaluate(
        """() => {
          window.seen = [];
          const [line, badge] = ["line", "badge"].map((role) => document.querySelector(`#stage [data-role=${role}]`));
          new MutationObserver(() => window.seen.push([badge.dataset.stage, line.textContent]))
            .observe(line, {subtree: true, childList: true, characterData: true});
        }"""
    )
    restored(laptop)
    seen = laptop.evaluate("window.seen")
    stages = [stage for stage, _ in seen if stage]
    assert list(dict.fromkeys(stages)) == ["FCM", "RACM", "final"]
    assert any(re.search(r"all 4,096 grid pixels follow the photo", text) for _, text in seen)
    assert any(re.search(r"[\d,]+ of 4,096 grid pixels still held, \d+ %", text) for _, text in seen)


def test_tau_is_dragged_typed_and_moved_by_keys(laptop):
    handle, slider = laptop.locator("#stage [data-role=tau]"), laptop.locator("#tau input[type=number]")
    ticks = laptop.locator("#stage [data-role=ticks]").bounding_box()
    box = handle.bounding_box()
    laptop.mouse.move(box["x"] + box["width"] / 2, box["y"] + 5)
    laptop.mouse.down()
    laptop.mouse.move(ticks["x"] + 0.45 * ticks["width"], box["y"] + 5, steps=4)
    laptop.mouse.up()
    times = [t for t, _ in timestep_pairs(20, spacing=PRESETS["medium"].config.spacing)]
    tau = ceil(times[9] / 10) * 10  # the step whose left edge that is is the first of RACM
    expect(slider).to_have_value(str(tau))
    expect(laptop.locator(NOTE)).to_contain_text(f"(t > {tau})")
    assert laptop.locator("#stage [data-role=ticks] i.FCM").count() == sum(t > tau for t in times)
    handle.focus()
    laptop.keyboard.press("ArrowRight")
    expect(slider).to_have_value(str(tau - 10))
    laptop.keyboard.press("Home")
    expect(slider).to_have_value("1000")
    for tau in (780, 500, 200, 30):
        slider.fill(str(tau))
        slider.press("Enter")
        expect(handle).to_have_attribute("aria-valuenow", str(tau))
        expect(laptop.locator(NOTE)).to_contain_text(f"(t > {tau})")
        box = handle.bounding_box()
        racm = laptop.locator("#stage [data-role=ticks] i.RACM").first.bounding_box()
        assert abs(box["x"] + box["width"] / 2 - racm["x"]) < 4, tau  # however long the steps are


def test_a_finished_run_is_scrubbed_compared_and_goes_out_of_date(laptop):
    choose(laptop, EXAMPLES / "astronaut-tiny.png")
    restored(laptop)
    main, views = laptop.locator("#stage [data-role=main]"), laptop.locator("#stage [data-role=views]")
    result = main.get_attribute("src")
    expect(laptop.locator("#stage [data-role=corners]")).to_have_text("inputend of FCMresult")
    views.get_by_role("button", name="End of FCM").click()
    assert main.get_attribute("src") != result
    views.get_by_role("button", name="What RACM changed").click()
    expect(laptop.locator("#stage [data-role=caption]")).to_contain_text("of 255 levels")
    ticks = laptop.locator("#stage [data-role=ticks]").bounding_box()
    laptop.mouse.move(ticks["x"] + 0.12 * ticks["width"], ticks["y"] + 9)  # hovering a step shows its face
    expect(laptop.locator(LINE)).to_contain_text("step 3 of 20")
    laptop.mouse.move(5, 5)
    expect(laptop.locator(LINE)).to_contain_text("Done in")
    check_both_schemes(laptop)
    choose_preset(laptop, "Heavy")
    expect(state(laptop, "stale")).to_be_visible()
    expect(laptop.locator(LINE)).to_contain_text(f"Out of date: made with tau {PRESETS['mild'].config.tau}")
    choose_preset(laptop, "Auto")
    expect(state(laptop, "done")).to_be_visible()


def test_every_face_that_is_not_sharp_is_restored_and_has_its_tile(laptop, tmp_path):
    portrait = Image.open(EXAMPLES / "astronaut.jpg").crop((60, 0, 380, 260))
    pair = Image.new("RGB", (640, 260), "gray")
    pair.paste(portrait, (0, 0))
    pair.paste(portrait.resize((240, 195)), (360, 0))
    pair.save(tmp_path / "pair.png")
    choose(laptop, tmp_path / "pair.png")
    expect(laptop.locator("#status")).to_contain_text("2 faces")
    restored(laptop)
    tiles = laptop.locator("#stage [data-role=pieces] button")
    expect(tiles).to_have_count(3)
    main = laptop.locator("#stage [data-role=main]")
    shown = set()
    for i in range(3):
        tiles.nth(i).click()
        shown.add(main.get_attribute("src"))
    assert len(shown) == 3
    expect(laptop.locator("#stage [data-role=corners]")).to_have_text(
        "inputresult"
    )  # the whole photo, before and after


def test_a_click_on_restore_shows_the_stage(laptop):
    choose(laptop, EXAMPLES / "astronaut-tiny.png")
    laptop.get_by_role("tab", name="Explore").click()
    laptop.click("#run")
    expect(laptop.get_by_role("tab", name="Restore")).to_have_attribute("aria-selected", "true")
    expect(state(laptop, "done")).to_be_visible()


@pytest.mark.parametrize(
    "selector", ["#tau input[type=range]", "#stage [data-role=tau]", "#stage [data-role=ticks]", "#run"]
)
def test_focus_can_be_seen(laptop, selector):
    laptop.locator("#title a").focus()
    laptop.keyboard.press("Tab")  # the keyboard is in use
    laptop.locator(selector).focus()
    style = laptop.locator(selector).evaluate(
        "e => [getComputedStyle(e).outlineStyle, getComputedStyle(e).outlineWidth]"
    )
    assert style[0] == "solid"
    assert float(style[1].removesuffix("px")) >= 2


def test_on_a_phone_the_run_is_in_view(browser, app_url, unhurried):
    page = browser.new_page(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    page.goto(app_url)
    page.wait_for_selector("#stage [data-role=ticks] i")
    choose(page, EXAMPLES / "astronaut-tiny.png")
    page.click("#run")
    expect(state(page, "running")).to_be_visible()
    page.wait_for_function(
        "document.querySelector('#stage [data-role=main]').getBoundingClientRect().bottom < innerHeight"
    )
    bar = page.locator("#run").bounding_box()["y"]
    for part in ("[data-role=line]", "[data-role=ticks]", "[data-role=main]", "[data-pane=mask]"):
        box = page.locator(f"#stage {part}").bounding_box()
        assert box["y"] >= 0, part
        assert box["y"] + box["height"] <= bar, part
    expect(state(page, "done")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()
