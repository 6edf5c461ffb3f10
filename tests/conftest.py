"""What several test files share: analytic networks, the bundled photographs, the app and a browser to visit it."""

import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
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
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from dpi_core.method.diffusion import linear_alpha_bar

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "assets" / "examples"
DATA = Path(__file__).resolve().parent / "data"
CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))), None
)
FAST_LANE = "not slow and not browser"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]


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


class AnalyticPrior:
    """The reference runs' prior: eps(x, t) = x - (1 - t/1000) 0.6 tanh(blur(x)), blur = [1 2 1] x [1 2 1] / 16."""

    image_size = 32

    def __init__(self) -> None:
        self.alpha_bar = linear_alpha_bar()
        self.calls: list[int] = []
        row = torch.tensor([1.0, 2.0, 1.0])
        self._kernel = (row[:, None] * row / 16).expand(3, 1, 3, 3)

    def predict_eps(self, x_t: Tensor, t: Tensor) -> Tensor:
        self.calls.append(len(x_t))
        blurred = F.conv2d(F.pad(x_t, (1, 1, 1, 1), mode="reflect"), self._kernel, groups=3)
        return x_t - (1 - t.view(-1, 1, 1, 1) / 1000) * 0.6 * torch.tanh(blurred)


def analytic_corrector(noisy_grid: Tensor, t: Tensor, condition_grid: Tensor) -> Tensor:
    """The reference runs' corrector: y0 + 0.05 (1 - min(t/1000, 1)) tanh(y)."""
    return condition_grid + 0.05 * (1 - (t.view(-1, 1, 1, 1) / 1000).clamp(max=1)) * torch.tanh(noisy_grid)


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


class FacePrior(AnalyticPrior):
    """The same with the embedded prior's size and crop."""

    image_size, template = 128, "tight-128"


def use_formulas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the embedded models' names stand for formulas, which answer at once."""
    from dpi_core.restore import restorer

    def unless_embedded(load: Callable, formula: Callable) -> Callable:
        return lambda name, device: formula() if name == "embedded" else load(name, device)

    monkeypatch.setattr(restorer, "load_prior", unless_embedded(restorer.load_prior, FacePrior))
    monkeypatch.setattr(
        restorer, "load_corrector", unless_embedded(restorer.load_corrector, lambda: analytic_corrector)
    )


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
    from diffusers import UNet2DModel

    from dpi_core.models.priors import UNetPrior, save_prior

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("large")
    unet = UNet2DModel(
        sample_size=16,
        in_channels=768,
        out_channels=768,
        block_out_channels=(16,),
        layers_per_block=1,
        down_block_types=("DownBlock2D",),
        up_block_types=("UpBlock2D",),
        norm_num_groups=4,
    )
    save_prior(UNetPrior(unet, 256, "v", 16, "ffhq-256"), folder)
    return str(folder)


@pytest.fixture(scope="session")
def app_url():
    """The real app on the real embedded models, served on a free port of this machine."""
    from dpi_core.web.engine import Engine
    from dpi_core.web.page import build_page, launch_options

    page = build_page(Engine())
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, share=False, **launch_options())
    yield url
    page.close()


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine; install it or set CHROMIUM to its path")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)  # ms, on a machine that does something else besides
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, app_url):
    """The app in a fresh browser context; the test fails if the page reports an error."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000}, accept_downloads=True)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(app_url)
    page.wait_for_selector("#run")
    yield page
    context.close()
    assert errors == []


def check_accessibility(page) -> None:
    """axe-core finds nothing serious."""
    from axe_playwright_python.sync_playwright import Axe

    wrong = [v for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [node["html"] for node in v["nodes"]]) for v in wrong] == []


def choose_preset(page, name: str) -> None:
    """Choose a preset and wait until it stands: while its values arrive one by one, the settings are nobody's."""
    from playwright.sync_api import expect

    page.get_by_label(name, exact=True).click()
    expect(page.get_by_label(name, exact=True)).to_be_checked()


def check_both_schemes(page) -> None:
    """The same, light and dark."""
    page.add_style_tag(content="* { transition: none !important; }")  # no colour on its way to another
    for dark in ("true", "false"):
        page.evaluate(f"document.body.classList.toggle('dark', {dark})")
        check_accessibility(page)


@pytest.fixture(scope="session")
def bad_files(tmp_path_factory) -> dict[str, Path]:
    """Files that are no usable photo, by what is wrong with them."""
    folder = tmp_path_factory.mktemp("bad")
    jpeg = (EXAMPLES / "astronaut.jpg").read_bytes()
    contents = {"empty.png": b"", "text.png": b"this is no picture\n", "truncated.jpg": jpeg[: len(jpeg) // 3]}
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return {Path(name).stem: folder / name for name in contents}
