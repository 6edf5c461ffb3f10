"""The command line as the tests call it."""

import json
from pathlib import Path

import numpy as np
from conftest import EXAMPLES
from PIL import Image

from dpi_core.__main__ import main

TINY = EXAMPLES / "astronaut-tiny.png"
FAST = ["--steps", "2", "--device", "cpu", "--detector", "embedded"]
SHORT = [*FAST, "--aligned"]


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


def told(capfd) -> list[str]:
    """What was complained of, line by line."""
    return [line.removeprefix("dpi_core: ") for line in capfd.readouterr().err.splitlines() if "dpi_core: " in line]


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder, by their names."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
