from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from dpi_core import DPIConfig, Restorer, load_prior
from dpi_core.models.acceleration import Compiled, accelerated, allow_tf32, notes, pick_precision, quick_call
from dpi_core.models.cuda_graphs import Recorded

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
FAST = DPIConfig(steps=3, tau=600, eta=0.5)


class Network(nn.Module):
    """One convolution that remembers what it was given."""

    def __init__(self, channels=3):
        super().__init__()
        self.conv = nn.Conv2d(channels, 3, 3, padding=1)
        self.seen: list[torch.Tensor] = []

    def forward(self, x, t):
        self.seen.append(x)
        return SimpleNamespace(sample=self.conv(x))


@pytest.fixture(autouse=True)
def seeded():
    torch.compiler.reset()  # what other tests compiled
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


# The device and the precision.


@pytest.mark.parametrize(("abilities", "expected"), [({"avx512_bf16"}, torch.bfloat16), ({"avx512_f"}, torch.float32)])
def test_auto_is_bfloat16_where_the_device_has_it_and_a_choice_is_a_choice(monkeypatch, abilities, expected):
    monkeypatch.setattr("dpi_core.models.devices._cpu_abilities", lambda: abilities)
    assert pick_precision("auto", CPU) == expected
    assert pick_precision("float32", CPU) == pick_precision("auto", torch.device("mps")) == torch.float32
    assert pick_precision("bfloat16", CPU) == torch.bfloat16
    with pytest.raises(ValueError, match="precision is 'half'; allowed is auto, float32, bfloat16"):
        pick_precision("half", CPU)
    with pytest.raises(ValueError, match="precision is 'half'"):
        Restorer(device="cpu", precision="half")


def test_a_device_that_cannot_compute_in_it_is_named(monkeypatch):
    def refuse(*_, **__):
        raise TypeError("BFloat16 is not supported on MPS")

    monkeypatch.setattr(torch, "ones", refuse)
    with pytest.raises(ValueError, match="precision is 'bfloat16', which mps cannot compute in; try 'auto'"):
        pick_precision("bfloat16", torch.device("mps"))


def test_tf32_is_for_cuda_alone(monkeypatch):
    said = []
    monkeypatch.setattr(torch, "set_float32_matmul_precision", said.append)
    allow_tf32(CPU)
    assert said == []
    allow_tf32(CUDA)
    assert said == ["high"]


def test_the_network_computes_in_bfloat16_and_everybody_else_in_float32():
    network = Network()
    model = SimpleNamespace(unet=network)
    faster = accelerated(model, torch.bfloat16)
    assert model.unet is network, "the model that was given stays whole"
    x = torch.rand(2, 3, 8, 8)
    out = faster.unet(x, torch.tensor([1, 2])).sample
    assert network.seen[0].dtype == torch.bfloat16
    assert out.dtype == torch.float32
    assert next(network.parameters()).dtype == torch.bfloat16
    assert network.conv.weight.is_contiguous(memory_format=torch.channels_last)
    exact = nn.functional.conv2d(x, network.conv.weight.float(), network.conv.bias.float(), padding=1)
    assert (out - exact).abs().max() < 0.02
    assert accelerated(stranger := object(), torch.bfloat16) is stranger


def test_float32_changes_nothing(astronaut):
    plain, prior = load_prior(device="cpu"), accelerated(load_prior(device="cpu"), torch.float32)
    x, t = torch.randn(2, 3, 128, 128), torch.tensor([900, 20])
    assert torch.equal(plain.predict_eps(x, t), prior.predict_eps(x, t))


def test_bfloat16_restores_nearly_the_same(restorer, astronaut):
    prepared = restorer.prepare(astronaut, scale=8)
    half = Restorer(device="cpu", precision="bfloat16")
    *_, a = restorer.restore_steps(prepared, FAST)
    *_, b = half.restore_steps(prepared, FAST)
    difference = np.asarray(a.results[0].image, float) - np.asarray(b.results[0].image, float)
    assert 0 < np.abs(difference).mean() < 1.5
    assert abs(a.results[0].measured["psnr"] - b.results[0].measured["psnr"]) < 0.2


# Compiling.


def compiled_with(backend):
    return lambda network: Compiled(network, backend)


def test_a_gradient_goes_through_the_network_itself():
    network = Network()
    model = accelerated(SimpleNamespace(unet=network), torch.float32, compiled_with("eager"))
    x = torch.randn(1, 3, 8, 8, requires_grad=True)
    (slope,) = torch.autograd.grad(model.unet(x, torch.zeros(1)).sample.sum(), x)
    assert slope.abs().max() > 0


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_a_compiled_network_answers_the_same_at_any_size(backend):
    network = Network()
    fast = accelerated(SimpleNamespace(unet=network), torch.float32, compiled_with(backend))
    for count, side in ((1, 16), (3, 16), (2, 24)):
        x, t = torch.randn(count, 3, side, side), torch.arange(count)
        assert torch.allclose(fast.unet(x, t).sample, network.conv(x), atol=1e-5)
    assert notes(fast) == []


def test_on_cuda_a_network_is_recorded_and_compiled_only_if_that_is_asked_for():
    network = Network()
    assert quick_call(network, CPU) is network
    assert isinstance(quick_call(network, CPU, compile_it=True), Compiled)
    for compile_it in (False, True):
        assert isinstance(quick_call(network, CUDA, compile_it), Recorded)


def test_many_networks_of_one_class_are_all_compiled():
    ran = []

    def backend(graph, _):
        def run(*inputs):
            ran.append(len(inputs))
            return graph(*inputs)

        return run

    for channels in range(1, 13):  # more than the versions of one piece of code that torch allows by itself
        fast = accelerated(SimpleNamespace(unet=Network(channels)), torch.float32, compiled_with(backend))
        fast.unet(torch.ones(1, channels, 4, 4), torch.tensor([0]))
        assert len(ran) == channels


def test_a_failure_to_compile_costs_a_message_and_no_run(monkeypatch, restorer, astronaut):
    class WrappedError(Exception):  # as torch wraps it
        inner_exception = RuntimeError("no C++ compiler was found\nand a long traceback")

    def broken(*_, **__):
        def call(*_):
            raise WrappedError("backend='inductor' raised:")

        return call

    monkeypatch.setattr(torch, "compile", broken)
    fast = Restorer(device="cpu", precision="float32", fast=True)
    prepared = restorer.prepare(astronaut)
    for _ in range(2):  # it is said in every run, for every run is slower than was asked for
        *_, done = fast.restore_steps(prepared, FAST)
        *_, expected = restorer.restore_steps(prepared, FAST)
        assert done.results[0].image.tobytes() == expected.results[0].image.tobytes()
        (message,) = done.messages
        assert "no C++ compiler was found" in message
        assert "runs uncompiled" in message
        assert "traceback" not in message


def test_memory_that_runs_out_is_no_failure_to_compile():
    def backend(graph, _):
        def run(*inputs):
            if len(inputs[-1]) > 1 and inputs[-1].ndim == 4:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return graph(*inputs)

        return run

    fast = accelerated(SimpleNamespace(unet=Network()), torch.float32, compiled_with(backend))
    with pytest.raises(torch.OutOfMemoryError):
        fast.unet(torch.ones(2, 3, 4, 4), torch.zeros(2))
    assert notes(fast) == []


@pytest.mark.slow
def test_the_real_compiler_answers_the_same():
    network = Network()
    fast = accelerated(SimpleNamespace(unet=network), torch.float32, compiled_with("inductor"))
    for count in (1, 3):
        x = torch.randn(count, 3, 16, 16)
        assert torch.allclose(fast.unet(x, torch.arange(count)).sample, network.conv(x), atol=1e-5)
    if notes(fast):
        pytest.skip(f"nothing compiles here: {notes(fast)[0]}")
