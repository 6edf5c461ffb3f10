"""Pictures of the app for the documentation: ``python -m dpi_core.evaluation.screenshots --chromium /usr/bin/chromium``.

Starts the app, restores the astronaut portrait (simulated x8) in headless Chromium and writes ``assets/screenshots/``:
the running and the finished page, light and dark, desktop and phone. Needs ``playwright`` (tests/requirements.txt).
"""

import argparse
from pathlib import Path

from dpi_core.weights import ASSETS

OUT = ASSETS / "screenshots"
VIEWS = {  # file name -> (width, colour scheme)
    "restore": (1280, "light"),
    "restore-dark": (1280, "dark"),
    "restore-phone": (390, "light"),
}
UNDER_WAY = "() => /Step ([6-9]|1[0-5]) of 20/.test(document.querySelector('#live').textContent)"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def take(url: str, chromium: str, out: Path) -> None:
    """Write one JPEG for each of `VIEWS` of a finished run, and one of a run that is under way."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for name, (width, scheme) in VIEWS.items():
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.goto(f"{url}?__theme={scheme}")
            page.set_input_files("#photo input[type=file]", str(ASSETS / "examples" / "astronaut.jpg"))
            page.wait_for_selector("#faces img", timeout=120_000)
            page.get_by_label("Simulate x8").check()
            page.click("#run")
            if name == "restore":
                page.wait_for_function(UNDER_WAY, timeout=120_000)
                page.locator("#live").screenshot(path=out / "live.jpg", type="jpeg", quality=88)
            page.wait_for_selector("#summary :text('PSNR')", timeout=120_000)
            page.wait_for_selector("#pasted img", timeout=30_000)
            page.wait_for_timeout(1500)
            page.screenshot(path=out / f"{name}.jpg", full_page=True, type="jpeg", quality=82)
            page.close()
        browser.close()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="path of Chromium or Chrome")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args(argv)
    from dpi_core.ui.engine import Engine
    from dpi_core.ui.page import build_page, launch_options

    args.out.mkdir(parents=True, exist_ok=True)
    engine = Engine()
    engine.restorer()
    page = build_page(engine)
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    take(url, args.chromium, args.out)
    page.close()


if __name__ == "__main__":
    main()
