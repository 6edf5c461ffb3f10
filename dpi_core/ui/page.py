"""The page: what stands where, and which event calls what."""

from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.themes import Base, Default

from dpi_core.config import MAX_SPARSITY, MAX_STEPS, MAX_TAU
from dpi_core.presets import DEFAULT_PRESET, PRESETS
from dpi_core.ui import api
from dpi_core.ui.engine import Engine
from dpi_core.ui.events import (
    FIELDS,
    MAX_PAGE_SEED,
    on_dice,
    on_face,
    on_photo,
    on_preset,
    on_run,
    on_settings,
    on_start,
    on_stop,
    plan_html,
    preset_text,
)
from dpi_core.ui.live import render_live, render_message
from dpi_core.ui.photo import photo_input
from dpi_core.ui.restore import MODES
from dpi_core.ui.session import KEEP_SECONDS, Session
from dpi_core.weights import ASSETS

TITLE = "Face super-resolution by Diffusion Prior Interpolation"
INTRO = (
    "A face prior is steered by a masked low-resolution condition in two stages: **FCM** (fixed condition mask) keeps the "
    "result consistent, then **RACM** (randomly adaptive condition mask) brings detail and variety."
)
ETHICS = (
    "The result is a *plausible* face computed from a prior, not a recovered one: it is no evidence of anybody's identity. "
    "Photos and results stay on this server for about an hour and are shown to nobody else. Embedded models: "
    "non-commercial research."
)
SHOW_LIVE_VIEW = """(session) => {
  const live = document.querySelector("#live");
  if (live && window.innerWidth < 800) live.scrollIntoView({behavior: "smooth", block: "start"});
  return [session];
}"""
STYLE = Path(__file__).with_name("style.css")


def build_page(engine: Engine) -> gr.Blocks:
    """The page and its HTTP endpoints over `engine`'s models."""
    start = PRESETS[DEFAULT_PRESET][0]
    with gr.Blocks(title=TITLE, delete_cache=(KEEP_SECONDS // 4, KEEP_SECONDS)) as page:
        session = gr.State(Session(), time_to_live=KEEP_SECONDS, delete_callback=Session.clean)
        gr.Markdown(f"# {TITLE}\n{INTRO}")
        with gr.Row():
            with gr.Column(scale=4, min_width=320):
                photo = photo_input(
                    label="Photo",
                    sources=["upload", "clipboard", "webcam"],
                    height=300,
                    elem_id="photo",
                )
                gr.Examples(example_photos(), inputs=photo, label="Examples (public domain)", elem_id="examples")
                faces = gr.Gallery(
                    label="Face to restore",
                    columns=6,
                    fit_columns=False,
                    object_fit="cover",
                    height="auto",
                    allow_preview=False,
                    visible=False,
                    elem_id="faces",
                    show_label=True,
                    buttons=[],
                )
                every_face = gr.Checkbox(label="Restore all faces", value=False, visible=False)
                mode = gr.Radio(
                    list(MODES),
                    value="The photo as it is",
                    label="Mode",
                    elem_id="mode",
                    info="A simulation reduces the face first, so that the result can be compared with the truth.",
                )
                with gr.Row(elem_classes="dpi-buttons"):
                    go = gr.Button("Restore", variant="primary", elem_id="run")
                    stop = gr.Button("Stop", variant="stop", visible=False, elem_id="stop")
                preset = gr.Radio(
                    [(name.capitalize(), name) for name in PRESETS],
                    value=DEFAULT_PRESET,
                    label="Preset",
                    info=preset_text(DEFAULT_PRESET),
                    elem_id="preset",
                )
                tau = gr.Slider(
                    0,
                    MAX_TAU,
                    start.tau,
                    step=10,
                    label="Stage split tau",
                    elem_id="tau",
                    info="FCM while t > tau, RACM below. Higher: more freedom for the prior. 0: FCM to the end.",
                )
                sparsity = gr.Slider(
                    1,
                    MAX_SPARSITY,
                    start.sparsity,
                    step=1,
                    label="Mask sparsity k",
                    elem_id="sparsity",
                    info="One condition pixel in every k x k. Higher: fewer pixels held; above 2 the likeness is lost.",
                )
                with gr.Row(equal_height=True):
                    seed = gr.Number(
                        0,
                        label="Seed",
                        precision=0,
                        minimum=0,
                        maximum=MAX_PAGE_SEED,
                        elem_id="seed",
                        scale=3,
                        info="The same seed and settings give the same face.",
                    )
                    dice = gr.Button("🎲 New seed", elem_id="dice", scale=1, min_width=110)
                with gr.Accordion("Advanced", open=False):
                    aligned = gr.Checkbox(
                        label="The picture is an already aligned face crop",
                        value=False,
                        elem_id="aligned",
                        info="Its central square is used whole; no face is looked for.",
                    )
                    steps = gr.Slider(
                        1,
                        250,
                        start.steps,
                        step=1,
                        label="Steps",
                        elem_id="steps",
                        info=f"Denoising steps; the API takes up to {MAX_STEPS}.",
                    )
                    exponent = gr.Slider(
                        0.1,
                        10,
                        start.edge_exponent,
                        step=0.1,
                        label="Edge exponent s",
                        info="RACM keeps an edge pixel with probability edge^s. Higher: only the strongest edges.",
                    )
                    omega = gr.Slider(
                        250,
                        5000,
                        start.omega,
                        step=50,
                        label="Condition weight omega",
                        info="In RACM the condition weighs t / omega. Higher: trust the prior more.",
                    )
                    eta = gr.Slider(
                        0,
                        1,
                        start.eta,
                        step=0.05,
                        label="Noise eta",
                        info="0: deterministic DDIM. 1: fresh noise each step.",
                    )
                    correct = gr.Checkbox(label="Correct the condition (CRT)", value=start.correct)
                    raw_eps = gr.Checkbox(label="Noise the condition with the raw eps", value=start.raw_eps)
                    exact = gr.Checkbox(
                        label="Make the result agree with the input exactly",
                        value=start.project,
                        info="A last, smooth change after sampling: reduced, the result is the input again. Its noise too.",
                    )
            with gr.Column(scale=6, min_width=320):
                status = gr.HTML(render_message("Choose a photo, or one of the examples below it."), elem_id="status")
                plan = gr.HTML(plan_html(start), elem_id="plan")
                live = gr.HTML(render_live(start, None), elem_id="live")
                summary = gr.HTML(elem_id="summary")
                compare = gr.ImageSlider(
                    label="Before (left) and after (right)",
                    format="png",
                    type="pil",
                    visible=False,
                    elem_id="compare",
                    interactive=False,
                    max_height=560,
                    buttons=["fullscreen"],
                )
                pasted = gr.Image(
                    label="The photo with the face pasted back",
                    format="png",
                    type="pil",
                    visible=False,
                    elem_id="pasted",
                    interactive=False,
                    buttons=["fullscreen"],
                )
                files = gr.File(
                    label="Download: lossless PNG, settings inside",
                    visible=False,
                    elem_id="files",
                    file_count="multiple",
                    interactive=False,
                )
        gr.Markdown(ETHICS, elem_id="ethics")

        settings = dict(zip(FIELDS, (steps, tau, sparsity, exponent, omega, eta, correct, raw_eps, exact), strict=True))
        outputs = {
            "live": live,
            "summary": summary,
            "compare": compare,
            "pasted": pasted,
            "files": files,
            "go": go,
            "stop": stop,
        }
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}

        photo.change(on_photo, [photo, session], [faces, every_face, status], **quiet)
        faces.select(on_face, [session], [status], queue=False, **quiet)
        go.click(on_start, [session], [go, stop], queue=False, js=SHOW_LIVE_VIEW, **quiet).then(
            partial(on_run, engine),
            [session, photo, mode, aligned, every_face, seed, *settings.values()],
            list(outputs.values()),
            concurrency_limit=1,
            concurrency_id="models",
            **quiet,
        )
        stop.click(on_stop, [session], [stop], queue=False, **quiet)
        dice.click(on_dice, None, seed, queue=False, **quiet)
        preset.input(on_preset, preset, [*settings.values(), preset], queue=False, **quiet)
        for control in settings.values():
            control.change(
                on_settings, list(settings.values()), [plan], queue=False, trigger_mode="always_last", **quiet
            )
        api.add_endpoints(engine)
    page.queue(max_size=32, default_concurrency_limit=4)
    return page


def launch_options() -> dict:
    """What `gr.Blocks.launch` is called with: theme, style, and no record of anybody's runs."""
    return {
        "theme": theme(),
        "css_paths": STYLE,
        "run_history": False,
        "footer_links": ["api", "settings"],
        "max_file_size": "64mb",
        "show_error": True,
    }


def theme() -> Base:
    """Gradio's default look with system fonts (nothing to download) and help texts dark enough to read."""
    fonts = ["system-ui", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif"]
    return Default(primary_hue="blue", secondary_hue="orange", neutral_hue="zinc", font=fonts).set(
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
    )


def example_photos() -> list[list[str]]:
    """The photos that ship with the app, one row each."""
    return [[str(path)] for path in sorted((ASSETS / "examples").iterdir()) if path.suffix in (".jpg", ".png")]
