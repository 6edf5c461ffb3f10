import json
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from dpi_core import DPIConfig, DPIError
from dpi_core.imaging.pictures import read_image
from dpi_core.models.acceleration import Compiled, accelerated
from dpi_core.models.octave import load_octave
from dpi_core.restore.records import Restoration, RestoreStep
from dpi_core.restore.request import Branch, Request

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
    middle = changed[int((y0 + y1) / 2) - 5 :, int((x0 + x1) / 2) - 5 :][:10, :10]
    assert middle.mean() > 0.5, "one pixel of the face may happen to stay the same"
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


def test_steps_stream_and_stop_keeps_the_last_estimate(analytic_restorer, astronaut):
    seen: list[RestoreStep | Restoration] = []
    for item in analytic_restorer.restore_steps(astronaut, FAST, stop=lambda: len(seen) == 2):
        seen.append(item)
    assert [type(item) for item in seen] == [RestoreStep, RestoreStep, Restoration]
    assert not seen[-1].complete
    last = seen[1].event.x0[0]
    kept = torch.from_numpy(np.asarray(seen[-1].results[0].image).copy()).permute(2, 0, 1).float() / 127.5 - 1
    assert (kept - last).abs().max() <= 1 / 127.5
    assert seen[-1].results[0].settings["steps_done"] == 2


def test_stopping_at_the_last_step_is_finishing(analytic_restorer, astronaut):
    done = []
    items = list(
        analytic_restorer.restore_steps(astronaut, FAST, stop=lambda: done.append(1) is None and len(done) == 4)
    )
    assert items[-1].complete


def test_an_aligned_picture_is_used_whole(analytic_restorer):
    face = Image.fromarray(np.random.default_rng(0).integers(0, 255, (160, 200, 3), dtype=np.uint8))
    result = analytic_restorer.restore(face, FAST, aligned=True)
    assert result.preparation.faces == ()
    assert result.results[0].image.size == (128, 128)
    assert result.photo.tobytes() == result.results[0].finest.tobytes()


def test_a_face_with_more_pixels_than_the_prior_is_drawn_at_twice_its_side(restorer, astronaut):
    photo = Image.open(astronaut)
    large = photo.resize((photo.width * 3, photo.height * 3), Image.Resampling.BICUBIC)
    prepared = restorer.prepare(large)
    doubled, plain = (restorer.run(large, Request(FAST, octave=octave)) for octave in (True, False))
    (face,), (without,) = doubled.results, plain.results
    assert prepared.jobs[0].doubled
    assert (face.finest.size, without.finest.size) == ((256, 256), (128, 128))
    assert face.image.tobytes() == without.image.tobytes(), "what the prior made of it is the same"
    halved = np.asarray(face.finest.reduce(2), np.int16)
    assert np.abs(halved - np.asarray(face.image)).max() <= 2, "its means of 2x2 pixels, rounded and clipped"
    assert doubled.photo.tobytes() != plain.photo.tobytes()
    again = restorer.run(large, Request.from_dict(face.settings))
    assert again.results[0].finest.tobytes() == face.finest.tobytes()


def test_a_face_that_does_not_fit_at_twice_its_side_is_restored_at_the_priors(restorer, astronaut, monkeypatch):
    photo = Image.open(astronaut)
    prepared = restorer.prepare(photo.resize((photo.width * 3, photo.height * 3), Image.Resampling.BICUBIC))
    full = torch.OutOfMemoryError("CUDA out of memory.")
    told = "Large faces were not drawn at twice the side: the memory of cpu does not hold a single sample"

    def refuse(*_):
        raise full

    plain = restorer.run(prepared, Request(FAST, (0, 1), octave=False))
    octave = load_octave(device="cpu")
    octave.unet = refuse
    for load in (refuse, lambda: octave):
        monkeypatch.setattr(restorer, "_octave", load)
        done = restorer.run(prepared, Request(FAST, (0, 1)))
        assert done.complete
        assert [r.finest.tobytes() for r in done.results] == [r.image.tobytes() for r in plain.results]
        assert [message.startswith(told) for message in done.messages] == [True]
    full = RuntimeError("another error")
    with pytest.raises(RuntimeError, match="another error"):
        restorer.run(prepared, Request(FAST))


def test_what_the_octaves_network_has_to_say_is_told(restorer, astronaut, monkeypatch):
    photo = Image.open(astronaut)
    large = photo.resize((photo.width * 3, photo.height * 3), Image.Resampling.BICUBIC)

    def broken(*_):
        raise ValueError("no compiler")

    octave = accelerated(load_octave(device="cpu"), torch.float32, lambda network: Compiled(network, backend=broken))
    monkeypatch.setattr(restorer, "_octave", lambda: octave)
    assert restorer.restore(photo, FAST).messages == (), "it was not asked"
    done = restorer.restore(large, FAST)
    assert ["torch.compile failed" in message for message in done.messages] == [True]
    assert done.results[0].finest.size == (256, 256)


@pytest.mark.parametrize("how", [{"scale": 8}, {"octave": False}])
def test_a_simulation_or_a_wish_leaves_a_large_face_at_the_priors_side(restorer, astronaut, how):
    photo = Image.open(astronaut)
    large = photo.resize((photo.width * 3, photo.height * 3), Image.Resampling.BICUBIC)
    request = Request(FAST).replaced(how)
    assert not restorer.prepared(large, request).jobs[0].doubled
    assert not restorer.prepared(photo, Request(FAST)).jobs[0].doubled


def test_the_background_gains_resolution(analytic_restorer, astronaut):
    result = analytic_restorer.restore(astronaut, FAST, background=2)
    assert result.background == 2
    assert result.photo.size == (1024, 1024)
    large = np.asarray(read_image(astronaut).resize((1024, 1024), Image.Resampling.LANCZOS))
    changed = (np.asarray(result.photo) != large).any(axis=2)
    assert 0.01 < changed.mean() < 0.2
    with pytest.raises(ValueError, match="background is 5"):
        analytic_restorer.restore(astronaut, FAST, background=5)


@pytest.mark.parametrize("size", [96, 300])
def test_a_picture_that_is_aligned_already_keeps_its_size(analytic_restorer, astronaut, size):
    picture = Image.fromarray(analytic_restorer.prepare(astronaut).jobs[0].crop).resize(
        (size, size), Image.Resampling.BICUBIC
    )
    assert analytic_restorer.restore(picture, FAST).photo.size == (size, size)


def test_a_result_is_made_again_from_its_settings_and_nothing_else(analytic_restorer, astronaut):
    asked = {"seeds": (5,), "scale": 8, "background": 2, "branch": Branch(2, 7), "detector": "yunet"}
    first = analytic_restorer.restore(astronaut, FAST, **asked)
    (face,) = first.results
    assert face.settings["detector"] == "embedded", "the record names the detector that ran"
    request = Request.from_dict(json.loads(json.dumps(face.settings)))
    again = analytic_restorer.run(astronaut, request)
    assert again.photo.tobytes() == first.photo.tobytes()
    assert again.results[0].settings == face.settings


def test_a_prepared_photo_is_recorded_as_it_was_prepared(analytic_restorer, astronaut):
    prepared = analytic_restorer.prepare(astronaut, scale=8)
    *_, done = analytic_restorer.run_steps(prepared, Request(FAST, (3,), aligned=True, detector="face-alignment"))
    (result,) = done.results
    read = Request.from_dict(result.settings)
    assert read == Request(FAST, (3,), scale=8, detector="embedded")


def test_a_request_for_other_models_is_refused(analytic_restorer, astronaut):
    with pytest.raises(DPIError, match="prior of the request is 'ffhq-256'; this restorer has loaded 'embedded'"):
        analytic_restorer.run(astronaut, Request(prior="ffhq-256"))


def test_wrong_arguments_are_named(analytic_restorer, astronaut):
    with pytest.raises(ValueError, match="seed is -1"):
        analytic_restorer.restore(astronaut, FAST, seeds=(-1,))
    with pytest.raises(ValueError, match="scale is 3"):
        analytic_restorer.restore(astronaut, FAST, scale=3)


def test_the_seconds_of_a_run_leave_out_what_is_done_between_its_steps(analytic_restorer, astronaut, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("dpi_core.restore.restorer.time", SimpleNamespace(perf_counter=lambda: now[0]))
    condition = analytic_restorer.prepare(astronaut, scale=8)
    *steps, last = _watched(analytic_restorer.restore_steps(condition, FAST), now)
    assert len(steps) == FAST.steps
    assert last.seconds == 0.0


def _watched(items, now):
    for item in items:
        now[0] += 100.0
        yield item


def test_grey_in_grey_out(restorer, astronaut):
    face = read_image(astronaut).convert("L").convert("RGB").crop((150, 20, 310, 200))
    framed = Image.new("RGB", (260, 280), (220, 20, 20))
    framed.paste(face, (50, 50))
    for photo in (face, framed):
        result = restorer.restore(photo, DPIConfig(steps=2), seeds=(0,))
        assert np.ptp(np.asarray(result.results[0].image), axis=2).max() == 0


def test_lettering_over_a_face_stays_in_the_photo_and_is_told(restorer, astronaut):
    soft = read_image(astronaut).filter(ImageFilter.GaussianBlur(2)).crop((100, 0, 360, 260))
    photo = soft.copy()
    ImageDraw.Draw(photo).text((82, 95), "SAMPLE", "white", ImageFont.load_default(size=24))
    faces = restorer.prepare(soft).faces
    result = restorer.restore_steps(restorer.prepare(photo, faces=faces, face=0), DPIConfig(steps=4, tau=200))
    last = next(step for step in result if isinstance(step, Restoration))
    assert "lettering" in last.note
    strokes = (np.asarray(photo) != np.asarray(soft)).any(axis=2) & (np.asarray(photo).min(axis=2) > 240)
    assert np.abs(np.asarray(last.photo).astype(int) - np.asarray(photo))[strokes].mean() < 10
    plain = restorer.restore_steps(restorer.prepare(soft, faces=faces, face=0), DPIConfig(steps=4, tau=200))
    assert "lettering" not in next(step for step in plain if isinstance(step, Restoration)).note


def test_another_method_restores_with_the_same_prior_and_says_so(restorer, astronaut):
    config = DPIConfig(steps=3)
    result = restorer.restore(astronaut, config, scale=8, method="ddnm").results[0]
    assert result.settings["method"] == "ddnm"
    assert restorer.restore(astronaut, config, scale=8).results[0].settings["method"] == "dpi"
    assert result.measured["lr_consistency"] > 45
    with pytest.raises(ValueError, match="method is 'dnm'; allowed is dpi"):
        restorer.restore(astronaut, config, method="dnm")
    with pytest.raises(ValueError, match="cannot part on the way"):
        restorer.restore(astronaut, config, method="ddnm", branch=Branch(1, 0))


def test_a_method_that_needs_a_gradient_has_one(restorer, astronaut):
    few = restorer.restore(astronaut, DPIConfig(steps=4), scale=8, method="dps").results[0]
    assert few.measured["psnr"] > 5
