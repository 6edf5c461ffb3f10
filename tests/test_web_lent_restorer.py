"""What crosses between the processes of a lent GPU."""

import numpy as np
import pytest
import torch
from conftest import ROOT
from PIL import Image

from dpi_core.web.lent_restorer import pack, unpack


@pytest.mark.parametrize(
    "tensor",
    [
        torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0)),
        torch.randn(2, 3, 4, 4).contiguous(memory_format=torch.channels_last),
        torch.randn(4, 4)[:, ::2],
        torch.randn(5).bfloat16(),
        torch.randn(5).half(),
        torch.tensor([True, False]),
        torch.tensor(3),
        torch.zeros(0, 3),
    ],
)
def test_a_tensor_comes_back_with_its_values_and_dtype(tensor):
    back = unpack(pack({"x": [tensor]}))["x"][0]
    assert back.dtype == tensor.dtype
    assert torch.equal(back, tensor)
    assert back.device.type == "cpu"
    assert not back.is_shared()


def test_other_things_cross_as_they_are():
    array, picture = np.arange(6).reshape(2, 3), Image.new("RGB", (3, 2), (1, 2, 3))
    there = unpack(pack((array, picture, "text", 1.5, None)))
    assert np.array_equal(there[0], array)
    assert there[1].tobytes() == picture.tobytes()
    assert there[2:] == ("text", 1.5, None)


def test_what_is_shared_stays_shared():
    one = ["x"]
    first, second = unpack(pack((one, one)))
    assert first is second


def test_nothing_that_a_client_sends_can_come_to_pickle():
    """Only the process with the lent GPU and its parent unpack, and the package unpickles nowhere else."""
    sources = {path: path.read_text() for path in (ROOT / "dpi_core").rglob("*.py")}
    assert not any("pickle.load" in text or "allow_pickle" in text for text in sources.values())
    lines = {(path.stem, line) for path, text in sources.items() for line in text.splitlines() if "torch.load(" in line}
    assert {stem for stem, line in lines if "weights_only=True" not in line} == {"lent_restorer"}
    importing = {line for text in sources.values() for line in text.splitlines() if "lent_restorer import" in line}
    assert not any("unpack" in line for line in importing)
