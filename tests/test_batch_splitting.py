from dataclasses import replace

import pytest
import torch
from formulas import AnalyticPrior, analytic_corrector

from dpi_core import DPIConfig, Restorer, sample
from dpi_core.models.batch_splitting import (
    Fitting,
    FittingCorrector,
    FittingPrior,
    NotEnoughMemoryError,
    is_out_of_memory,
)
from dpi_core.restore.records import RestoreStep

FULL = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
CONFIG = DPIConfig(steps=6, tau=400, eta=0.5)


class Small:
    """A device that holds `holds` samples at a time; `sizes` are those it was given, `raised` of them too large."""

    def __init__(self, call, holds, error=FULL):
        self.call, self.holds, self.error = call, holds, error
        self.sizes: list[int] = []
        self.refused = 0

    def __call__(self, *batch):
        if len(batch[0]) > self.holds:
            self.refused += 1
            raise self.error
        self.sizes.append(len(batch[0]))
        return self.call(*batch)


def with_memory_for(holds, prior):
    small = Small(prior.predict_eps, holds)
    prior.predict_eps = small
    return small


def condition(size=32):
    return torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("holds", [1, 3, 5, 100])
@pytest.mark.parametrize("count", [1, 7, 8])
def test_a_split_run_gives_the_same_bits_in_every_step(holds, count):
    seeds = range(count)
    whole = sample(AnalyticPrior(), condition(), CONFIG, corrector=analytic_corrector, seeds=seeds)
    prior, fitting = AnalyticPrior(), Fitting()
    small = with_memory_for(holds, prior)
    crt = FittingCorrector(Small(analytic_corrector, holds), Fitting())
    split = sample(FittingPrior(prior, fitting), condition(), CONFIG, corrector=crt, seeds=seeds)
    assert torch.equal(split, whole)
    assert sum(small.sizes) == count * CONFIG.steps, "every sample goes through once a step"
    assert small.refused == (0 if count <= holds else len(halvings(count, holds))), "the size is remembered"
    assert bool(fitting.note) == (count > holds)
    assert fitting.size is None or fitting.size <= holds


def halvings(size, holds) -> list[int]:
    tried = []
    while size > holds:
        tried.append(size)
        size = (size + 1) // 2
    return tried


def test_the_note_says_what_happened_in_words():
    fitting = Fitting()
    fitting(Small(lambda x: x, 2), torch.zeros(8, 3, 4, 4))
    assert fitting.note == (
        "The memory of cpu does not hold 8 samples at once: they ran 2 at a time, which takes longer and gives the same "
        "result."
    )


def test_what_fits_halfway_through_is_not_done_again():
    done = []

    def call(rows):
        if len(rows) == 4 and done:
            raise torch.OutOfMemoryError("another program came")
        done.append(rows[:, 0].tolist())
        return rows

    fitting = Fitting()
    fitting.size = 4
    rows = torch.arange(8.0)[:, None]
    assert torch.equal(fitting(call, rows), rows)
    assert done == [[0, 1, 2, 3], [4, 5], [6, 7]]


def test_not_even_one_is_a_message_and_no_other_error_is_swallowed():
    with pytest.raises(NotEnoughMemoryError, match=r"does not hold a single sample of 24x16 pixels; .* device cpu"):
        Fitting()(Small(lambda x: x, 0), torch.zeros(4, 3, 16, 24))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        Fitting()(Small(lambda x: x, 1, RuntimeError("shapes do not match")), torch.zeros(4, 3, 16, 16))


@pytest.mark.parametrize(
    "text",
    [
        "MPS backend out of memory (MPS allocated: 8 GB)",
        "[enforce fail at alloc_cpu.cpp:116] err == 0. DefaultCPUAllocator: can't allocate memory: you tried 9 bytes",
        "DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ],
)
def test_every_device_says_it_in_its_own_words(text):
    assert is_out_of_memory(RuntimeError(text))
    assert not is_out_of_memory(ValueError(text))
    assert not is_out_of_memory(RuntimeError("device-side assert triggered"))


def test_a_failed_call_leaves_nothing_behind():
    alive: list = []

    class Held(torch.Tensor):
        pass

    def call(rows):
        if len(rows) > 1:
            import weakref

            large = torch.zeros(1000).as_subclass(Held)
            alive.append(weakref.ref(large))
            raise torch.OutOfMemoryError("no")
        assert all(ref() is None for ref in alive), "the retry starts with the memory of the failed call"
        return rows

    Fitting()(call, torch.zeros(4, 1))
    assert len(alive) == 2


def test_the_restorer_splits_says_so_once_and_restores_the_same(astronaut):
    restorer = Restorer(device="cpu", precision="float32")
    seeds = (0, 1, 2)
    prepared = restorer.prepare(astronaut, scale=8)
    config = replace(CONFIG, steps=3)
    whole = restorer.restore_steps(prepared, config, seeds=seeds)
    expected = [item.event.x0 for item in whole if isinstance(item, RestoreStep)]
    with_memory_for(1, restorer.prior)
    *steps, done = restorer.restore_steps(prepared, config, seeds=seeds)
    for step, x0 in zip(steps, expected, strict=True):
        assert torch.allclose(step.event.x0, x0, atol=1e-3)
    assert len(done.messages) == 1
    assert "they ran 1 at a time" in done.note
    assert done.note.startswith(prepared.note)


def test_the_command_line_and_the_api_say_so(monkeypatch, astronaut, tmp_path, capsys):
    from dpi_core.__main__ import main
    from dpi_core.restore import restorer as pipeline

    load = pipeline.load_prior

    def load_small(*args):
        prior = load(*args)
        with_memory_for(1, prior)
        return prior

    monkeypatch.setattr(pipeline, "load_prior", load_small)
    argv = ["restore", str(astronaut), "-o", str(tmp_path), "--steps", "2", "--seeds", "2", "--device", "cpu"]
    argv += ["--precision", "float32"]  # the memory is short around the call of the bare network
    assert main(argv) == 0
    assert capsys.readouterr().out.count("they ran 1 at a time") == 1
