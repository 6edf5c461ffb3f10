from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from dpi_core import DPIConfig
from dpi_core.imaging.pictures import read_image
from dpi_core.restore.recipe import Branch
from dpi_core.restore.records import Restoration, RestoreStep

FAST = DPIConfig(steps=4, tau=400)


def test_a_photo_goes_all_the_way(restorer, astronaut):
    result = restorer.restore(astronaut, DPIConfig(steps=10, tau=150))
    photo = read_image(astronaut)
    assert result.complete
    assert result.photo.size == photo.size
    (face,) = result.results
    assert face.image.size == face.condition.size == (128, 128)
    assert face.measured["lr_consistency"] > 20
    assert "psnr" not in face.measured
    assert face.settings["config"] == asdict(DPIConfig(steps=10, tau=150))
    changed = (np.asarray(result.photo) != np.asarray(photo)).any(axis=2)
    x0, y0, x1, y1 = result.preparation.faces[0].box
    assert changed[int((y0 + y1) / 2), int((x0 + x1) / 2)]
    assert changed.mean() < 0.2, "only the face may change"


def test_a_simulation_knows_its_truth_and_beats_nothing_by_accident(restorer, astronaut):
    (face,) = restorer.restore(astronaut, DPIConfig(tau=150), scale=8).results
    assert face.job.low_res.shape == (1, 3, 16, 16)
    assert face.measured["psnr"] > face.measured["psnr_input"], "DPI must come closer to the truth than its input"
    assert 0 < face.measured["ssim"] < 1


def test_seeds_give_what_they_give_alone(restorer, astronaut):
    both = restorer.restore(astronaut, FAST, seeds=(3, 11), scale=8)
    alone = restorer.restore(astronaut, FAST, seeds=(11,), scale=8)
    assert [r.seed for r in both.results] == [3, 11]
    assert len(both.photos) == 2
    difference = np.abs(np.asarray(both.results[1].image, int) - np.asarray(alone.results[0].image, int))
    assert difference.max() <= 1
    assert np.abs(np.asarray(both.results[0].image, int) - np.asarray(both.results[1].image, int)).mean() > 1


def test_the_same_call_gives_the_same_bits(restorer, astronaut):
    first, second = (restorer.restore(astronaut, FAST, seeds=(5,)).results[0].image for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_steps_stream_and_stop_keeps_the_last_estimate(restorer, astronaut):
    seen: list[RestoreStep | Restoration] = []
    for item in restorer.restore_steps(astronaut, FAST, stop=lambda: len(seen) == 2):
        seen.append(item)
    assert [type(item) for item in seen] == [RestoreStep, RestoreStep, Restoration]
    assert not seen[-1].complete
    last = seen[1].event.x0[0]
    kept = torch.from_numpy(np.asarray(seen[-1].results[0].image).copy()).permute(2, 0, 1).float() / 127.5 - 1
    assert (kept - last).abs().max() <= 1 / 127.5
    assert seen[-1].results[0].settings["steps_done"] == 2


def test_stopping_at_the_last_step_is_finishing(restorer, astronaut):
    done = []
    items = list(restorer.restore_steps(astronaut, FAST, stop=lambda: done.append(1) is None and len(done) == 4))
    assert items[-1].complete


def test_an_aligned_picture_is_used_whole(restorer):
    face = Image.fromarray(np.random.default_rng(0).integers(0, 255, (160, 200, 3), dtype=np.uint8))
    result = restorer.restore(face, FAST, aligned=True)
    assert result.preparation.faces == ()
    assert result.photo.size == (128, 128)
    assert result.photo.tobytes() == result.results[0].image.tobytes()


def test_the_background_gains_resolution(restorer, astronaut):
    result = restorer.restore(astronaut, FAST, background=2)
    assert result.background == 2
    assert result.photo.size == (1024, 1024)
    large = np.asarray(read_image(astronaut).resize((1024, 1024), Image.Resampling.LANCZOS))
    changed = (np.asarray(result.photo) != large).any(axis=2)
    assert 0.01 < changed.mean() < 0.2
    with pytest.raises(ValueError, match="background is 5"):
        restorer.restore(astronaut, FAST, background=5)


@pytest.mark.parametrize("size", [96, 300])
def test_a_picture_that_is_aligned_already_keeps_its_size(restorer, astronaut, size):
    picture = Image.fromarray(restorer.prepare(astronaut).jobs[0].crop).resize((size, size), Image.Resampling.BICUBIC)
    assert restorer.restore(picture, FAST).photo.size == (size, size)


def test_wrong_arguments_are_named(restorer, astronaut):
    with pytest.raises(ValueError, match="seed is -1"):
        restorer.restore(astronaut, FAST, seeds=(-1,))
    with pytest.raises(ValueError, match="scale is 3"):
        restorer.restore(astronaut, FAST, scale=3)


def test_the_seconds_of_a_run_leave_out_what_is_done_between_its_steps(restorer, astronaut, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("dpi_core.restore.restorer.time", SimpleNamespace(perf_counter=lambda: now[0]))
    condition = restorer.prepare(astronaut, scale=8)
    *steps, last = _watched(restorer.restore_steps(condition, FAST), now)
    assert len(steps) == FAST.steps
    assert last.seconds == 0.0


def _watched(items, now):
    for item in items:
        now[0] += 100.0
        yield item


def test_another_method_restores_with_the_same_prior_and_says_so(restorer, astronaut):
    config = DPIConfig(steps=3)
    result = restorer.restore(astronaut, config, scale=8, method="ddnm").results[0]
    assert result.settings["method"] == "ddnm"
    assert "method" not in restorer.restore(astronaut, config, scale=8).results[0].settings
    assert result.measured["lr_consistency"] > 45
    with pytest.raises(ValueError, match="method is 'dnm'; allowed is dpi"):
        restorer.restore(astronaut, config, method="dnm")
    with pytest.raises(ValueError, match="cannot part on the way"):
        restorer.restore(astronaut, config, method="ddnm", branch=Branch(1, 0))


def test_a_method_that_needs_a_gradient_has_one(restorer, astronaut):
    few = restorer.restore(astronaut, DPIConfig(steps=4), scale=8, method="dps").results[0]
    assert few.measured["psnr"] > 5
