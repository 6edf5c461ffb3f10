"""The chain: every kind of image goes in, the right detector answers and says why; nothing is tried online."""

import subprocess
import sys

import numpy as np
import pytest
import skimage.data
from PIL import Image

from dpi_core.faces import Face, detect_faces, facealign, find_faces, five_points
from dpi_core.faces.face import largest_first, overlap, without_doubles, without_inner
from dpi_core.faces.rgb import to_rgb


@pytest.fixture(autouse=True)
def empty_caches(tmp_path, monkeypatch):
    monkeypatch.setenv("DPI_CORE_OFFLINE", "1")
    monkeypatch.setenv("DPI_CORE_CACHE", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))


@pytest.fixture(scope="module")
def portrait() -> Image.Image:
    return Image.fromarray(skimage.data.astronaut()).crop((120, 20, 330, 230))


def face(x: float, y: float, side: float, score: float = 0.9) -> Face:
    return Face((x, y, x + side, y + side), np.zeros((5, 2)), score, "embedded")


def test_offline_the_embedded_detector_answers_and_says_so(portrait):
    report = find_faces(portrait)
    assert report.detector_used == "embedded"
    assert len(report.faces) == 1
    assert "embedded" in report.note
    assert "face-alignment" in report.note
    assert "\n" not in report.note


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "I;16", "1"])
def test_any_mode_is_taken(portrait, mode):
    if mode == "I;16":
        image = Image.fromarray(np.asarray(portrait.convert("L")).astype(np.uint16) * 257)
    else:
        image = portrait.convert(mode)
    assert len(detect_faces(image, "embedded")) == 1 or mode == "1", "which leaves little of a face"


def test_sixteen_bits_keep_their_shades():
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(4, axis=0)
    assert np.array_equal(to_rgb(Image.fromarray(ramp))[0, :, 0], np.arange(256))


def test_arrays_are_taken_and_left_as_they_are(portrait):
    rgb = np.asarray(portrait)
    before = rgb.copy()
    points = detect_faces(rgb)[0].points
    assert np.array_equal(rgb, before)
    rgba = np.dstack([rgb, np.full(rgb.shape[:2], 9, np.uint8)])
    assert np.allclose(detect_faces(rgba)[0].points, points)
    assert len(detect_faces(np.asarray(portrait.convert("L")))) == 1


@pytest.mark.parametrize("array", [np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8), np.zeros(4, np.uint8)])
def test_other_arrays_are_refused(array):
    with pytest.raises(ValueError, match="image is"):
        detect_faces(array)


def test_no_face_is_an_empty_list():
    assert detect_faces(Image.new("RGB", (1, 1))) == []
    assert find_faces(Image.new("RGB", (90, 60), "teal")).note.startswith("No face")


def test_unknown_detector_names_itself_and_the_known_ones(portrait):
    with pytest.raises(ValueError, match=r"'dlib'.*auto, face-alignment, yunet, embedded"):
        detect_faces(portrait, "dlib")


def test_a_detector_that_cannot_be_had_is_an_error_in_one_line(portrait):
    with pytest.raises(ValueError, match="downloads are switched off") as error:
        detect_faces(portrait, "face-alignment")
    assert "\n" not in str(error.value)


def test_yunet_is_another_name_of_the_embedded_detector(portrait):
    named, embedded = find_faces(portrait, "yunet"), find_faces(portrait, "embedded")
    assert named.detector_used == embedded.detector_used == named.faces[0].detector == "embedded"
    assert np.array_equal(named.faces[0].points, embedded.faces[0].points)
    assert "YuNet" in named.note


def test_wrong_weights_are_never_loaded(tmp_path):
    folder = facealign.folder()
    folder.mkdir(parents=True)
    for file in facealign.DOWNLOADS:
        (folder / file.name).write_bytes(b"not the weights")
    assert not facealign.ready()


def test_five_points_from_sixty_eight():
    points = np.zeros((68, 2))
    points[36:42] = (10, 20)
    points[42:48] = (30, 21)
    points[30], points[48], points[54] = (20, 30), (12, 40), (28, 41)
    face68 = Face((0, 0, 1, 1), points, 1.0, "face-alignment")
    assert np.array_equal(five_points(face68), [(10, 20), (30, 21), (20, 30), (12, 40), (28, 41)])
    with pytest.raises(ValueError, match="points"):
        five_points(Face((0, 0, 1, 1), np.zeros((3, 2)), 1.0, "yunet"))


def test_largest_first_and_doubles():
    small, large, copy = face(0, 0, 10), face(50, 50, 30), face(2, 2, 9, 0.5)
    assert largest_first([small, large]) == [large, small]
    assert without_doubles([copy, large, small]) == [large, small]
    assert overlap(small, large) == 0
    assert overlap(large, large) == pytest.approx(1)


@pytest.mark.parametrize("score", [0.8, 0.95])
def test_a_face_inside_a_face_is_a_part_of_it_however_sure(score):
    outer, inner, twin = face(0, 0, 100, 0.88), face(40, 40, 20, score), face(120, 0, 20, 0.8)
    assert set(without_doubles([inner, outer, twin])) == {outer, twin}
    assert without_inner([outer, inner, twin]) == [outer, twin]


def test_a_weak_box_around_a_sure_face_is_no_face():
    around, sure = face(0, 0, 100, 0.72), face(40, 40, 20, 0.95)
    assert without_doubles([around, sure]) == [sure]


def test_a_second_find_of_nearly_the_same_size_goes_by_its_score():
    wide, tight = face(0, 0, 100, 0.85), face(10, 10, 80, 0.9)
    assert without_doubles([wide, tight]) == [tight]


def test_importing_the_package_loads_no_network():
    code = (
        "import sys, dpi_core.faces; print(sorted({'torch', 'skimage', 'face_alignment', 'gradio'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_only_a_server_starts_the_large_download_unasked(monkeypatch):
    from dpi_core.faces import detect, facealign

    started = []
    monkeypatch.setattr(detect, "offline", lambda: False)
    monkeypatch.setattr(detect, "fetching", lambda file, folder: started.append(file))
    monkeypatch.setattr(facealign, "ready", lambda: False)
    assert "asking for that detector fetches" in find_faces(Image.new("RGB", (90, 60), "teal")).note
    assert started == []
    detect.fetch_in_background()
    assert started == list(facealign.DOWNLOADS)
