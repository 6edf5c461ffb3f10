"""Between the choice of a photo and its first run the stage shows the face that was chosen, where the run will show it."""

import pytest
from browsing import LAPTOP, LINE, check_both_schemes, choose, restored, state
from conftest import EXAMPLES
from pictures import group
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

MAIN = "#stage [data-role=main]"
CORNERS = "#stage [data-role=corners]"
FACE = """() => {
  const [stage, face] = ["section", "[data-role=face]"].map((part) => document.querySelector(`#stage ${part}`));
  const [of, box] = [stage.getBoundingClientRect(), face.getBoundingClientRect()];
  const {hidden} = face.querySelector("[data-role=main]");
  return [stage.dataset.state, hidden, box.x - of.x, box.y - of.y, box.width, box.height];
}"""
WATCH = f"""() => {{
  window.seen = [];
  const note = () => {{ window.seen.push(({FACE})()); requestAnimationFrame(note); }};
  note();
}}"""


@pytest.fixture(scope="module")
def app_url(paced_app_url):
    return paced_app_url


@pytest.mark.parametrize("size", [LAPTOP, {"width": 390, "height": 844}], ids=["laptop", "phone"])
def test_the_chosen_face_is_shown_and_stays_in_its_place_when_the_run_begins(browser, app_url, size, tmp_path):
    page = browser.new_page(viewport=size, reduced_motion="reduce")
    page.goto(app_url)
    page.wait_for_selector("#stage [data-role=ticks] i")
    choose(page, group(tmp_path / "group.png"))
    expect(state(page, "ready")).to_be_visible()
    expect(page.locator(LINE)).to_have_text(
        "3 faces found, all ticked. Press Restore to paint the detail they lack, one face after the other."
    )
    expect(page.locator(MAIN)).to_be_visible()
    expect(page.locator(CORNERS)).to_have_text("input: face 1 of 3")
    check_both_schemes(page)
    page.evaluate(WATCH)
    restored(page)
    seen = page.evaluate("window.seen")
    assert {"ready", "running", "done"} <= {state for state, *_ in seen}
    assert not any(hidden for _, hidden, *_ in seen)
    assert len({tuple(map(round, box)) for _, _, *box in seen}) == 1
    page.close()


def test_a_page_that_nobody_touches_asks_for_nothing(laptop, tmp_path):
    choose(laptop, group(tmp_path / "group.png"))
    laptop.locator("#chosen input").nth(2).click()  # several changes at once: each plan is told more than once
    laptop.locator("#preset input").nth(3).click()
    laptop.wait_for_timeout(3000)
    asked = []
    laptop.on("request", lambda request: asked.append(request.url) if "queue/join" in request.url else None)
    laptop.wait_for_timeout(1500)
    assert not asked


def test_another_photo_has_nothing_of_the_one_before_which_keeps_its_result(laptop):
    choose(laptop, EXAMPLES / "astronaut-tiny.png")
    restored(laptop)
    result = laptop.locator(MAIN).get_attribute("src")
    laptop.set_input_files("#photo input[type=file]", str(EXAMPLES / "grace-hopper-worn.jpg"))
    expect(state(laptop, "ready")).to_be_visible()
    expect(laptop.locator(LINE)).to_have_text("1 face found. Press Restore to paint the detail it lacks.")
    expect(laptop.locator(CORNERS)).to_have_text("input")
    expect(laptop.locator("#downloads")).to_be_hidden()
    expect(laptop.locator("#stage [data-role=bar]")).to_be_hidden()
    laptop.set_input_files("#photo input[type=file]", str(EXAMPLES / "astronaut-tiny.png"))
    expect(state(laptop, "done")).to_be_visible()
    expect(laptop.locator("#downloads")).to_be_visible()
    expect(laptop.locator(MAIN)).to_have_attribute("src", result)
    laptop.get_by_label("Clear").or_(laptop.get_by_label("Remove Image")).first.click()
    expect(state(laptop, "empty")).to_be_visible()
    expect(laptop.locator(MAIN)).to_be_hidden()


def test_another_photo_takes_a_comparison_off_the_page_until_it_is_back(laptop):
    choose(laptop, EXAMPLES / "astronaut-tiny.png")
    laptop.get_by_role("tab", name="Compare seeds").click()
    laptop.click("#compare-run")
    done = laptop.locator("#grid [data-state=done]")
    expect(done).to_be_visible()
    tiles = laptop.locator("#grid .tile")
    count = tiles.count()
    laptop.set_input_files("#photo input[type=file]", str(EXAMPLES / "grace-hopper-worn.jpg"))
    expect(laptop.locator("#grid [data-state=ready]")).to_be_visible()
    expect(tiles).to_have_count(0)
    expect(laptop.locator("#compare-files")).to_be_hidden()
    laptop.set_input_files("#photo input[type=file]", str(EXAMPLES / "astronaut-tiny.png"))
    expect(done).to_be_visible()
    expect(tiles).to_have_count(count)
    expect(laptop.locator("#compare-files")).to_be_visible()


def test_the_face_that_is_picked_is_the_one_on_the_stage(laptop, tmp_path):
    choose(laptop, group(tmp_path / "group.png"))
    expect(laptop.locator(CORNERS)).to_have_text("input: face 1 of 3")
    laptop.locator("#faces img").nth(2).click()
    expect(laptop.locator(CORNERS)).to_have_text("input: face 3 of 3")
    expect(laptop.locator("#status")).to_contain_text("To restore: face 3.")
    laptop.locator("#chosen input[name='1']").check()
    expect(laptop.locator(CORNERS)).to_have_text("input: face 2 of 3")
    laptop.get_by_label("Simulate x8").check()
    expect(laptop.locator(CORNERS)).to_have_text("input: face 2 of 3, reduced x8")


@pytest.mark.parametrize(("view", "go", "shown"), [("Restore", "#run", "#stage"), ("A/B", "#ab-run", "#ab-view")])
def test_another_photo_ends_the_run_of_the_one_before(laptop, unhurried, view, go, shown):
    choose(laptop, EXAMPLES / "astronaut-tiny.png")
    laptop.get_by_role("tab", name=view).click()
    laptop.click(go)
    expect(laptop.locator(f"{shown} [data-state=running]")).to_be_visible()
    laptop.set_input_files("#photo input[type=file]", str(EXAMPLES / "grace-hopper-worn.jpg"))
    expect(laptop.locator(f"{shown} [data-state=ready]")).to_be_visible(timeout=12000)
    expect(laptop.locator(shown)).to_contain_text("The run of the photo before was stopped.")
    laptop.click(go)
    expect(laptop.locator(f"{shown} [data-state=running]")).to_be_visible()
