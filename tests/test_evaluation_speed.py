"""The speed of a run can be measured with the settings that the page starts with."""

from dataclasses import replace

from dpi_core.evaluation import speed


def test_the_shares_of_a_run_are_measured(analytic_models, monkeypatch):
    monkeypatch.setattr(speed, "CONFIG", replace(speed.CONFIG, steps=2))
    monkeypatch.setattr(speed, "RUNS", 1)
    figures = speed.sampler_shares()
    assert 0 < figures["sampler's own share of a run"] < 1
    assert all(value > 0 for value in figures.values())
