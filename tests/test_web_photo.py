"""A photo's faces are looked for once on a page, whatever the browser tells twice."""

import gradio as gr
import pytest

from dpi_core.web import events
from dpi_core.web.detected_faces import FoundFaces
from dpi_core.web.session import Session


@pytest.fixture
def looked(monkeypatch):
    photos = []

    def detect(photo, session, _prior):
        photos.append(photo)
        session.photo = None if photo == "broken.png" else photo
        return FoundFaces([], ["1: 64px"], [0], "1 face found.")

    monkeypatch.setattr(events, "detect", detect)
    return photos


def told(session, photos):
    """What each photo that the browser tells of changes last on the page."""
    looked_at = None
    for photo in photos:
        *_, last = events.on_photo("embedded", photo, session, looked_at)
        skipped = last[3] == gr.skip()
        looked_at = looked_at if skipped else last[3]
        yield last


def test_the_second_telling_changes_nothing(looked):
    first, second, other = told(Session(), ["a.png", "a.png", "b.png"])
    assert looked == ["a.png", "b.png"]
    assert first[2] == other[2] == "1 face found."
    assert all(change == gr.skip() for change in second)


def test_one_taken_away_or_not_readable_is_looked_at_again(looked):
    list(told(Session(), ["a.png", None, "a.png", "broken.png", "broken.png"]))
    assert looked == ["a.png", None, "a.png", "broken.png", "broken.png"]
