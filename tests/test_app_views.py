"""What all views owe a visitor: they stop at once, keep their settings in the address, and need no mouse."""

import re

import pytest
from browsing import choose_preset
from conftest import EXAMPLES
from playwright.sync_api import Page, expect

from dpi_core.models.presets import PRESETS
from dpi_core.web.preset_choice import CUSTOM

pytestmark = pytest.mark.browser

VIEWS = {"restore": "Restore", "compare": "Compare seeds", "explore": "Explore", "ab": "A/B"}
LONG = "with=page&steps=250&tau=0&eta=1&seeds=0-1&x=omega&across=500&y=edge_exponent&down=2&b=%7B%22steps%22%3A250%7D"
BUTTONS = {"restore": ("#run", "#stop"), **{v: (f"#{v}-run", f"#{v}-stop") for v in ("compare", "explore", "ab")}}
SHOWN = {"restore": "#stage", "compare": "#grid", "explore": "#explore-grid", "ab": "#ab-view"}
STEP = re.compile(r"[Ss]tep (\d+) of \d+|^(\d+) of \d+ steps", re.MULTILINE)


@pytest.fixture(scope="module")
def app_url(paced_app_url):
    return paced_app_url


def choose_tiny(page: Page) -> None:
    page.set_input_files("#photo input[type=file]", str(EXAMPLES / "astronaut-tiny.png"))
    expect(page.locator("#status")).to_contain_text("1 face")


def open_at(page: Page, app_url: str, query: str) -> None:
    page.goto(f"{app_url}?{query}")
    expect(page.locator("#status")).to_contain_text("Settings taken from the address")


@pytest.mark.parametrize("view", VIEWS)
def test_stop_ends_every_view_at_once(page, app_url, view, unhurried):
    open_at(page, app_url, f"view={view}&{LONG}")
    choose_tiny(page)
    run, stop = BUTTONS[view]
    shown = page.locator(SHOWN[view])
    page.evaluate(  # every text that is shown, and which of them the button was pressed at
        """([place, stop]) => {
          window.texts = [];
          new MutationObserver(() => window.texts.push(document.querySelector(place).innerText)).observe(
            document.querySelector(place), {subtree: true, childList: true, characterData: true});
          document.addEventListener("click", (event) => {
            if (event.target.closest(stop)) window.at = window.texts.length;
          }, true);
        }""",
        [SHOWN[view], stop],
    )
    page.click(run)
    expect(shown).to_contain_text(re.compile(r"[Ss]tep [3-9]\d* of 250|[3-9]\d* of \d+ steps"))
    page.click(stop)
    expect(page.locator(run)).to_be_enabled()
    expect(page.locator(stop)).to_be_hidden()
    expect(shown).to_contain_text("Stopped")
    running = [text for text in page.evaluate("window.texts") if "s left" in text]
    after = [text for text in page.evaluate("window.texts.slice(window.at)") if "s left" in text]
    assert len(running) < 250
    # Steps that were made before the click arrived are still shown: few of 250, however busy the machine is.
    assert len({STEP.search(text).group() for text in after}) <= 25


@pytest.mark.parametrize("view", VIEWS)
def test_the_address_opens_a_view_with_its_settings(browser, app_url, view):
    page = browser.new_page()
    open_at(
        page,
        app_url,
        f"view={view}&mode=Simulate+x8&tau=300&seeds=4,7&pick=3&x=eta&across=0,1&b=heavy&prior_b=ffhq-256"
        "&method_b=ddnm&method=ddnm&aligned=true",
    )
    expect(page.get_by_role("tab", name=VIEWS[view])).to_have_attribute("aria-selected", "true")
    expect(page.get_by_label("Simulate x8")).to_be_checked()
    if view == "restore":
        expect(page.locator("#stage [data-role=note]")).to_contain_text("ddnm in place of DPI: 20 steps")
    elif view == "compare":
        expect(page.locator("#seeds").get_by_role("textbox")).to_have_value("4,7")
        expect(page.locator("#compare-plan")).to_contain_text("2 seeds of 20 steps")
    elif view == "explore":
        expect(page.locator("#explore-plan")).to_contain_text("the setting is eta, but ddnm heeds only steps, k")
    else:
        expect(page.locator("#ab-plan")).to_contain_text(
            "“Prior” (embedded against ffhq-256) and “Method” (dpi against ddnm)"
        )
    page.get_by_label("Simulate x4").check()
    page.wait_for_function("location.search.includes('mode=Simulate+x4')")
    for name in ("tau=300", "pick=3", "across=0%2C1", "prior_b=ffhq-256", "method_b=ddnm", "aligned=true"):
        assert name in page.url
    page.get_by_role("tab", name="Explore" if view != "explore" else "A/B").click()
    page.wait_for_function(f"location.search.includes('view={'explore' if view != 'explore' else 'ab'}')")
    page.close()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("mode=Simulate+x9", "mode is 'Simulate x9' in the address; allowed is one of"),
        ("seeds=1", "1 seeds are given; allowed are 2 to 16"),
        ("prior_a=/etc", "prior is '/etc'; allowed on this page is one of embedded"),
        ("method=magic", "method is 'magic' in the address; allowed is one of dpi, bicubic"),
        ("a=wild", "preset is 'wild'; allowed is one of"),
        ("across=%3Cb%3E", "the values are '<b>' in the address"),
    ],
)
def test_a_wrong_address_is_told_and_the_page_works(browser, app_url, query, message):
    page = browser.new_page()
    page.goto(f"{app_url}?{query}")
    expect(page.locator("#status [role=alert]")).to_contain_text(message)
    expect(page.locator("#run")).to_be_enabled()
    page.close()


def test_the_preset_follows_the_settings(page):
    expect(page.locator("#preset input:checked")).to_have_value("auto")
    field = page.locator("#tau input[type=number]")
    field.fill("330")
    field.press("Enter")
    expect(page.locator("#preset")).to_contain_text(CUSTOM)
    assert page.locator("#preset input:checked").count() == 0
    choose_preset(page, "Heavy")
    expect(field).to_have_value(str(PRESETS["heavy"].config.tau))
    expect(page.locator("#preset")).to_contain_text("for a badly damaged input")
    choose_preset(page, "Published")
    expect(field).to_have_value("350")
    field.fill("100")
    field.press("Enter")
    expect(page.locator("#preset")).to_contain_text(CUSTOM)  # eta is the published one still
    field.fill("350")
    field.press("Enter")
    expect(page.get_by_label("Published")).to_be_checked()


def test_the_preset_stands_while_its_values_arrive(page):
    """At no moment are the settings said to be nobody's, whichever of them comes first."""
    page.evaluate(
        """() => {
          window.said = [];
          const preset = document.querySelector("#preset");
          const note = () => window.said.push([preset.innerText, preset.querySelector("input:checked")?.value ?? null]);
          new MutationObserver(note).observe(preset, {subtree: true, childList: true, characterData: true, attributes: true});
        }"""
    )
    for name in ("Heavy", "Fine", "Mild"):
        choose_preset(page, name)
        expect(page.locator("#preset")).to_contain_text(f"{name}: ")
        expect(page.locator("#tau input[type=number]")).to_have_value(str(PRESETS[name.lower()].config.tau))
        expect(page.locator("#stage [data-role=note]")).to_contain_text(f"t > {PRESETS[name.lower()].config.tau}")
    said = page.evaluate("window.said")
    assert said
    assert [text for text, _ in said if CUSTOM in text] == []
    assert [value for _, value in said if value is None] == []


def test_a_restoration_needs_no_mouse(page):
    choose_tiny(page)
    page.locator("#title a").focus()
    reached = []
    for _ in range(10):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
        if reached[-1] == "run":
            break
    assert "run" in reached
    page.keyboard.press("Enter")
    expect(page.locator("#stage [data-state=done]")).to_be_visible()
    shown = page.locator("#stage [data-role=views] [aria-pressed=true]")
    expect(shown).to_have_text("Wipe")
    page.get_by_label("Edge of the input").focus()
    page.keyboard.press("End")
    expect(page.locator("#stage [data-role=corners]")).to_have_text("input")
    page.keyboard.press("f")
    expect(shown).to_have_text("Result")
    page.keyboard.press("f")
    expect(shown).to_have_text("Input")
    page.get_by_label("Step shown").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#stage [data-role=line]")).to_contain_text("step 19 of 20")
    assert page.locator("main img:not([alt])").count() == 0
    page.get_by_role("tab", name="Restore").focus()
    for name in ("Compare seeds", "Explore", "A/B"):
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")


def test_every_long_run_says_beforehand_what_it_will_take(page):
    choose_tiny(page)
    page.click("#run")
    expect(page.locator("#stage [data-state=done]")).to_be_visible()  # from now on the pace is known
    for view in ("compare", "explore", "ab"):
        page.get_by_role("tab", name=VIEWS[view]).click()
        expect(page.locator(f"#{view}-plan")).to_contain_text(re.compile(r"[Aa]bout \d+ s on this machine"))


def test_nothing_covers_the_picture_while_it_streams(page, app_url, unhurried):
    open_at(page, app_url, f"view=restore&{LONG}")
    choose_tiny(page)
    page.click("#run")
    expect(page.locator("#stage")).to_contain_text(re.compile(r"step \d+ of 250, t = \d+: .* [\d.]+ s left"))
    for _ in range(10):
        assert page.locator("#stage [data-testid=status-tracker]:not(.hide)").count() == 0
        page.wait_for_timeout(50)
    page.click("#stop")
    expect(page.locator("#run")).to_be_enabled()


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_fits_a_phone_and_has_its_own_buttons_at_hand(browser, app_url, view):
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(app_url)
    page.get_by_role("tab", name=VIEWS[view]).click()
    run, _ = BUTTONS[view]
    expect(page.locator(run)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for position in ("0", "document.body.scrollHeight"):
        page.evaluate(f"scrollTo(0, {position})")
        assert 700 < page.locator(run).bounding_box()["y"] < 780
    assert page.locator("#run").is_visible() == (view == "restore")
    page.close()
