"""Figures of faces whose answer is known, and their tables."""

import pytest
import torch

from dpi_core.evaluation.judged_figures import MEASURES, likeness, spectrum, summary, variety
from dpi_core.evaluation.kept import digest, kept
from dpi_core.evaluation.methods import Restored
from dpi_core.evaluation.report import table


def faces(count=4, size=32, seed=0):
    noise = torch.rand((count, 3, size, size), generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.avg_pool2d(noise, 3, stride=1, padding=1) * 2 - 1


def test_powers_are_told_against_the_truths():
    true = faces()
    found = summary(spectrum(true * 0.5), spectrum(true))
    assert found["detail"] == pytest.approx((0.5, 0.5, 0.5), rel=1e-4)
    assert found["grain"] == pytest.approx((-6.02, -6.02, -6.02), abs=0.01)
    assert found["grid"] == pytest.approx((0.25, 0.25, 0.25), rel=1e-4)


def test_the_gain_is_taken_face_by_face():
    true = torch.zeros(3, 3, 32, 32)
    errors = torch.tensor([0.1, 0.2, 0.4]).view(3, 1, 1, 1)
    figures = likeness(true + errors / 2, true, true[..., ::8, ::8], true + errors)
    assert summary(figures, {})["gain"] == pytest.approx((6.02, 6.02, 6.02), abs=0.01)  # however far apart they are
    low, high = summary(figures, {})["psnr"][1:]
    assert low < high - 3


def test_some_faces_alone_are_what_they_would_be_alone():
    true, found = faces(), faces(seed=1)
    some = summary(spectrum(found), spectrum(true), [1, 3])
    alone = summary(spectrum(found[1::2]), spectrum(true[1::2]))
    assert set(some) == set(alone)
    assert all(some[name] == pytest.approx(alone[name]) for name in some)


def test_variety_is_that_of_seeds_and_stages():
    x = faces(3) * 0.5
    step = 2 / 255
    runs = [Restored(x, x - 3 * step), Restored(x + step, x), Restored(x[:1] + 2 * step, x[:1])]
    found = variety(runs)
    assert found["fcm_end"] == pytest.approx([3, 3, 3], abs=1e-3)
    assert found["two_seeds"] == pytest.approx([1, 1, 1], abs=1e-3)
    assert found["eight_seeds"] == pytest.approx([(2 / 3) ** 0.5], abs=1e-3)  # of 0, 1 and 2 levels
    assert set(variety(runs[:1])) == {"fcm_end"}
    assert variety([Restored(x, x)] * 3)["eight_seeds"] == pytest.approx([0, 0, 0], abs=1e-5)


def test_a_table_has_a_measure_a_row_and_dashes_for_what_is_missing():
    text = table("x8", {"truth": {"detail": (1, 1, 1)}, "medium": {"detail": (0.3, 0.25, 0.35), "gain": (2, 1, 3)}})
    lines = text.splitlines()
    assert lines[0] == "| x8 | truth | medium |"
    assert lines[2] == f"| {MEASURES['detail'].title} | 1.00 (1.00 .. 1.00) | 0.30 (0.25 .. 0.35) |"
    assert lines[3] == f"| {MEASURES['gain'].title} | - | +2.00 (+1.00 .. +3.00) |"
    assert len(lines) == 4


def test_what_was_made_once_is_kept_until_it_is_made_from_something_else(tmp_path):
    made = []

    def make():
        made.append(1)
        return {"x": torch.arange(4.0)}

    for source in ("a", "a", "b"):
        assert torch.equal(kept(tmp_path / "kept", source, make)["x"], torch.arange(4.0))
    assert len(made) == len(list((tmp_path / "kept").iterdir())) == 2


def test_a_digest_tells_weights_apart():
    weights = {"a": torch.arange(4.0), "b": torch.zeros(2)}
    assert digest(weights) == digest({name: values.clone() for name, values in weights.items()})
    changed = {**weights, "b": torch.tensor([0.0, 1e-6])}
    renamed = {"a": weights["a"], "c": weights["b"]}
    assert len({digest(weights), digest(changed), digest(renamed)}) == 3
