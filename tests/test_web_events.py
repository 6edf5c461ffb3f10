import json
from dataclasses import asdict

import gradio as gr

from dpi_core.models.presets import presets_for
from dpi_core.restore.request import Request
from dpi_core.web.controls import build_controls
from dpi_core.web.events import FIELDS, on_load_settings
from dpi_core.web.preset_choice import CUSTOM, on_follow
from dpi_core.web.running import giving_back
from dpi_core.web.session import Session


def test_the_last_row_of_a_run_comes_once_more_with_the_buttons():
    rows = list(giving_back(iter([{"view": 1}, {"view": 2, "file": 3}]), {"go": "free"}))
    assert rows == [{"view": 1}, {"view": 2, "file": 3}, {"view": 2, "file": 3, "go": "free"}]


def test_a_row_is_passed_on_before_the_next_is_made():
    made = []

    def slow():
        for i in range(3):
            made.append(i)
            yield {"view": i}

    assert next(giving_back(slow(), {})) == {"view": 0}
    assert made == [0]


def test_a_file_that_names_a_method_chooses_it(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(Request(seeds=(3,), scale=8, method="ddnm").to_dict()))
    found, line = on_load_settings(str(path))
    assert (found["method"], found["mode"], found["seed"]) == ("ddnm", "Simulate x8", 3)
    assert "made by the method ddnm" in line
    path.write_text("{}")
    found, line = on_load_settings(str(path))
    assert found == {}
    assert 'role="alert"' in line


def test_the_preset_is_the_one_that_the_settings_are():
    table = presets_for("embedded")
    heavy = [getattr(table["heavy"].config, field) for field in FIELDS]
    assert on_follow(table, None, *heavy).value == "heavy"
    moved = [999 if field == "tau" else value for field, value in zip(FIELDS, heavy, strict=True)]
    assert (on_follow(table, None, *moved).value, on_follow(table, None, *moved).info) == (None, CUSTOM)


def test_auto_is_left_by_settings_that_are_brought_and_stays_where_they_are_refused():
    with gr.Blocks():
        controls = build_controls()
    visitor = Session()
    assert controls.brought(visitor, {}) == {}
    assert visitor.automatic is None
    updates = controls.brought(visitor, asdict(presets_for("embedded")["heavy"].config))
    assert updates[controls.preset].value == "heavy"
    assert set(updates) == {controls.preset, *controls.settings.values()}
    assert visitor.automatic is False
