"""What several test files share: analytic networks, the bundled photographs and a place for results."""

import os
from pathlib import Path

os.environ.setdefault("DPI_CORE_OFFLINE", "1")  # tests run the embedded detector; none starts a download

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dpi_core.diffusion import linear_alpha_bar

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "assets" / "examples"
DATA = Path(__file__).resolve().parent / "data"


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
def analytic_prior() -> AnalyticPrior:
    return AnalyticPrior()


@pytest.fixture(scope="session")
def restorer():
    """The real embedded models."""
    from dpi_core import Restorer

    return Restorer(device="cpu")


@pytest.fixture(scope="session")
def astronaut() -> Path:
    return EXAMPLES / "astronaut.jpg"


@pytest.fixture(scope="session")
def app_url():
    """The real app on the real embedded models, served on a free port of this machine."""
    from dpi_core.ui.engine import Engine
    from dpi_core.ui.page import build_page, launch_options

    page = build_page(Engine())
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, share=False, **launch_options())
    yield url
    page.close()


@pytest.fixture(scope="session")
def bad_files(tmp_path_factory) -> dict[str, Path]:
    """Files that are no usable photo, by what is wrong with them."""
    folder = tmp_path_factory.mktemp("bad")
    jpeg = (EXAMPLES / "astronaut.jpg").read_bytes()
    contents = {"empty.png": b"", "text.png": b"this is no picture\n", "truncated.jpg": jpeg[: len(jpeg) // 3]}
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return {Path(name).stem: folder / name for name in contents}
