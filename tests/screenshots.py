"""Pictures of the app for the documentation: ``python -m tests.screenshots --chromium /usr/bin/chromium``.

Starts the app, uses every view on the astronaut portrait (simulated x8) in headless Chromium and writes
``assets/screenshots/``: every view, light and dark, desktop and phone. A console error ends it: such a page is not to be
shown. Needs ``playwright`` (tests/requirements.txt).
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dpi_core.weights.embedded_files import ASSETS

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page

OUT = ASSETS / "screenshots"
LOOKS = {  # suffix -> width, colour scheme
    "": (1366, "light"),
    "-dark": (1366, "dark"),
    "-phone": (390, "light"),
    "-phone-dark": (390, "dark"),
}
UNDER_WAY = "() => /step ([6-9]|1[0-5]) of 20/.test(document.querySelector('#stage').textContent)"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE = 240_000  # ms


def restore(page: "Page", out: Path, suffix: str) -> None:
    """Take a finished restoration; on the desktop also the stage while it runs."""
    page.click("#run")
    if not suffix:
        page.wait_for_function(UNDER_WAY, timeout=PATIENCE)
        page.locator("#stage").screenshot(path=out / "live.jpg", type="jpeg", quality=88, timeout=PATIENCE)
    page.wait_for_selector("#stage [data-state=done]", timeout=PATIENCE)


def compare_seeds(page: "Page", out: Path, suffix: str) -> None:
    """Compare six seeds side by side."""
    page.get_by_role("tab", name="Compare seeds").click()
    page.locator("#seeds").get_by_role("textbox").fill("0-5")
    page.click("#compare-run")
    page.wait_for_selector("#grid [data-state=done]", timeout=PATIENCE)


def explore(page: "Page", out: Path, suffix: str) -> None:
    """Run the grid of tau and k the tab opens with."""
    page.get_by_role("tab", name="Explore").click()
    page.click("#explore-run")
    page.wait_for_selector("#explore-files a[download]", timeout=PATIENCE)


def a_b(page: "Page", out: Path, suffix: str) -> None:
    """Run the two presets the tab opens with."""
    page.get_by_role("tab", name="A/B").click()
    page.click("#ab-run")
    page.wait_for_selector("#ab-files a[download]", timeout=PATIENCE)


VIEWS: "dict[str, Callable[[Page, Path, str], None]]" = {
    "restore": restore,
    "compare": compare_seeds,
    "explore": explore,
    "ab": a_b,
}


def errors_of(page: "Page") -> list[str]:
    """Return a list that fills with what the page reports as errors."""
    errors: list[str] = []

    def note(message: "ConsoleMessage") -> None:
        if message.type == "error":
            errors.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return errors


def take(url: str, chromium: str, out: Path, names: Sequence[str] = tuple(VIEWS)) -> None:
    """Write a JPEG of each of `VIEWS` in each of `LOOKS`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for suffix, (width, scheme) in LOOKS.items():
            for name in names:
                page = browser.new_page(viewport={"width": width, "height": 768})
                errors = errors_of(page)
                page.goto(f"{url}?__theme={scheme}")
                page.set_input_files("#photo input[type=file]", str(ASSETS / "examples" / "astronaut.jpg"))
                page.wait_for_selector("#faces img", timeout=PATIENCE)
                page.get_by_label("Simulate x8").check()
                VIEWS[name](page, out, suffix)
                page.wait_for_timeout(1500)
                page.screenshot(
                    path=out / f"{name}{suffix}.jpg", full_page=True, type="jpeg", quality=68, timeout=PATIENCE
                )
                page.close()
                if errors:
                    raise SystemExit(f"{name}{suffix}: the page reports {errors[0]}")
        browser.close()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="path of Chromium or Chrome")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument(
        "--views", nargs="+", choices=list(VIEWS), default=list(VIEWS), help="some of them (default: all)"
    )
    args = parser.parse_args(argv)
    from dpi_core.web.engine import Engine
    from dpi_core.web.page import build_page, launch_options

    args.out.mkdir(parents=True, exist_ok=True)
    engine = Engine()
    engine.restorer()
    page = build_page(engine)
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    take(url, args.chromium, args.out, args.views)
    page.close()


if __name__ == "__main__":
    main()
