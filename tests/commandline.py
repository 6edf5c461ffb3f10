"""The command line as the tests call it."""

import numpy as np
from conftest import EXAMPLES
from PIL import Image

from dpi_core.__main__ import main

TINY = EXAMPLES / "astronaut-tiny.png"
FAST = ["--steps", "2", "--device", "cpu", "--detector", "embedded"]


def call(*argv) -> int:
    """The exit code, whichever way it comes."""
    try:
        return main([str(arg) for arg in argv])
    except SystemExit as ended:
        return int(ended.code or 0)


def complaint(capfd, *argv) -> str:
    """The one line on stderr of a call that must fail."""
    assert call(*argv) == 2
    captured = capfd.readouterr()
    assert captured.err.startswith("dpi_core: ")
    assert captured.err.endswith("\n")
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err + captured.out
    return captured.err


def pixels(path) -> np.ndarray:
    return np.asarray(Image.open(path))
