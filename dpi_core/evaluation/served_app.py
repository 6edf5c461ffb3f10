"""The app in a process of its own, as people start it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from dpi_core.weights.embedded_files import ASSETS

PATIENCE = 300.0  # seconds until the page answers


@contextmanager
def serving(port: int = 7899) -> Iterator[tuple[str, int]]:
    """Run ``python app.py`` on a port; yields its address and process id once its page answers.

    Raises:
        RuntimeError: if it ends before, or takes too long.
    """
    app = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port)], cwd=ASSETS.parent, stdout=subprocess.DEVNULL
    )
    url, begun, direct = f"http://127.0.0.1:{port}", time.monotonic(), build_opener(ProxyHandler({}))
    try:
        while True:
            try:
                with direct.open(url, timeout=10) as page:
                    page.read()
                break
            except (URLError, OSError) as error:
                if app.poll() is not None or time.monotonic() - begun > PATIENCE:
                    raise RuntimeError("app.py did not answer; start it by hand to see why.") from error
                time.sleep(0.05)
        yield url, app.pid
    finally:
        app.terminate()
        app.wait(30)
