"""The face that comes first: which it is, in words, and what the stage shows of it before it is run."""

import numpy as np
import pytest
from conftest import EXAMPLES
from page_runs import drain, making
from pictures import group
from PIL import Image

from dpi_core.faces.face import DetectionReport, Face, largest_first
from dpi_core.restore.records import Preparation
from dpi_core.restore.request import Request
from dpi_core.web.chosen_face import _line, before_run, which_face
from dpi_core.web.detected_faces import detect
from dpi_core.web.session import Session
from dpi_core.web.stage_data import decoded

PHOTO = str(EXAMPLES / "astronaut-tiny.png")


def looked_at(photo) -> Session:
    session = Session()
    detect(str(photo), session)
    return session


def test_without_a_photo_it_asks_for_one():
    assert before_run(Session(), making(None))["state"] == "empty"


@pytest.mark.parametrize("mode", ["The photo as it is", "Simulate x8"])
@pytest.mark.parametrize("aligned", [False, True])
def test_the_picture_is_the_input_that_the_run_will_show(engine, mode, aligned):
    session = looked_at(PHOTO)
    before = before_run(session, making(PHOTO, mode=mode, aligned=aligned))
    outcome = drain(engine, session, PHOTO, mode=mode, aligned=aligned)[-1]
    pictures = outcome.stage["pieces"][0]["pictures"]
    assert before["state"] == "ready"
    shown, ran = (np.asarray(decoded(uri).resize((128, 128)), float) for uri in (before["picture"], pictures["input"]))
    assert np.abs(shown - ran).mean() < 2.5  # of 255; a JPEG against a PNG
    assert ("reduce" in before["line"]) == (mode != "The photo as it is")
    assert ("aligned" in before["line"]) == aligned


def test_of_several_faces_the_largest_that_is_ticked_is_shown(engine, tmp_path):
    photo = group(tmp_path / "group.png")
    session = looked_at(photo)
    shown = {}
    for ticked in [(0, 1, 2), (1, 2), (2,)]:
        before = before_run(session, making(photo, chosen=ticked))
        assert before["name"] == f"input: face {ticked[0] + 1} of 3"
        count = "all" if len(ticked) == 3 else len(ticked)
        assert f"3 faces found, {count} ticked. Press Restore" in before["line"]
        shown[ticked] = before["picture"]
    assert len(set(shown.values())) == 3
    line = before_run(session, making(photo, chosen=()))["line"]
    assert "none ticked" in line
    assert "sharp" not in line
    assert which_face(session, [0, 1, 2], False) == "Face 1 of 3, the largest ticked. "
    assert which_face(session, [2, 1], False) == "Face 2 of 3, the largest ticked. "
    assert which_face(session, [2], False) == "Face 3 of 3, the one ticked. "
    assert which_face(session, [], False) == "Face 1 of 3, the largest. "
    assert which_face(session, [0], True) == which_face(looked_at(PHOTO), [0], False) == ""


def test_a_photo_without_a_face_is_shown_itself_and_one_that_cannot_be_read_is_not(tmp_path, bad_files):
    plain = tmp_path / "plain.png"
    Image.new("RGB", (900, 600), "teal").save(plain)
    session = looked_at(plain)
    before = before_run(session, making(plain))
    assert (before["state"], before["name"]) == ("empty", "photo")
    assert before_run(session, making(plain, aligned=True))["state"] == "ready"
    for path in bad_files.values():
        for aligned in (False, True):
            before = before_run(looked_at(path), making(path, aligned=aligned))
            assert before["state"] == "empty"
            assert "picture" not in before


def test_where_all_faces_are_sharp_the_stage_says_why_none_is_ticked():
    request = Request(face="all")
    prepared = Preparation(None, (None, None), (), request, "", (True, True))
    assert "2 faces found, sharp already (a restoration would only lose), so none ticked" in _line(request, prepared)


def test_the_size_of_a_face_on_the_page_is_the_one_they_are_sorted_by(monkeypatch):
    boxes = [(0, 0, 93, 120), (100, 0, 200, 110), (0, 130, 86, 230)]
    faces = largest_first([Face(box, np.zeros((5, 2)), 1.0, "yunet") for box in boxes])
    monkeypatch.setattr("dpi_core.faces.find_faces", lambda *_: DetectionReport(faces, "yunet", ""))
    monkeypatch.setattr("dpi_core.faces.is_sharp", lambda *_: False)
    sizes = [int(line.split()[1].removesuffix("px")) for line in detect(PHOTO, Session()).lines]
    assert len(sizes) == 3
    assert sizes == sorted(sizes, reverse=True)
