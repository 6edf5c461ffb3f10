import pickle

import numpy as np
import pytest
import torch
from conftest import ROOT
from PIL import Image

from dpi_core.web.packing import pack, unpack


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
        torch.ones(2, requires_grad=True),
    ],
)
def test_a_tensor_comes_back_with_its_values_and_dtype(tensor):
    back = unpack(pack({"x": [tensor]}))["x"][0]
    assert back.dtype == tensor.dtype
    assert torch.equal(back, tensor.detach())
    assert back.device.type == "cpu"


def test_no_torch_crosses():
    names = {arg for op, arg, _ in __import__("pickletools").genops(pack(torch.ones(3))) if isinstance(arg, str)}
    assert not any("rebuild" in name or "storage" in name for name in names)


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


def test_what_cannot_cross_is_an_error():
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        pack(lambda: None)


def test_nothing_that_a_client_sends_can_come_to_pickle():
    """Only the process with the lent GPU and its parent unpack, and the package unpickles nowhere else."""
    sources = {path: path.read_text() for path in (ROOT / "dpi_core").rglob("*.py")}
    unpacking = {path.stem for path, text in sources.items() if "unpack(" in text and "packing" in text}
    assert unpacking == {"packing", "lent_restorer"}
    assert {path.stem for path, text in sources.items() if "pickle.load" in text} == {"packing"}
    assert all(
        "weights_only=True" in line for text in sources.values() for line in text.splitlines() if "torch.load(" in line
    )
    assert not any("allow_pickle" in text for text in sources.values())
