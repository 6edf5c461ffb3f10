"""The "A/B" tab: two settings or two priors on one seed. Photo, face, mode and seed are the page's own."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from html import escape

import gradio as gr

from dpi_core.errors import DPIError
from dpi_core.method.config import DPIConfig
from dpi_core.models.presets import DEFAULT_PRESET, NAMES, presets_for
from dpi_core.web.ab_outcome import AbOutcome
from dpi_core.web.ab_run import run_ab
from dpi_core.web.ab_settings import ab_plan, in_words, read_stored, stored
from dpi_core.web.controls import QUIET, Controls, Plan, View
from dpi_core.web.engine import Engine
from dpi_core.web.events import FIELDS, giving_back
from dpi_core.web.links import Linked, text_that
from dpi_core.web.live import render_message
from dpi_core.web.running import connect_run, downloads, keep_told, run_buttons
from dpi_core.web.wipe import SCRIPT

FIRST = {"A": "published", "B": DEFAULT_PRESET}
TAKEN = "taken"


@dataclass(frozen=True)
class SideControls:
    """The components of a side; `held` keeps its settings as `ab_settings.stored` writes them."""

    preset: gr.Dropdown
    prior: gr.Dropdown
    take: gr.Button
    words: gr.HTML
    held: gr.Textbox


def ab_tab(engine: Engine, controls: Controls) -> View:
    """Build the tab over the page's shared controls."""
    with gr.Row():
        sides = {name: _side(engine, name) for name in FIRST}
    asked = [component for side in sides.values() for component in (side.held, side.prior)]
    go, stop = run_buttons("Run A and B", "ab-")
    plan = gr.HTML(on_plan(engine, *(component.value for component in asked)), elem_id="ab-plan")
    view = gr.HTML(
        render_message(
            "The same photo, face and seed with two settings or two priors. Choose a photo and press “Run A and B”."
        ),
        elem_id="ab-view",
        js_on_load=SCRIPT.read_text(),
    )
    summary = gr.HTML(elem_id="ab-summary")
    files = downloads("Download: both results and their figures", "ab-files")

    c, values = controls, list(controls.settings.values())
    for name, side in sides.items():
        taken = [side.held, side.words]
        side.preset.input(partial(on_choice, name), [side.preset, side.prior, *values], taken, queue=False, **QUIET)
        side.take.click(partial(on_take, name), [side.prior, *values], taken, queue=False, **QUIET)
        gr.on(
            [side.held.change, side.prior.change],
            partial(on_held, engine, name),
            [side.held, side.prior],
            [side.preset, side.words],
            queue=False,
            trigger_mode="always_last",
            **QUIET,
        )
    told = Plan(partial(on_plan, engine), asked, plan)
    keep_told(told)
    run = partial(on_ab, engine)
    ran = connect_run(
        go, stop, c.session, run, [c.photo, c.mode, c.aligned, c.seed, *asked], [view, summary, files], plan
    )
    ran.then(told.make, asked, plan, queue=False, **QUIET)
    own = engine.settings.prior
    linked = [
        *(Linked(name.lower(), side.held, text_that(partial(read_stored, prior=own))) for name, side in sides.items()),
        *(Linked(f"prior_{n.lower()}", s.prior, text_that(engine.checked_prior)) for n, s in sides.items()),
    ]
    return View(linked, told)


def _side(engine: Engine, name: str) -> SideControls:
    small, own = name.lower(), engine.settings.prior
    config = read_stored(FIRST[name], own)
    text = stored(config, own)
    names = list(dict.fromkeys([*presets_for("embedded"), *presets_for("")]))
    with gr.Column(min_width=240):
        preset = gr.Dropdown(
            [*((f"Preset {preset}", preset) for preset in names), ("The page's settings, as taken", TAKEN)],
            value=text,
            label=f"{name} is",
            elem_id=f"ab-preset-{small}",
        )
        prior = gr.Dropdown(
            list(engine.priors),
            value=own,
            label=f"with the prior (for {name})",
            info="Or a folder, or a model of the hub" if engine.settings.any_prior else None,
            allow_custom_value=engine.settings.any_prior,
            elem_id=f"ab-prior-{small}",
        )
        take = gr.Button(f"Take the page's settings as {name}", elem_id=f"ab-take-{small}", size="sm")
        words = gr.HTML(words_html(config), elem_id=f"ab-words-{small}")
        held = gr.Textbox(text, label=f"Settings of {name}", visible="hidden", elem_id=f"ab-held-{small}")
    return SideControls(preset, prior, take, words, held)


def words_html(config: DPIConfig) -> str:
    """Say a side's settings in words, as HTML."""
    return f'<p class="dpi-plan" role="status">{escape(in_words(config))}</p>'


def on_choice(name: str, choice: str, prior: str, *values) -> tuple:
    """Answer the choice of a preset, or of the page's settings, for a side: what the side holds now, and its words."""
    return (choice, gr.skip()) if choice in NAMES else on_take(name, prior, *values)


def on_take(name: str, prior: str, *values) -> tuple:
    """Let a side take the page's settings as they are now: what it holds, and its words."""
    try:
        config = DPIConfig.from_dict(dict(zip(FIELDS, values, strict=True)))
    except DPIError as error:
        return gr.skip(), render_message(f"{name} stays as it was: {error}", "error")
    return stored(config, prior), words_html(config)


def on_held(engine: Engine, name: str, held: str, prior: str) -> tuple:
    """Answer a change of a side's settings or its prior: its preset and its words."""
    try:
        config = read_stored(held, engine.checked_prior(prior))
    except DPIError as error:
        return gr.skip(), render_message(f"{name}: {error}", "error")
    return (TAKEN if held.startswith("{") else held), words_html(config)


def on_plan(engine: Engine, *asked) -> str:
    """Say what A and B differ in, and what they cost."""
    try:
        a, b = _settings(engine, *asked)
    except DPIError as error:
        return render_message(str(error), "error")
    return ab_plan(engine, a, b, asked[1::2])


def _settings(engine: Engine, held_a: str, prior_a: str, held_b: str, prior_b: str) -> list[dict]:
    pairs = ((held_a, prior_a), (held_b, prior_b))
    return [asdict(read_stored(held, engine.checked_prior(prior))) for held, prior in pairs]


def on_ab(engine: Engine, session, photo, mode, aligned, seed, *asked) -> Iterator[tuple]:
    """Stream both runs to the view, and at their end to summary and files."""
    yield from giving_back(_rows(engine, session, photo, mode, aligned, seed, *asked))


def _rows(engine: Engine, session, photo, mode, aligned, seed, *asked) -> Iterator[tuple]:
    skip = gr.skip()
    try:
        a, b = _settings(engine, *asked)
    except DPIError as error:
        yield render_message(str(error), "error"), skip, skip
        return
    for item in run_ab(engine, session, photo, mode, aligned, seed, a, b, asked[1::2]):
        if isinstance(item, AbOutcome):
            yield item.html, item.summary, gr.File(item.files, visible=True)
        else:
            yield item, skip, skip
