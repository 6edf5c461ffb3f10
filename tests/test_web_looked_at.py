"""What the page keeps of a photo before its run: decoded once, one at a time, and never the photo itself."""

import threading
import time
from dataclasses import asdict

import numpy as np
import pytest
import torch
from conftest import EXAMPLES
from page_runs import making
from pictures import group
from PIL import Image

from dpi_core.faces.templates import template_for
from dpi_core.imaging import pictures
from dpi_core.models.presets import AUTOMATIC, find_preset
from dpi_core.restore.prepare import prepare
from dpi_core.web import looked_at
from dpi_core.web.auto_settings import choice_for
from dpi_core.web.chosen_face import before_run
from dpi_core.web.detected_faces import detect
from dpi_core.web.lent_restorer import pack
from dpi_core.web.looked_at import cut_out
from dpi_core.web.session import Session

PHOTO = str(EXAMPLES / "astronaut-tiny.png")
AS_IT_IS, REDUCED = "The photo as it is", "Simulate x8"


@pytest.fixture
def decodes(monkeypatch):
    """The decodings so far, each with how many there were at that moment."""
    found, now, real = [], [0], pictures._decoded

    def counted(*asked):
        now[0] += 1
        found.append(now[0])
        time.sleep(0.02)
        picture = real(*asked)
        now[0] -= 1
        return picture

    monkeypatch.setattr(pictures, "_decoded", counted)
    return found


def chosen_by_auto(engine, session, photo, mode, ticked):
    start = asdict(find_preset("medium").config)
    others = {"photo": str(photo), "mode": mode, "aligned": False, "chosen": ticked, "background": 0, "seed": 0}
    return choice_for(engine, session, {**start, **others, "method": "dpi", "preset": AUTOMATIC})


def test_a_photo_is_decoded_once_for_all_that_is_told_of_it(engine, tmp_path, decodes):
    photo, session = group(tmp_path / "group.png"), Session()
    assert len(detect(str(photo), session).thumbnails) == 3
    shown = set()
    for mode in (AS_IT_IS, REDUCED, AS_IT_IS):
        assert chosen_by_auto(engine, session, photo, mode, session.chosen) is not None
        shown.add(before_run(session, making(photo, mode=mode, chosen=tuple(session.chosen)))["picture"])
    assert (len(decodes), len(shown)) == (1, 2)
    for mode in (AS_IT_IS, REDUCED):
        before_run(session, making(photo, mode=mode, chosen=(2,)))
        chosen_by_auto(engine, session, photo, mode, [2])
    assert len(decodes) == 2, "another face is cut out of the photo once"


def test_a_photo_without_a_face_is_decoded_once_too(tmp_path, decodes):
    Image.new("RGB", (900, 600), "teal").save(tmp_path / "plain.png")
    photo, session = tmp_path / "plain.png", Session()
    detect(str(photo), session)
    for mode in (AS_IT_IS, REDUCED):
        assert before_run(session, making(photo, mode=mode))["name"] == "photo"
    assert len(decodes) == 1


def test_photos_are_decoded_one_at_a_time(engine, decodes):
    def visit(mode):
        session = Session()
        detect(PHOTO, session)
        before_run(session, making(PHOTO, aligned=True))
        before_run(Session(photo=PHOTO, faces=[]), making(PHOTO))
        chosen_by_auto(engine, Session(), PHOTO, mode, [])

    visits = [threading.Thread(target=visit, args=(mode,)) for mode in (AS_IT_IS, REDUCED, AS_IT_IS)]
    for thread in visits:
        thread.start()
    for thread in visits:
        thread.join()
    assert len(decodes) == 12
    assert set(decodes) == {1}
    assert not looked_at.ONE_AT_A_TIME.locked()


@pytest.mark.parametrize("scale", [None, 8])
@pytest.mark.parametrize("aligned", [False, True])
def test_the_cut_out_is_what_a_run_cuts_out(scale, aligned):
    session = Session()
    detect(PHOTO, session)
    made = making(PHOTO, mode=AS_IT_IS if scale is None else REDUCED, aligned=aligned, chosen=(0,))
    found = cut_out(session, made).prepared
    expected = prepare(PHOTO, template_for("embedded"), made.request, faces=session.faces)
    (job,), (other,) = found.jobs, expected.jobs
    for name in ("low_res", "condition"):
        assert torch.equal(getattr(job, name), getattr(other, name))
    assert (job.truth is None) == (other.truth is None) == (scale is None)
    assert np.array_equal(job.crop, other.crop)
    assert (job.doubled, job.soft, job.index) == (other.doubled, other.soft, other.index)
    assert (found.scale, found.note, len(found.faces)) == (expected.scale, expected.note, len(expected.faces))


def test_nothing_as_large_as_the_photo_stays(tmp_path):
    photo = Image.open(PHOTO).resize((2000, 2000), Image.Resampling.BICUBIC)
    photo.save(tmp_path / "large.png")
    session = Session()
    detect(str(tmp_path / "large.png"), session)
    before_run(session, making(tmp_path / "large.png", chosen=(0,)))
    assert session.cut is not None
    assert len(pack(session.cut)) < 2_000_000 < photo.width * photo.height * 3
    Image.new("RGB", (3000, 2000), "teal").save(tmp_path / "plain.png")
    detect(str(tmp_path / "plain.png"), session)
    assert session.cut is None
    assert max(session.small[1].size) == looked_at.SIDE
