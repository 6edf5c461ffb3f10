"""An open page keeps its files; sessions that nobody uses are dropped, with what they hold."""

import gc
import os

import gradio as gr
import pytest
import requests
from gradio.state_holder import StateHolder

from dpi_core.web import keeping
from dpi_core.web.guarded_blocks import GuardedBlocks
from dpi_core.web.keeping import CLOSED_SECONDS, Forgetting, touch_files
from dpi_core.web.session import KEEP_SECONDS, Session

SHORT = 60.0


@pytest.fixture
def page():
    with GuardedBlocks(analytics_enabled=False) as page:
        state = gr.State(Session(), time_to_live=KEEP_SECONDS)
        gr.Button().click(lambda _: None, state, None)
    return page


@pytest.fixture
def holder(page):
    holder = StateHolder()
    holder.set_blocks(page)
    return holder


def sweep(forgetting, holder, now, busy=()):
    forgetting.sweep(holder, busy, "nameless-", SHORT, now)
    return set(holder.session_data)


def test_what_is_idle_goes_and_what_is_used_stays(holder):
    forgetting, every = Forgetting(), {"open", "closed", "nameless-1"}
    for session in every:
        assert holder[session]
    holder.session_data["closed"].is_closed = True
    assert sweep(forgetting, holder, 0.0) == every
    assert sweep(forgetting, holder, SHORT) == every
    assert sweep(forgetting, holder, SHORT + 1) == {"open", "closed"}
    assert holder["open"]  # a tick of the page
    assert sweep(forgetting, holder, CLOSED_SECONDS + 1) == {"open"}
    assert sweep(forgetting, holder, KEEP_SECONDS + 1) == {"open"}
    assert sweep(forgetting, holder, CLOSED_SECONDS + KEEP_SECONDS + 2) == set()


def test_a_session_with_a_run_is_not_idle(holder):
    forgetting = Forgetting()
    assert holder["nameless-1"]
    for now in (0.0, 100.0, 200.0):
        assert sweep(forgetting, holder, now, busy={"nameless-1"}) == {"nameless-1"}
    assert sweep(forgetting, holder, 200.0 + SHORT + 1) == set()


def test_what_a_session_holds_goes_with_it(page, holder):
    forgetting = Forgetting()
    (state,) = (block for block in page.blocks.values() if isinstance(block, gr.State))
    folder = holder["nameless-1"][state._id].results_folder()
    assert folder.is_dir()
    sweep(forgetting, holder, 0.0)
    assert sweep(forgetting, holder, SHORT + 1) == set()
    gc.collect()
    assert not folder.exists()


def test_a_page_loaded_again_keeps_what_the_one_before_held(page, holder):
    forgetting = Forgetting()
    (state,) = (block for block in page.blocks.values() if isinstance(block, gr.State))
    session = holder["closed"][state._id]
    folder = session.results_folder()
    holder["open"][state._id] = session
    holder.session_data["closed"].is_closed = True
    sweep(forgetting, holder, 0.0)
    assert sweep(forgetting, holder, CLOSED_SECONDS + 1) == {"open"}
    gc.collect()
    assert folder.is_dir()


def test_what_a_page_shows_is_made_young_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    shown, other = tmp_path / "uploads" / "a" / "shown.png", tmp_path / "other.png"
    for path in (shown, other):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        os.utime(path, (1, 1))
    values = [{"path": str(path)} for path in (shown, other, shown.with_name("gone.png"), "shown.png")]
    touch_files(
        {1: {"props": {"value": values[0]}}, 2: {"props": {"value": [{"image": value} for value in values[1:]]}}}
    )
    assert shown.stat().st_mtime > 1
    assert other.stat().st_mtime == 1


def test_the_page_says_that_it_is_open(app_url, monkeypatch):
    touched = []
    monkeypatch.setattr(keeping, "touch_files", lambda values: touched.append(len(values)))
    config = requests.get(f"{app_url}config", timeout=30).json()
    timers = {
        c["id"] for c in config["components"] if c["type"] == "timer" and c["props"]["value"] == keeping.TOLD_EVERY
    }
    (event,) = (e for e in config["dependencies"] if timers & {target[0] for target in e["targets"]})
    call = {"data": [], "fn_index": event["id"], "session_hash": "open"}
    assert requests.post(f"{app_url}gradio_api/run/predict", json=call, timeout=30).ok
    assert touched
    assert touched[0] > 10
