"""What goes to the device and back: no values while it computes, CPU tensors to the outside, the same results."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from dpi_core import DPIConfig, Restorer, load_corrector, load_prior, sample_steps
from dpi_core.method.sampler import StepEvent
from dpi_core.restore.restorer import on_cpu

CPU = torch.device("cpu")
FAST = DPIConfig(steps=3, tau=600, eta=0.5)


class Transfers(TorchDispatchMode):
    """Counts the tensors that go to the device."""

    def __init__(self):
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if func.overloadpacket == torch.ops.aten._to_copy and args[0].device != out.device:
            self.shapes.append(tuple(out.shape))
        return out


@pytest.mark.parametrize("raw_eps", [False, True])
def test_the_sampler_never_waits_for_the_device(raw_eps):
    # "meta" tensors have no values: whoever asks one for its values, as a copy to the CPU or a branch does, fails
    meta = torch.device("meta")
    prior, corrector = load_prior(device="cpu"), load_corrector(device="cpu")
    prior.unet.to(meta)
    corrector.unet.to(meta)
    config = DPIConfig(steps=6, tau=500, eta=0.5, raw_eps=raw_eps)
    condition = torch.zeros(1, 3, 128, 128, device=meta)
    with Transfers() as transfers:
        events = list(sample_steps(prior, condition, config, corrector=corrector, seeds=(0, 1, 2)))
    assert [event.x0.device.type for event in events] == ["meta"] * 6
    assert {event.stage for event in events} == {"FCM", "RACM", "final"}
    draws = [shape for shape in transfers.shapes if shape[0] == 3]
    masks = sum(event.stage == "RACM" for event in events)
    assert len(draws) == 6 + masks, "the first noise, one draw a step but the last, and the masks"
    assert len(transfers.shapes) - len(draws) <= 1, "beside them the schedule, once"


def test_the_outside_gets_cpu_tensors():
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        there = [torch.empty(2, 3, 8, 8, device="cuda") for _ in range(4)]
        event = on_cpu(StepEvent(0, 5, 800, "FCM", *there))
        for name in ("x_t", "x0", "mask", "condition"):
            assert getattr(event, name).device == CPU, name


def test_everything_a_restoration_yields_is_on_the_cpu(restorer, astronaut):
    def tensors_of(value, seen):
        if isinstance(value, torch.Tensor):
            yield value
        elif hasattr(value, "__dataclass_fields__") and id(value) not in seen:
            seen.add(id(value))
            for name in value.__dataclass_fields__:
                yield from tensors_of(getattr(value, name), seen)
        elif isinstance(value, list | tuple):
            for one in value:
                yield from tensors_of(one, seen)

    found = [t for item in restorer.restore_steps(astronaut, FAST, scale=8) for t in tensors_of(item, set())]
    assert len(found) > 20
    assert {t.device.type for t in found} == {"cpu"}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("fast", [False, True])
def test_a_gpu_restores_what_the_cpu_does(restorer, astronaut, fast):
    prepared = restorer.prepare(astronaut, scale=8)
    *_, expected = restorer.restore_steps(prepared, FAST, seeds=(0, 1))
    for precision, limit in (("float32", 1.0), ("bfloat16", 2.0)):
        gpu = Restorer(device="cuda", precision=precision, fast=fast)
        *_, done = gpu.restore_steps(prepared, FAST, seeds=(0, 1))
        assert done.messages == ()
        for a, b in zip(done.results, expected.results, strict=True):
            assert np.abs(np.asarray(a.image, float) - np.asarray(b.image, float)).mean() < limit
