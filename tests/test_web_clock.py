"""A clock that is set forward or back by hours, while a page is open and runs wait: nothing is lost and nobody is sent away."""

import datetime
import os
import time

import gradio as gr
import pytest
from gradio import state_holder
from gradio.state_holder import StateHolder
from gradio_client import Client
from test_web_fair_queue import LONG, app  # noqa: F401

from dpi_core.web import fair_queue
from dpi_core.web.controls import build_controls
from dpi_core.web.guarded_blocks import GuardedBlocks
from dpi_core.web.keeping import FILES_EVERY, OldFiles
from dpi_core.web.session import KEEP_SECONDS, Session

HOURS = 5 * 3600.0
JUMPS = pytest.mark.parametrize("jump", [HOURS, -HOURS], ids=["forward", "back"])


def jump_by(monkeypatch, seconds: float) -> None:
    """Set the clock that may jump; the one that may not goes on."""
    real, date = time.time, datetime.datetime
    monkeypatch.setattr(time, "time", lambda: real() + seconds)

    class Jumped(date):
        @classmethod
        def now(cls, tz=None):
            return date.now(tz) + datetime.timedelta(seconds=seconds)

    monkeypatch.setattr(state_holder.datetime, "datetime", Jumped)


@pytest.fixture
def kept(tmp_path):
    """Blocks with three files: an upload, one that is touched, and one that always stays."""
    with GuardedBlocks(analytics_enabled=False) as blocks:
        shown = gr.Image()
    files = [tmp_path / name for name in ("upload", "touched", "example")]
    for file in files:
        file.write_bytes(b"")
        blocks.upload_file_set.add(str(file))
    shown.keep_in_cache.add(str(files[2]))
    return blocks, files


@JUMPS
def test_a_file_is_kept_for_an_hour_whatever_its_date(kept, monkeypatch, jump):
    blocks, (upload, touched, example) = kept
    old = OldFiles()
    old.sweep(blocks, 0.0)
    jump_by(monkeypatch, jump)
    os.utime(upload, (1, 1))  # another date, and for the clock of the disk the file has just been touched
    old.sweep(blocks, 10.0 + FILES_EVERY)
    old.sweep(blocks, KEEP_SECONDS)
    assert upload.exists()
    os.utime(touched)
    old.sweep(blocks, KEEP_SECONDS + 2 * FILES_EVERY)
    assert (upload.exists(), touched.exists(), example.exists()) == (False, True, True)
    assert str(upload) not in blocks.upload_file_set
    old.sweep(blocks, 3 * KEEP_SECONDS)
    assert (touched.exists(), example.exists()) == (False, True)


def test_files_are_looked_at_now_and_then_and_one_that_is_gone_is_no_matter(kept, monkeypatch):
    blocks, (upload, *_) = kept
    old = OldFiles()
    old.sweep(blocks, 0.0)
    upload.unlink()
    old.sweep(blocks, FILES_EVERY + 1)
    monkeypatch.setattr(os, "lstat", lambda file: pytest.fail(f"looked at {file}"))
    old.sweep(blocks, FILES_EVERY + 2)


@JUMPS
def test_a_page_keeps_what_the_server_knows_of_it(monkeypatch, jump):
    with GuardedBlocks(analytics_enabled=False) as blocks:
        state = build_controls().session
    holder = StateHolder()
    holder.set_blocks(blocks)
    holder["open"][state._id] = session = Session(photo="photo.png")
    jump_by(monkeypatch, jump)
    holder.delete_all_expired_state()
    assert holder["open"][state._id] is session


@JUMPS
def test_runs_that_wait_keep_their_places_and_are_served(app, monkeypatch, jump):  # noqa: F811
    monkeypatch.setattr(fair_queue, "EVERY", 0.02)
    app.go_on.set()
    assert Client(app.url, verbose=False).predict("timed", api_name="/run") == "timed done"
    app.go_on.clear()
    first, second = (Client(app.url, verbose=False).submit(name, api_name="/run") for name in ("first", "second"))
    app.until(lambda: len(app.began) == 2 and len(app.queue) == 1)
    jump_by(monkeypatch, jump)
    place = app.queue.last_place("models")
    assert place.before == 2
    assert 0 <= place.seconds < 60
    looked: list[float] = []  # when the queue had looked for runs that nobody listens to
    monkeypatch.setattr(app.queue, "_forget", looked.append)
    app.until(lambda: len(looked) > 3)
    assert app.closed == ["timed"]
    app.go_on.set()
    assert {first.result(timeout=LONG), second.result(timeout=LONG)} == {"first done", "second done"}
