"""Recordings are tested with a stand-in that answers, as a CUDA graph does, into one memory; the real ones need a GPU."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace

import pytest
import torch

from dpi_core import load_prior
from dpi_core.models.acceleration import accelerated, notes, quick_call
from dpi_core.models.cuda_graphs import KEPT, CudaGraphs, Recorded, Recording

CUDA = torch.device("cuda")


def network(x, t):
    return SimpleNamespace(sample=x * t.view(-1, 1, 1, 1))


class StandIn:
    """Records as `CudaGraphs` does, on a CPU; counts."""

    def __init__(self):
        self.recorded: list[tuple[int, ...]] = []
        self.replays = 0

    def __call__(self, call, x, t):
        self.recorded.append(tuple(x.shape))
        x, t, out = x.clone(), t.clone(), call(x, t).sample.clone()

        def replay():
            self.replays += 1
            out.copy_(call(x, t).sample)

        return Recording(x, t, out, replay)


def failing(error, above=0, stand_in=None):
    """Records batches of up to `above` through the stand-in and raises for larger ones."""

    def record(call, x, t):
        if len(x) > above:
            raise error
        return stand_in(call, x, t)

    return record


def batch(count, side=4):
    return torch.randn(count, 3, side, side), torch.arange(1, count + 1)


def in_threads(work):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))  # the list raises what a thread raised


def test_each_shape_is_recorded_once_and_answers_as_the_network():
    stand_in = StandIn()
    fast = Recorded(network, stand_in)
    shapes = ((1, 4), (3, 4), (1, 8), (3, 4), (1, 4))
    for count, side in shapes:
        x, t = batch(count, side)
        assert torch.equal(fast(x, t).sample, network(x, t).sample)
    assert stand_in.recorded == [(1, 3, 4, 4), (3, 3, 4, 4), (1, 3, 8, 8)]
    assert stand_in.replays == len(shapes)
    assert fast.note == ""


def test_answers_and_inputs_are_not_overwritten_by_the_next():
    fast = Recorded(network, StandIn())
    x, t = batch(2)
    given, first = x.clone(), fast(x, t).sample
    before = first.clone()
    second = fast(-x, t).sample
    assert torch.equal(first, before)
    assert torch.equal(second, -before)
    assert torch.equal(x, given)


def test_other_strides_and_dtypes_are_recordings_of_their_own():
    stand_in = StandIn()
    fast = Recorded(network, stand_in)
    x, t = batch(2)
    for one in (x, x.to(memory_format=torch.channels_last), x.double()):
        assert torch.equal(fast(one, t).sample, network(one, t).sample)
    assert len(stand_in.recorded) == 3


def test_the_oldest_recording_makes_room():
    stand_in = StandIn()
    fast = Recorded(network, stand_in)
    for count in (*range(1, KEPT + 2), KEPT + 1, 1):
        x, t = batch(count)
        assert torch.equal(fast(x, t).sample, network(x, t).sample)
    assert len(stand_in.recorded) == KEPT + 2, "one more than is kept, of which the first had to be recorded anew"


def test_threads_do_not_fill_each_others_input():
    fast, wrong = Recorded(network, StandIn()), []

    def work(seed):
        generator = torch.Generator().manual_seed(seed)
        for _ in range(50):
            x, t = torch.randn(2, 3, 16, 16, generator=generator), torch.tensor([seed, seed + 1])
            if not torch.equal(fast(x, t).sample, network(x, t).sample):
                wrong.append(seed)

    in_threads(work)
    assert wrong == []


def test_what_cannot_be_recorded_runs_without_and_says_so():
    fast = Recorded(
        network, failing(RuntimeError("operation not permitted when stream is capturing\nand a long traceback"))
    )
    for _ in range(2):
        x, t = batch(2)
        assert torch.equal(fast(x, t).sample, network(x, t).sample)
    assert "operation not permitted when stream is capturing" in fast.note
    assert "traceback" not in fast.note


def test_a_failed_recording_keeps_the_others():
    stand_in = StandIn()
    fast = Recorded(network, failing(RuntimeError("no"), 1, stand_in))
    for count in (1, 2, 1):
        x, t = batch(count)
        assert torch.equal(fast(x, t).sample, network(x, t).sample)
    assert stand_in.replays == 2
    assert fast.note


@pytest.mark.parametrize("kind", [torch.OutOfMemoryError, RuntimeError])
def test_memory_that_runs_out_frees_the_recordings_and_is_told_to_the_caller(kind):
    stand_in = StandIn()
    fast = Recorded(network, failing(kind("CUDA out of memory. Tried to allocate 2 GiB"), 1, stand_in))
    fast(*batch(1))
    with pytest.raises(torch.OutOfMemoryError, match="Tried to allocate"):
        fast(*batch(2))
    assert fast.note == ""
    fast(*batch(1))
    assert len(stand_in.recorded) == 2, "recorded anew"


def test_memory_that_ran_out_inside_a_recording_is_seen_behind_the_error_that_ends_it():
    def record(call, x, t):
        try:
            raise torch.OutOfMemoryError("CUDA out of memory")
        finally:
            raise RuntimeError("CUDA error: operation failed due to a previous error during capture")

    with pytest.raises(torch.OutOfMemoryError):
        Recorded(network, record)(*batch(1))


def test_what_the_call_has_to_say_is_passed_on():
    def call(x, t):
        return network(x, t)

    call.note = "torch.compile failed."
    assert Recorded(call, StandIn()).note == "torch.compile failed."


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("compile_it", [False, True])
def test_a_gpu_answers_the_same_from_recordings(compile_it):
    plain = load_prior("embedded", "cuda")
    faster = partial(quick_call, device=CUDA, compile_it=compile_it)
    fast = accelerated(load_prior("embedded", "cuda"), torch.float32, faster)
    found = []
    for count in (1, 3, 8, 1, 3):
        x, t = torch.randn(count, 3, 128, 128, device=CUDA), torch.arange(count, device=CUDA) * 100
        found.append((fast.predict_eps(x, t), plain.predict_eps(x, t)))
    assert notes(fast) == []
    for a, b in found:
        assert (a - b).abs().max() < 0.02


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_replays_from_any_thread_while_others_use_it():
    fast, wrong = Recorded(network, CudaGraphs(CUDA)), []

    def work(seed):
        for step in range(40):
            x = torch.randn(1 + step % 4, 3, 64, 64, device=CUDA)
            t = torch.full((len(x),), seed, device=CUDA)
            if not torch.equal(fast(x, t).sample, network(x, t).sample):
                wrong.append(seed)

    in_threads(work)
    assert wrong == []
    assert fast.note == ""


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_that_cannot_record_says_so_and_goes_on():
    def waits(x, t):
        return SimpleNamespace(sample=x * float(t[0]))  # to read a value is to wait, which a recording cannot

    fast = Recorded(waits, CudaGraphs(CUDA))
    for _ in range(2):
        x, t = torch.randn(1, 3, 8, 8, device=CUDA), torch.tensor([3], device=CUDA)  # draws still work afterwards
        assert torch.equal(fast(x, t).sample, x * 3)
    assert "Recording CUDA graphs failed" in fast.note
