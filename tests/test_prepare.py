import numpy as np
import pytest
import torch
from conftest import EXAMPLES
from PIL import Image

from dpi_core.faces.templates import TEMPLATES
from dpi_core.imaging.pictures import ImageError, read_image
from dpi_core.restore import prepare as module
from dpi_core.restore.records import NoFaceError, Preparation
from dpi_core.restore.request import Request

TIGHT = TEMPLATES["tight-128"]


def prepare(image, template, *, faces=None, **asked) -> Preparation:
    """With the fields of a request as arguments."""
    return module.prepare(image, template, Request().replaced(asked), faces=faces)


def test_a_low_resolution_face_is_upsampled_with_pixel_centres_aligned():
    # a horizontal ramp stays the same ramp: any shift would change its values
    ramp = np.repeat(np.linspace(40, 200, 16)[None, :, None], 16, axis=0).repeat(3, axis=2).astype(np.uint8)
    job = prepare(Image.fromarray(ramp), TIGHT, aligned=True).jobs[0]
    columns = job.condition[0, 0].mean(dim=0)
    expected = torch.linspace(40, 200, 16) / 127.5 - 1
    centres = columns.view(16, 8).mean(dim=1)
    assert (centres - expected)[1:-1].abs().max() < 0.01


@pytest.mark.parametrize(("face", "indices"), [(None, [0]), (1, [1]), ([1], [1]), ([1, 0], [1, 0]), ("all", [0, 1])])
def test_faces_are_chosen(astronaut, face, indices):
    photo = read_image(astronaut).crop((60, 0, 380, 260))
    pair = Image.new("RGB", (640, 260), "gray")
    pair.paste(photo, (0, 0))
    pair.paste(photo.resize((240, 195)), (360, 0))
    prepared = prepare(pair, TIGHT, face=face)
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


def test_all_leaves_the_sharp_faces_as_they_are(sharp_and_small):
    prepared = prepare(sharp_and_small, TIGHT, face="all")
    assert prepared.sharp == (True, False)
    assert [job.index for job in prepared.jobs] == [1]
    assert "Left as sharp as they are: 1 of 2 faces." in prepared.note
    again = {"faces": prepared.faces}
    both = prepare(sharp_and_small, TIGHT, face="all", include_sharp=True, **again)
    assert [job.index for job in both.jobs] == [0, 1]
    assert [job.index for job in prepare(sharp_and_small, TIGHT, face=0, **again).jobs] == [0], "a choice is a choice"
    with pytest.raises(ValueError, match="The only face is larger and sharper"):
        prepare(sharp_and_small, TIGHT, face="all", faces=prepared.faces[:1])


@pytest.mark.parametrize("size", [96, 128, 300])
def test_a_picture_that_is_aligned_already_is_used_whole(astronaut, size):
    job = prepare(astronaut, TIGHT).jobs[0]
    picture = Image.fromarray(job.crop).resize((size, size), Image.Resampling.BICUBIC)
    prepared = prepare(picture, TIGHT)
    assert "already sits where the prior expects it" in prepared.note
    assert "found by" in prepared.note
    forced = prepare(picture, TIGHT, aligned=True)
    assert np.array_equal(prepared.jobs[0].crop, forced.jobs[0].crop)
    assert "aligned again" not in prepare(astronaut, TIGHT).note


def test_known_faces_are_not_looked_for_again(astronaut, monkeypatch):
    faces = prepare(astronaut, TIGHT).faces

    def refuse(*_):
        raise AssertionError("looked again")

    monkeypatch.setattr("dpi_core.restore.prepare.find_faces", refuse)
    assert prepare(astronaut, TIGHT, faces=faces).faces == faces


def test_wrong_arguments_are_named(astronaut):
    with pytest.raises(ValueError, match=r"scale is 3; allowed is one of \(4, 8, 16\)"):
        prepare(astronaut, TIGHT, scale=3)
    with pytest.raises(ValueError, match=r"face is 7; allowed is 0 to 0"):
        prepare(astronaut, TIGHT, face=7)
    with pytest.raises(ValueError, match="detector"):
        prepare(astronaut, TIGHT, detector="magic")


def test_a_picture_without_a_face_says_so():
    flat = Image.new("RGB", (300, 200), (90, 120, 60))
    with pytest.raises(NoFaceError, match="No face was found in the picture of 300x200 pixels"):
        prepare(flat, TIGHT)
    with pytest.raises(ImageError, match="at least 8 a side"):
        prepare(Image.new("RGB", (1, 1)), TIGHT, aligned=True)


@pytest.mark.parametrize("name", ["empty", "text", "truncated"])
def test_unusable_files_end_in_a_message(bad_files, name):
    with pytest.raises(ImageError) as error:
        prepare(bad_files[name], TIGHT)
    assert bad_files[name].name in str(error.value)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "1"])
def test_every_kind_of_picture_can_be_restored(astronaut, mode):
    photo = Image.open(astronaut).convert("RGB").crop((60, 0, 380, 320))
    assert prepare(photo.convert(mode), TIGHT).faces


def test_every_example_shows_a_face():
    for path in sorted(EXAMPLES.glob("*.*g")):
        assert prepare(path, TIGHT).faces, path.name
