"""Figures of faces whose answer is known, and their tables."""

import pytest
import torch

from dpi_core.evaluation.judged_figures import differences, spectrum, summary, varied
from dpi_core.evaluation.kept import digest, kept
from dpi_core.evaluation.methods import Restored
from dpi_core.evaluation.report import by_group, by_method, by_metric, less, markdown
from dpi_core.measure.measured_case import Case
from dpi_core.measure.metric_registry import METRICS, figures


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
    told = summary(figures(Case(true + errors / 2, true=true, upsampled=true + errors), ("psnr", "gain")), {})
    assert told["gain"] == pytest.approx((6.02, 6.02, 6.02), abs=0.01)  # however far apart they are
    low, high = told["psnr"][1:]
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

    def variety(runs):
        return figures(Case(runs[0].result, **varied(runs)), ("two_seeds", "eight_seeds", "fcm_end"))

    found = variety(runs)
    assert variety([runs[0], runs[2]])["two_seeds"] == pytest.approx([2], abs=1e-3), "of the faces that have two"
    assert found["fcm_end"] == pytest.approx([3, 3, 3], abs=1e-3)
    assert found["two_seeds"] == pytest.approx([1, 1, 1], abs=1e-3)
    assert found["eight_seeds"] == pytest.approx([(2 / 3) ** 0.5], abs=1e-3)  # of 0, 1 and 2 levels
    assert set(variety(runs[:1])) == {"fcm_end"}
    assert variety([Restored(x, x)] * 3)["eight_seeds"] == pytest.approx([0, 0, 0], abs=1e-5)


def test_a_table_has_a_metric_a_row_and_dashes_for_what_is_missing():
    found = {"truth": {"detail": (1, 1, 1)}, "medium": {"detail": (0.3, 0.25, 0.35), "gain": (2, 1, 3)}}
    lines = markdown(*by_metric("x8", found)).splitlines()
    assert lines[0] == "| x8 | truth | medium |"
    assert lines[2] == f"| {METRICS['detail'].title} | 1.00 (1.00 .. 1.00) | 0.30 (0.25 .. 0.35) |"
    assert lines[3] == f"| {METRICS['gain'].title} | - | +2.00 (+1.00 .. +3.00) |"
    assert len(lines) == 4


def test_a_table_of_methods_tells_their_calls():
    found = {"bicubic": {"psnr": (20, 19, 21)}, "dps": {}}
    head, rows = by_method("x8", found, ["psnr"], {"bicubic": 0, "dps": 20})
    assert head == ["x8", "calls", "PSNR, dB (high)"]
    assert rows == [["bicubic", "-", "20.00 (19.00 .. 21.00)"], ["dps", "20", "-"]]


def test_a_table_of_groups_is_told_in_the_form_of_its_metric():
    found = {"ddnm": {"turned": (24.0, 23.0, 25.0)}, "dps": {"turned": (1, 1, 1), "frontal": (2, 2, 2)}}
    head, rows = by_group("x8", found, "psnr")
    assert head == ["x8", "turned", "frontal"]
    assert rows == [["ddnm", "24.00 (23.00 .. 25.00)", "-"], ["dps", "1.00 (1.00 .. 1.00)", "2.00 (2.00 .. 2.00)"]]


def test_differences_are_taken_face_by_face():
    found = differences({"a": {"psnr": [20.0, 30.0, 40.0]}, "b": {"psnr": [21.0, 31.0, 41.0]}}, "a")
    assert found == {"b": {"psnr": [1.0, 1.0, 1.0]}}
    told = [["b", "+1.00 (+1.00 .. +1.00)"]]
    assert less("t", {"b": {"psnr": (1.0, 1.0, 1.0)}})[1] == told
    assert by_group("t", {"b": {"turned": (1, 1, 1)}}, "psnr", "+")[1] == told


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
