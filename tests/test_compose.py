"""Composing: faces land in the enlarged photo where they were, the rest is the photo, and it is saved with its metadata."""

import weakref
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import EXAMPLES
from PIL import Image

from dpi_core.faces.align import crop_face, transform
from dpi_core.faces.face import Face
from dpi_core.imaging.photo import enlarged, read_photo
from dpi_core.restore import compose
from dpi_core.restore.compose import Photos, checked_background, from_enlarged, saved_photo
from dpi_core.restore.records import FaceJob, FaceResult, Preparation, Restoration
from dpi_core.restore.request import Request

POINTS = np.array([[202.5, 100.4], [246.8, 102.5], [226.0, 126.0], [206.0, 146.0], [243.0, 147.5]])  # the astronaut's


def prepared_from(source, scale=None, points=POINTS) -> Preparation:
    photo = read_photo(source)
    face = Face((180.0, 40.0, 270.0, 170.0), points, 1.0, "embedded")
    cut = crop_face(photo.rgb, points)
    job = FaceJob(0, face, cut.pixels, cut.matrix, torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 128, 128), None)
    return Preparation(photo, (face,), (job,), Request(scale=scale), "", (False,))


def result_of(prepared: Preparation, pixels: np.ndarray) -> FaceResult:
    job = prepared.jobs[0]
    return FaceResult(job, 0, Image.fromarray(pixels), Image.fromarray(job.crop), {}, {})


@pytest.fixture
def prepared() -> Preparation:
    return prepared_from(EXAMPLES / "astronaut.jpg")


@pytest.mark.parametrize("background", [1, 2, 3])
def test_an_unchanged_face_leaves_the_enlarged_photo_as_it_is(prepared, background):
    picture = Photos(prepared, [result_of(prepared, prepared.jobs[0].crop)], background)[0]
    assert np.array_equal(np.asarray(picture), enlarged(prepared.source, background).rgb)


@pytest.mark.parametrize("background", [1, 2])
def test_a_changed_face_stays_in_its_place(prepared, background):
    crop = prepared.jobs[0].crop
    other = np.ascontiguousarray(crop[:, ::-1])
    picture = np.asarray(Photos(prepared, [result_of(prepared, other)], background)[0]).astype(int)
    before = enlarged(prepared.source, background).rgb.astype(int)
    y, x = np.nonzero((picture != before).any(axis=2))
    x0, y0, x1, y1 = (v * background for v in (170, 40, 280, 185))
    assert x0 < x.min() < x.max() < x1
    assert y0 < y.min() < y.max() < y1
    for px, py in np.rint((POINTS + 0.5) * background - 0.5).astype(int):
        assert (picture[py - 3 : py + 4, px - 3 : px + 4] != before[py - 3 : py + 4, px - 3 : px + 4]).any()


@pytest.mark.parametrize("background", [1, 2, 4])
def test_the_matrix_from_the_enlarged_photo_leads_to_the_same_crop(prepared, background):
    matrix = prepared.jobs[0].matrix
    large = (POINTS + 0.5) * background - 0.5
    assert np.allclose(transform(large, from_enlarged(matrix, background)), transform(POINTS, matrix))


def test_colours_are_matched_to_the_photo(prepared):
    crop = prepared.jobs[0].crop
    tinted = np.clip(crop * np.array([1.15, 1.0, 0.8]), 0, 255).astype(np.uint8)
    picture = np.asarray(Photos(prepared, [result_of(prepared, tinted)])[0]).astype(int)
    error = np.abs(picture - prepared.photo)[60:160, 190:260].mean()
    assert error < 0.3 * np.abs(tinted.astype(int) - crop).mean()


def test_a_grey_photo_stays_grey():
    grey = Image.open(EXAMPLES / "astronaut.jpg").convert("L")
    prepared = prepared_from(grey)
    tinted = np.clip(prepared.jobs[0].crop * np.array([1.2, 1.0, 0.7]), 0, 255).astype(np.uint8)
    assert np.ptp(np.asarray(Photos(prepared, [result_of(prepared, tinted)])[0]), axis=2).max() == 0


@pytest.mark.parametrize("what", ["border", "logo"])
def test_a_grey_face_stays_grey_whatever_colours_surround_it(what):
    photo = np.array(Image.open(EXAMPLES / "astronaut.jpg").convert("L").convert("RGB"))[20:200, 160:290]
    if what == "border":
        photo = np.pad(photo, ((40, 40), (40, 40), (0, 0)))
        photo[:40], photo[-40:], photo[:, :40], photo[:, -40:] = [(220, 20, 20)] * 4
    else:
        photo[:18, :60] = (20, 60, 220)
    prepared = prepared_from(Image.fromarray(photo), points=POINTS - (160, 20) + (40 if what == "border" else 0))
    crop = prepared.jobs[0].crop
    tinted = np.clip(crop[:, ::-1, :1] * np.array([1.2, 1.0, 0.7]), 0, 255).astype(np.uint8)
    picture = np.asarray(Photos(prepared, [result_of(prepared, tinted)])[0]).astype(int)
    changed = (picture != photo).any(axis=2)
    assert changed.mean() > 0.1
    # Where the face's soft edge meets the colours themselves, they show through as before.
    grey = np.ptp(photo.astype(int), axis=2) == 0
    assert np.ptp(picture, axis=2)[changed & grey].max() <= 1


def test_a_coloured_face_in_a_grey_photo_keeps_its_colours():
    photo = np.array(Image.open(EXAMPLES / "astronaut.jpg").convert("RGB"))
    grey = np.repeat(np.asarray(Image.fromarray(photo).convert("L"))[..., None], 3, axis=2)
    grey[30:190, 160:290] = photo[30:190, 160:290]
    prepared = prepared_from(Image.fromarray(grey))
    picture = np.asarray(
        Photos(prepared, [result_of(prepared, np.ascontiguousarray(prepared.jobs[0].crop[:, ::-1]))])[0]
    )
    assert np.ptp(picture[100:150, 200:250], axis=2).mean() > 20


def test_photos_of_many_seeds_are_pasted_one_at_a_time(prepared, monkeypatch):
    asked: Counter[str] = Counter()
    for name in ("enlarged", "lettering_over", "paste_face"):
        real = getattr(compose, name)
        monkeypatch.setattr(compose, name, lambda *a, real=real, name=name, **o: asked.update([name]) or real(*a, **o))
    crop = prepared.jobs[0].crop
    results = [replace(result_of(prepared, np.roll(crop, seed, axis=1)), seed=seed) for seed in range(4)]
    photos = Photos(prepared, results, 2)
    done = Restoration(tuple(results), photos, prepared, True, 0.0, 2)
    assert (len(photos), asked) == (4, {"lettering_over": 4}), "nothing is pasted before it is asked for"
    alive = []
    for index, picture in enumerate(photos):
        alive.append(weakref.ref(picture))
        assert saved_photo(done, index).size == picture.size
        assert picture is photos[index]
    assert asked == {"lettering_over": 4, "paste_face": 4, "enlarged": 1}
    del picture
    assert [index for index, ref in enumerate(alive) if ref() is not None] == [3], "only the last one is kept"
    assert done.photo.tobytes() == Photos(prepared, results[:1], 2)[0].tobytes() != photos[-1].tobytes()
    assert [p.tobytes() for p in photos[1:3]] == [Photos(prepared, [r], 2)[0].tobytes() for r in results[1:3]]
    with pytest.raises(IndexError):
        photos[4]


def test_a_photo_that_would_become_too_large_says_so(prepared, monkeypatch):
    monkeypatch.setattr("dpi_core.restore.compose.MAX_PIXELS", 512 * 512 * 5)
    assert checked_background(2, prepared) == 2
    with pytest.raises(ValueError, match=r"512x512 would become 2 million pixels.*Use a smaller one"):
        checked_background(3, prepared)
    monkeypatch.setattr("dpi_core.restore.compose.MAX_PIXELS", 100)
    assert checked_background(1, prepared) == 1


@pytest.mark.parametrize("background", [1, 2])
def test_the_saved_photo_keeps_alpha_and_the_pixels_under_it(background):
    rgba = Image.open(EXAMPLES / "astronaut.jpg").convert("RGBA")
    alpha = np.tile(np.linspace(20, 255, 512).astype(np.uint8), (512, 1))
    rgba.putalpha(Image.fromarray(alpha))
    prepared = prepared_from(rgba)
    results = (result_of(prepared, 255 - prepared.jobs[0].crop),)
    photos = Photos(prepared, results, background)
    saved = saved_photo(Restoration(results, photos, prepared, True, 0.0, background))
    assert saved.mode == "RGBA"
    assert saved.size == (512 * background, 512 * background)
    large = enlarged(prepared.source, background)
    assert np.array_equal(np.asarray(saved)[..., 3], large.alpha)
    same = (np.asarray(photos[0]) == large.rgb).all(axis=2)
    assert 0.9 < same.mean() < 1
    assert np.array_equal(np.asarray(saved)[same][:, :3], large.own[same])


def test_the_face_of_an_aligned_picture_is_saved_as_it_is(prepared):
    job = FaceJob(0, None, prepared.jobs[0].crop, None, torch.zeros(1), torch.zeros(1), None)
    aligned = Preparation(prepared.source, (), (job,), Request(aligned=True), "")
    face = FaceResult(job, 0, Image.fromarray(job.crop), Image.fromarray(job.crop), {}, {})
    photos = Photos(aligned, [face])
    assert photos[0] is face.image
    assert saved_photo(Restoration((face,), photos, aligned, True, 0.0)) is face.image
