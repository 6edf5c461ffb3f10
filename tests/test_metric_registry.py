"""Metrics as data: each has what it needs, and none is measured without it."""

from dataclasses import fields

import pytest
import torch

from dpi_core.measure.measured_case import Case
from dpi_core.measure.metric_registry import METRICS, NETWORKS, figures

FACES = torch.rand((3, 3, 32, 32), generator=torch.Generator().manual_seed(0)) * 2 - 1
ROWS = torch.rand((3, 8), generator=torch.Generator().manual_seed(1))
WHOLE = Case(
    FACES,
    true=FACES * 0.9,
    low_res=FACES[..., ::8, ::8],
    upsampled=FACES * 0.5,
    fcm_end=FACES * 0.8,
    second_seed=FACES[:2] * 0.7,
    all_seeds=[FACES, FACES * 0.7, FACES * 0.6],
    people=(ROWS, ROWS + 0.1),
    perceptual=ROWS[:, 0],
    features=(ROWS, ROWS + 1),
    inception=(ROWS, ROWS + 1),
    logits=ROWS,
    points=torch.tensor([[0.3, 0.3], [0.7, 0.3], [0.5, 0.53], [0.37, 0.7], [0.63, 0.7]]) * FACES.shape[-1],
    seconds=[1.0] * len(FACES),
)


def test_every_metric_says_what_it_needs_and_where_it_comes_from():
    known = {field.name for field in fields(Case)}
    for metric in METRICS.values():
        assert set(metric.needs) <= known
        assert metric.source
        assert metric.title.endswith(("(high)", "(low)", "(0)", "(1)")), "what is better is told"
        assert (metric.against_truth is not None) == (metric.better == "target")
    assert set(NETWORKS) <= known


def test_a_whole_case_allows_every_metric():
    found = figures(WHOLE)
    assert list(found) == list(METRICS)
    for name, values in found.items():
        assert len(values) == {"two_seeds": 2, "kid": 1, "fid": 1, "inception_score": 1}.get(name, 3), name
        assert torch.tensor(values).isfinite().all(), name


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_looks_at_what_it_needs_and_at_nothing_else(name):
    bare = Case(FACES, **{need: getattr(WHOLE, need) for need in METRICS[name].needs})
    assert figures(bare, [name]) == figures(WHOLE, [name])
    for need in METRICS[name].needs:
        assert name not in figures(Case(**{**vars(bare), need: None}))


def test_an_unknown_metric_is_named_with_those_there_are():
    with pytest.raises(ValueError, match="metric is 'psnrr'; allowed is one of detail, grain"):
        figures(WHOLE, ["psnrr"])
