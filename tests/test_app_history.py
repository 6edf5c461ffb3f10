"""What a page keeps: its place in the queue, its views in the browser's history, the last result over a reload, its link."""

import re

import pytest
from browsing import LAPTOP, LINE, choose, choose_preset, restored, state
from conftest import EXAMPLES
from playwright.sync_api import expect

from dpi_core.web import events, fair_queue
from dpi_core.web.detected_faces import detect

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app_url(paced_app_url):
    return paced_app_url


def test_a_run_that_waits_for_others_says_its_place_as_it_changes(browser, app_url, unhurried):
    pages = [browser.new_page(viewport=LAPTOP, reduced_motion="reduce") for _ in range(3)]
    for page in pages:
        page.goto(f"{app_url}?steps=250")
        page.wait_for_selector("#stage [data-role=ticks] i")
        choose(page, EXAMPLES / "astronaut-tiny.png")
    first, second, third = pages
    first.click("#run")
    expect(state(first, "running")).to_be_visible()
    second.click("#run")
    expect(state(second, "queued")).to_be_visible()
    expect(second.locator(LINE)).to_contain_text("One run is before yours")
    third.click("#run")
    expect(third.locator(LINE)).to_contain_text("2 runs are before yours")
    first.click("#stop")
    expect(state(second, "running")).to_be_visible()
    expect(third.locator(LINE)).to_contain_text("One run is before yours")
    second.click("#stop")
    expect(state(third, "running")).to_be_visible()
    third.click("#stop")
    for page in pages:
        expect(page.locator("#run")).to_be_enabled()
        page.close()


def test_a_run_that_the_queue_does_not_take_gives_the_buttons_back_and_says_why(browser, app_url, monkeypatch):
    page = browser.new_page(viewport=LAPTOP)
    page.goto(app_url)
    page.wait_for_selector("#stage [data-role=ticks] i")
    choose(page, EXAMPLES / "astronaut-tiny.png")
    monkeypatch.setattr(fair_queue, "refusal", lambda *_: fair_queue.FULL)
    page.click("#run")
    expect(page.locator(LINE)).to_contain_text(fair_queue.FULL)
    expect(state(page, "failed")).to_be_visible()
    expect(page.locator("#run")).to_be_enabled()
    expect(page.locator("#stop")).to_be_hidden()
    monkeypatch.undo()
    page.click("#run")
    expect(state(page, "done")).to_be_visible()
    page.close()


def test_back_follows_the_views(laptop):
    for name, view in (("Compare seeds", "compare"), ("A/B", "ab")):
        laptop.get_by_role("tab", name=name).click()
        laptop.wait_for_function(f"location.search.includes('view={view}')")
    laptop.go_back()
    expect(laptop.get_by_role("tab", name="Compare seeds")).to_have_attribute("aria-selected", "true")
    laptop.go_back()
    expect(laptop.get_by_role("tab", name="Restore")).to_have_attribute("aria-selected", "true")
    laptop.go_forward()
    expect(laptop.get_by_role("tab", name="Compare seeds")).to_have_attribute("aria-selected", "true")


def test_a_reload_keeps_the_photo_and_the_last_result(laptop):
    choose(laptop, EXAMPLES / "astronaut-tiny.png")
    restored(laptop)
    laptop.reload()
    expect(state(laptop, "done")).to_be_visible()
    expect(laptop.locator("#status")).to_contain_text("1 face")
    expect(laptop.locator("#photo img")).to_be_visible()
    expect(laptop.locator("#download")).to_be_visible()
    with laptop.expect_download() as saved:
        laptop.click("#download")
    assert saved.value.suggested_filename.endswith(".png")


def test_a_reload_keeps_auto_until_another_preset_is_chosen(laptop):
    auto, mild = (laptop.get_by_label(name, exact=True) for name in ("Auto", "Mild"))
    choose(laptop, EXAMPLES / "astronaut-tiny.png")
    expect(laptop.locator("#preset")).to_contain_text("Auto, tau 200")
    expect(laptop).to_have_url(re.compile("tau=200"))

    def reloaded(chosen):
        laptop.reload()
        expect(laptop.locator("#status")).to_contain_text("1 face")
        expect(laptop.locator("#tau input[type=number]")).to_have_value("200")
        expect(chosen).to_be_checked()
        restored(laptop)  # whatever else the page had to say has come by now
        expect(chosen).to_be_checked()

    reloaded(auto)
    choose_preset(laptop, "Mild")
    expect(laptop).to_have_url(re.compile("correct_input"))
    reloaded(mild)
    choose_preset(laptop, "Auto")
    expect(laptop.locator("#preset")).to_contain_text("Auto, tau 200")
    expect(laptop).not_to_have_url(re.compile("correct_input"))
    reloaded(auto)


def test_a_reload_keeps_the_film_until_the_next_run(laptop):
    choose(laptop, EXAMPLES / "astronaut-tiny.png")
    restored(laptop)
    laptop.click("#save-film")
    film, kept = laptop.locator("#film-video video"), laptop.locator("#film-files a[download]")
    expect(kept).to_have_count(2)
    names = kept.evaluate_all("all => all.map((link) => link.download)")
    laptop.reload()
    expect(state(laptop, "done")).to_be_visible()
    expect(film).to_be_visible()
    assert kept.evaluate_all("all => all.map((link) => link.download)") == names
    with laptop.expect_download() as saved:
        kept.last.click()
    assert saved.value.path().stat().st_size > 1000
    restored(laptop)  # whose film is another
    expect(film).to_be_hidden()
    expect(kept).to_have_count(0)
    expect(laptop.locator("#run")).to_be_enabled()  # off since the film went, until the run has ended
    laptop.reload()
    expect(laptop.locator("#save-film")).to_be_visible()
    expect(film).to_be_hidden()
    laptop.click("#save-film")
    expect(film).to_be_visible()


@pytest.mark.parametrize(
    ("view", "shown", "files", "asked"),
    [
        ("compare", "#grid", "#compare-files", "seeds=4,7,9"),
        ("explore", "#explore-grid", "#explore-files", "x=tau&across=0,300&y=sparsity&down=2"),
        ("ab", "#ab-view", "#ab-files", ""),
    ],
)
def test_a_reload_keeps_what_every_view_ended_with(laptop, app_url, view, shown, files, asked):
    laptop.goto(f"{app_url}?view={view}&with=page&{asked}")
    choose(laptop, EXAMPLES / "astronaut-tiny.png")
    laptop.click(f"#{view}-run")
    expect(laptop.locator(f"{shown} [data-state=done]")).to_be_visible()
    expect(laptop.locator(files)).to_be_visible()

    def seen():
        return laptop.locator(f"{shown} img[src]:visible").evaluate_all("all => all.map((image) => image.src)")

    told = laptop.locator(f"{shown} section")
    before, words = seen(), told.inner_text()
    laptop.reload()
    expect(laptop.locator(f"{shown} [data-state=done]")).to_be_visible()
    expect(told).to_have_text(words, use_inner_text=True)
    assert len(before) > 2
    assert seen() == before
    kept = laptop.locator(files)
    with laptop.expect_download() as saved:
        (kept if view == "compare" else kept.locator("a[download]").first).click()
    assert saved.value.suggested_filename.startswith("astronaut-tiny-")
    assert saved.value.path().stat().st_size > 1000


def test_a_page_that_was_loaded_again_before_it_had_a_photo_keeps_its_next_one(laptop):
    laptop.reload()
    laptop.wait_for_selector("#stage [data-role=ticks] i")
    choose(laptop, EXAMPLES / "astronaut-tiny.png")
    restored(laptop)
    laptop.reload()
    expect(state(laptop, "done")).to_be_visible()


def test_a_reload_looks_for_the_faces_of_its_photo_once_though_the_address_names_it_too(laptop, monkeypatch):
    choose(laptop, EXAMPLES / "astronaut-tiny.png")
    expect(laptop).to_have_url(re.compile("example=astronaut-tiny.png"))
    looked = []

    def counted(*asked):
        looked.append(asked)
        return detect(*asked)

    monkeypatch.setattr(events, "detect", counted)
    laptop.reload()
    expect(laptop.locator("#status")).to_contain_text("1 face")
    restored(laptop)  # whatever else the page had to say has come by now
    assert len(looked) == 1


def test_a_page_opened_anew_has_nothing_of_the_one_before(laptop, app_url):
    choose(laptop, EXAMPLES / "astronaut-tiny.png")
    restored(laptop)
    laptop.goto(app_url)
    expect(state(laptop, "example")).to_be_visible()
    expect(laptop.locator("#photo input[type=file]")).to_be_attached()


def test_a_link_opens_an_example_and_the_page_names_it_in_its_address(laptop, app_url):
    laptop.goto(f"{app_url}?example=astronaut-tiny.png&tau=200")
    expect(laptop.locator("#status")).to_contain_text("1 face")
    expect(laptop).to_have_url(re.compile("example=astronaut-tiny.png"))
    choose(laptop, EXAMPLES / "grace-hopper.jpg")
    expect(laptop).to_have_url(re.compile("example=grace-hopper.jpg"))
    laptop.set_input_files("#photo input[type=file]", files=[_other_photo()])
    expect(laptop).not_to_have_url(re.compile("example="))


def _other_photo() -> dict:
    """The tiny example under its own name, with other bytes."""
    photo = (EXAMPLES / "astronaut-tiny.png").read_bytes()
    return {"name": "astronaut-tiny.png", "mimeType": "image/png", "buffer": photo + b"\n"}
