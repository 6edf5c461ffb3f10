"""Figures face by face, and a run that goes on from them."""

import pytest
import torch

from dpi_core.evaluation.measured import Measured, digest, mean, resumed

MADE_WITH = {"prior": "embedded 0123", "corrector": "embedded 4567"}


def part(*values):
    figures = {"psnr": list(values)}
    return Measured({}, {"brightness": list(values)}, {"x8": {"bicubic": figures}}, {"x8": {"medium": list(values)}})


def test_faces_are_appended_in_order():
    whole = Measured(MADE_WITH)
    assert whole.count == 0
    whole.add(part(1.0, 2.0))
    whole.add(part(3.0))
    assert whole.count == 3
    assert whole.tasks["x8"]["bicubic"]["psnr"] == whole.diversity["x8"]["medium"] == [1.0, 2.0, 3.0]


def test_the_first_faces_are_what_a_shorter_measurement_would_know():
    whole, short = Measured(MADE_WITH), Measured(MADE_WITH)
    whole.add(part(1.0, 2.0, 3.0))
    short.add(part(1.0, 2.0))
    assert whole.first(2) == short
    assert whole.first(9) == whole
    assert whole.count == 3


def test_a_file_gives_back_what_was_written(tmp_path):
    path = tmp_path / "measured.json"
    assert resumed(path, MADE_WITH) == Measured(MADE_WITH)
    whole = Measured(MADE_WITH)
    whole.add(part(0.1, 1 / 3))
    whole.save(path)
    assert resumed(path, dict(MADE_WITH)) == whole
    assert [p.name for p in tmp_path.iterdir()] == ["measured.json"]


def test_figures_of_other_weights_are_not_continued(tmp_path):
    path = tmp_path / "measured.json"
    Measured(MADE_WITH).save(path)
    with pytest.raises(ValueError, match=r"another prior; remove it or name another folder"):
        resumed(path, {**MADE_WITH, "prior": "embedded 89ab"})
    with pytest.raises(ValueError, match="another settings"):
        resumed(path, {**MADE_WITH, "settings": "tau 150"})
    assert path.exists()


def test_a_digest_tells_weights_apart():
    weights = {"a": torch.arange(4.0), "b": torch.zeros(2)}
    assert digest(weights) == digest({name: values.clone() for name, values in weights.items()})
    assert len(digest(weights)) == 12
    changed = {**weights, "b": torch.tensor([0.0, 1e-6])}
    renamed = {"a": weights["a"], "c": weights["b"]}
    assert len({digest(weights), digest(changed), digest(renamed)}) == 3


def test_the_mean_of_an_iterator():
    assert mean(iter([1.0, 2.0, 6.0])) == 3.0
