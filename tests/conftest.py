"""What several test files share: folders, photographs, models and formulas in their place, the page and a browser."""

import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("DPI_CORE_OFFLINE", "1")  # tests run the embedded detector; none starts a download
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads of several processes slow each other down
    # Each process looks for free ports among its own hundred: two would take one at the same moment.
    os.environ["GRADIO_SERVER_PORT"] = str(7860 + 100 * int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw")))

# Gradio names an upload by its bytes and empties its folder when an app ends: processes beside each other would share files.
os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="dpi-tests-")
atexit.register(shutil.rmtree, os.environ["GRADIO_TEMP_DIR"], ignore_errors=True)

import pytest
import torch
from browsing import app_url, browser, laptop, paced_app_url, page, unhurried  # noqa: F401
from formulas import AnalyticPrior, use_formulas
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "assets" / "examples"
DATA = Path(__file__).resolve().parent / "data"
ON_RAY = pytest.param(
    "ray", marks=[pytest.mark.slow, pytest.mark.skipif(not find_spec("ray"), reason="ray is missing")]
)
FAST_LANE = "not slow and not browser"


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Share the whole suite or its fast lane among the cores, a file to a process, where pytest-xdist is; not with -n 0."""
    chosen = config.option
    whole = chosen.markexpr in ("", FAST_LANE) and not chosen.keyword and config.args == config.getini("testpaths")
    alone = not hasattr(config, "workerinput") and config.getoption("numprocesses", 0) is None
    if whole and alone and not chosen.usepdb:
        chosen.numprocesses = min(os.cpu_count() or 1, 6)  # each holds up to two gigabytes
        chosen.dist = "loadfile"


def pytest_collection_finish() -> None:
    """Leave what was imported out of every garbage collection to come, each of which would look through all of torch."""
    gc.freeze()


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No downloads, and a cache of its own."""
    monkeypatch.setenv("DPI_CORE_OFFLINE", "1")
    monkeypatch.setenv("DPI_CORE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of three pictures that differ."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for turn, name in enumerate("abc"):
        Image.open(EXAMPLES / "astronaut-tiny.png").rotate(90 * turn).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder for results that is not there yet."""
    return tmp_path / "out"


@pytest.fixture
def seeded() -> Iterator[None]:
    """torch's generator starts at 0 and is put back afterwards."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture
def analytic_prior() -> AnalyticPrior:
    return AnalyticPrior()


@pytest.fixture
def analytic_models(monkeypatch: pytest.MonkeyPatch) -> None:
    use_formulas(monkeypatch)


@pytest.fixture(scope="session")
def analytic_restorer():
    """The pipeline over formulas, for tests of all that looks at no face."""
    from dpi_core import Restorer

    with pytest.MonkeyPatch.context() as monkeypatch:
        use_formulas(monkeypatch)
        return Restorer(device="cpu", precision="float32")


@pytest.fixture(scope="module")
def engine(analytic_restorer):
    """What the page runs on, over formulas."""
    from dpi_core.web.engine import Engine, EngineSettings

    engine = Engine(EngineSettings(device="cpu"))
    engine._held["embedded"] = analytic_restorer
    return engine


@pytest.fixture(scope="session")
def restorer():
    """The real embedded models, in float32 on any machine."""
    from dpi_core import Restorer

    return Restorer(device="cpu", precision="float32")


@pytest.fixture(scope="session")
def astronaut() -> Path:
    return EXAMPLES / "astronaut.jpg"


@pytest.fixture(scope="session")
def large_prior(tmp_path_factory) -> str:
    """The folder of an untrained prior of 256 pixels that expects FFHQ's crop."""
    from pipelines import untrained_prior

    return str(untrained_prior(tmp_path_factory.mktemp("large"), 256, 16, "ffhq-256"))


@pytest.fixture(scope="session")
def bad_files(tmp_path_factory) -> dict[str, Path]:
    """Files that are no usable photo, by what is wrong with them."""
    folder = tmp_path_factory.mktemp("bad")
    jpeg = (EXAMPLES / "astronaut.jpg").read_bytes()
    contents = {"empty.png": b"", "text.png": b"this is no picture\n", "truncated.jpg": jpeg[: len(jpeg) // 3]}
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return {Path(name).stem: folder / name for name in contents}
