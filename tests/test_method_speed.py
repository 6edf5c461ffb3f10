"""The published algorithm's cost is measured with the same answers as ours gives."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest
import torch

from dpi_core.baselines import NAMES, ONE_CALL
from dpi_core.evaluation import method_costs
from dpi_core.evaluation.method_costs import cost
from dpi_core.evaluation.method_speed import FullSizeCorrector, figures
from dpi_core.method.masks import on_grid


def test_a_corrector_of_single_pixels_answers_the_same_amid_zeros():
    shapes = []

    def corrector(noisy, t, condition):
        shapes.append(noisy.shape)
        return 0.5 * noisy + 0.25 * condition + t.view(-1, 1, 1, 1) / 1000

    noisy, condition = torch.rand((2, 2, 3, 8, 6), generator=torch.Generator().manual_seed(0))
    t = torch.tensor([10, 900])
    torch.testing.assert_close(FullSizeCorrector(corrector, 2)(noisy, t, condition), corrector(noisy, t, condition))
    assert [tuple(shape) for shape in shapes] == [(2, 3, 16, 12), (2, 3, 8, 6)]


def test_both_ratios_are_taken(analytic_prior):
    size = analytic_prior.image_size
    condition = torch.rand((1, 3, size, size), generator=torch.Generator().manual_seed(1)) * 2 - 1
    found = figures(analytic_prior, lambda grid, t, y: y, condition, on_grid(condition, 8), steps=2)
    assert len(found) == 2
    assert all(value > 0 for value in found.values())


def test_a_method_costs_time_and_memory_over_the_models():
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        before = process.submit(cost, None).result()[1]
        seconds, peak = process.submit(cost, "ddnm", calls=2).result()
    assert seconds > 0
    assert peak >= before > 100


def test_the_methods_that_call_the_prior_are_measured_and_an_unknown_one_refused(monkeypatch, capsys):
    monkeypatch.setattr(method_costs, "rows", lambda methods: [[method] for method in methods])
    method_costs.main([])
    assert [line.strip("| ") for line in capsys.readouterr().out.splitlines()[2:]] == [
        name for name in NAMES if name not in ONE_CALL
    ]
    method_costs.main(["ddnm"])
    assert "| ddnm |" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        method_costs.main(["bicubic"])
    assert "'bicubic' is no method that calls the prior" in capsys.readouterr().err
