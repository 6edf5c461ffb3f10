"""The "A/B" tab: two settings on one seed. Photo, face, mode and seed are the page's own."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from html import escape
from pathlib import Path

import gradio as gr

from dpi_core.config import DPIConfig
from dpi_core.presets import DEFAULT_PRESET, PRESETS
from dpi_core.ui.ab import AbOutcome, ab_plan, in_words, run_ab
from dpi_core.ui.controls import QUIET, Controls
from dpi_core.ui.engine import Engine
from dpi_core.ui.events import FIELDS, on_start, on_stop
from dpi_core.ui.live import render_message
from dpi_core.ui.session import KEEP_SECONDS, Session

FIRST = {"A": "published", "B": DEFAULT_PRESET}
TAKEN = "taken"
SCRIPT = Path(__file__).with_name("ab.js")


def ab_tab(engine: Engine, controls: Controls) -> None:
    """Build the tab over the page's shared controls."""
    with gr.Row():
        sides = {name: _side(name) for name in FIRST}
    stored = [sides[name][0] for name in FIRST]
    with gr.Row(elem_classes="dpi-buttons"):
        go = gr.Button("Run A and B", variant="primary", elem_id="ab-run")
        stop = gr.Button("Stop", variant="stop", visible=False, elem_id="ab-stop")
    plan = gr.HTML(ab_plan(engine, *(state.value for state in stored)), elem_id="ab-plan")
    view = gr.HTML(
        render_message("The same photo, face and seed with two settings. Choose a photo and press “Run A and B”."),
        elem_id="ab-view",
        js_on_load=SCRIPT.read_text(),
    )
    summary = gr.HTML(elem_id="ab-summary")
    files = gr.File(
        label="Download: both results and their figures",
        visible=False,
        elem_id="ab-files",
        file_count="multiple",
        interactive=False,
    )

    c, values = controls, list(controls.settings.values())
    for name, (state, preset, words, take) in sides.items():
        preset.input(partial(on_choice, name), [preset, *values], [state, preset, words], queue=False, **QUIET).then(
            partial(ab_plan, engine), stored, plan, queue=False, **QUIET
        )
        take.click(partial(on_take, name), values, [state, preset, words], queue=False, **QUIET).then(
            partial(ab_plan, engine), stored, plan, queue=False, **QUIET
        )
    stop.click(on_stop, [c.session], [stop], queue=False, **QUIET)
    go.click(on_start, [c.session], [go, stop], queue=False, **QUIET).then(
        partial(on_ab, engine),
        [c.session, c.photo, c.mode, c.aligned, c.seed, *stored],
        [view, summary, files, go, stop],
        concurrency_limit=1,
        concurrency_id="models",
        **QUIET,
    )


def _side(name: str) -> tuple[gr.State, gr.Dropdown, gr.HTML, gr.Button]:
    config, small = PRESETS[FIRST[name]][0], name.lower()
    with gr.Column(min_width=240):
        state = gr.State(asdict(config), time_to_live=KEEP_SECONDS)
        preset = gr.Dropdown(
            [*((f"Preset {preset}", preset) for preset in PRESETS), ("The page's settings, as taken", TAKEN)],
            value=FIRST[name],
            label=f"{name} is",
            elem_id=f"ab-preset-{small}",
        )
        take = gr.Button(f"Take the page's settings as {name}", elem_id=f"ab-take-{small}", size="sm")
        words = gr.HTML(words_html(config), elem_id=f"ab-words-{small}")
    return state, preset, words, take


def words_html(config: DPIConfig) -> str:
    """A side's settings in words."""
    return f'<p class="dpi-plan" role="status">{escape(in_words(config))}</p>'


def on_choice(name: str, choice: str, *values) -> tuple:
    """A preset was chosen for a side, or the page's settings."""
    if choice not in PRESETS:
        return on_take(name, *values)
    config = PRESETS[choice][0]
    return asdict(config), choice, words_html(config)


def on_take(name: str, *values) -> tuple:
    """A side takes the page's settings as they are now."""
    try:
        config = DPIConfig.from_dict(dict(zip(FIELDS, values, strict=True)))
    except ValueError as error:
        return gr.skip(), gr.skip(), render_message(f"{name} stays as it was: {error}", "error")
    preset = next((known for known, (setting, _) in PRESETS.items() if setting == config), TAKEN)
    return asdict(config), preset, words_html(config)


def on_ab(engine: Engine, session: Session, photo, mode, aligned, seed, a: dict, b: dict) -> Iterator[tuple]:
    """Stream both runs to the view, and at their end to summary and files."""
    skip = gr.skip()
    for item in run_ab(engine, session, photo, mode, aligned, seed, a, b):
        if isinstance(item, AbOutcome):
            yield item.html, item.summary, gr.File(item.files, visible=True), skip, skip
        else:
            yield item, skip, skip, skip, skip
    yield skip, skip, skip, gr.Button(interactive=True), gr.Button(visible=False)
