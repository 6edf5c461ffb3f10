from dataclasses import asdict

import numpy as np
import pytest
import torch
from conftest import EXAMPLES
from PIL import Image

from dpi_core import DPIConfig
from dpi_core.images import ImageError, read_image
from dpi_core.restoration import NoFaceError, Restoration, RestoreStep

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


def test_a_low_resolution_face_is_upsampled_with_pixel_centres_aligned(restorer):
    # a horizontal ramp stays the same ramp: any shift would change its values
    ramp = np.repeat(np.linspace(40, 200, 16)[None, :, None], 16, axis=0).repeat(3, axis=2).astype(np.uint8)
    job = restorer.prepare(Image.fromarray(ramp), aligned=True).jobs[0]
    columns = job.condition[0, 0].mean(dim=0)
    expected = torch.linspace(40, 200, 16) / 127.5 - 1
    centres = columns.view(16, 8).mean(dim=1)
    assert (centres - expected)[1:-1].abs().max() < 0.01


@pytest.mark.parametrize(("face", "indices"), [(None, [0]), (1, [1]), ([1], [1]), ([1, 0], [1, 0]), ("all", [0, 1])])
def test_faces_are_chosen(restorer, astronaut, face, indices):
    photo = read_image(astronaut).crop((60, 0, 380, 260))
    pair = Image.new("RGB", (640, 260), "gray")
    pair.paste(photo, (0, 0))
    pair.paste(photo.resize((240, 195)), (360, 0))
    prepared = restorer.prepare(pair, face=face)
    assert len(prepared.faces) == 2
    assert [job.index for job in prepared.jobs] == indices


@pytest.fixture(scope="module")
def sharp_and_small(astronaut) -> Image.Image:
    """Two faces: one twice as large as in the portrait, enlarged from a photo that is sharp at that size, one small."""
    large = Image.open(EXAMPLES / "grace-hopper.jpg").convert("RGB").crop((130, 60, 430, 400))
    pair = Image.new("RGB", (640, 340), "gray")
    pair.paste(large, (0, 0))
    pair.paste(Image.open(astronaut).crop((120, 20, 330, 230)), (400, 60))
    return pair


def test_all_leaves_the_sharp_faces_as_they_are(restorer, sharp_and_small):
    prepared = restorer.prepare(sharp_and_small, face="all")
    assert prepared.sharp == (True, False)
    assert [job.index for job in prepared.jobs] == [1]
    assert "Left as sharp as they are: 1 of 2 faces." in prepared.note
    again = {"faces": prepared.faces}
    both = restorer.prepare(sharp_and_small, face="all", include_sharp=True, **again)
    assert [job.index for job in both.jobs] == [0, 1]
    assert [job.index for job in restorer.prepare(sharp_and_small, face=0, **again).jobs] == [0], "a choice is a choice"
    with pytest.raises(ValueError, match="The only face is larger and sharper"):
        restorer.prepare(sharp_and_small, face="all", faces=prepared.faces[:1])


@pytest.mark.parametrize("size", [96, 128, 300])
def test_a_picture_that_is_aligned_already_is_used_whole(restorer, astronaut, size):
    job = restorer.prepare(astronaut).jobs[0]
    picture = Image.fromarray(job.crop).resize((size, size), Image.Resampling.BICUBIC)
    prepared = restorer.prepare(picture)
    assert "already sits where the prior expects it" in prepared.note
    assert "found by" in prepared.note
    forced = restorer.prepare(picture, aligned=True)
    assert np.array_equal(prepared.jobs[0].crop, forced.jobs[0].crop)
    result = restorer.restore(picture, FAST)
    assert result.photo.size == (size, size), "the picture keeps its size"
    assert "aligned again" not in restorer.prepare(astronaut).note


def test_the_background_gains_resolution(restorer, astronaut):
    result = restorer.restore(astronaut, FAST, background=2)
    assert result.background == 2
    assert result.photo.size == (1024, 1024)
    large = np.asarray(read_image(astronaut).resize((1024, 1024), Image.Resampling.LANCZOS))
    changed = (np.asarray(result.photo) != large).any(axis=2)
    assert 0.01 < changed.mean() < 0.2
    with pytest.raises(ValueError, match="background is 5"):
        restorer.restore(astronaut, FAST, background=5)


def test_known_faces_are_not_looked_for_again(restorer, astronaut, monkeypatch):
    faces = restorer.prepare(astronaut).faces

    def refuse(*_):
        raise AssertionError("looked again")

    monkeypatch.setattr("dpi_core.pipeline.find_faces", refuse)
    assert restorer.prepare(astronaut, faces=faces).faces == faces


def test_wrong_arguments_are_named(restorer, astronaut):
    with pytest.raises(ValueError, match=r"scale is 3; allowed is one of \(4, 8, 16\)"):
        restorer.prepare(astronaut, scale=3)
    with pytest.raises(ValueError, match=r"face is 7; allowed is 0 to 0"):
        restorer.prepare(astronaut, face=7)
    with pytest.raises(ValueError, match="detector"):
        restorer.prepare(astronaut, detector="magic")
    with pytest.raises(ValueError, match="seed is -1"):
        restorer.restore(astronaut, FAST, seeds=(-1,))


def test_a_picture_without_a_face_says_so(restorer):
    flat = Image.new("RGB", (300, 200), (90, 120, 60))
    with pytest.raises(NoFaceError, match="No face was found in the picture of 300x200 pixels"):
        restorer.prepare(flat)
    with pytest.raises(ImageError, match="at least 8 a side"):
        restorer.prepare(Image.new("RGB", (1, 1)), aligned=True)


@pytest.mark.parametrize("name", ["empty", "text", "truncated"])
def test_unusable_files_end_in_a_message(restorer, bad_files, name):
    with pytest.raises(ImageError) as error:
        restorer.prepare(bad_files[name])
    assert bad_files[name].name in str(error.value)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "1"])
def test_every_kind_of_picture_can_be_restored(restorer, astronaut, mode):
    photo = Image.open(astronaut).convert("RGB").crop((60, 0, 380, 320))
    assert restorer.prepare(photo.convert(mode)).faces


def test_every_example_shows_a_face(restorer):
    for path in sorted(EXAMPLES.glob("*.*g")):
        assert restorer.prepare(path).faces, path.name
