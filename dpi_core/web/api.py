"""The HTTP endpoints, typed and documented: ``/restore`` and ``/compare_seeds``, which stream, and ``/detect_faces``.

Clients read the docstrings of what they call, which is in `dpi_core.web.api_runs`.
"""

from collections.abc import Callable
from functools import partial
from inspect import getdoc

import gradio as gr

from dpi_core.web.api_runs import compare_seeds, detect_faces, restore
from dpi_core.web.api_schema import FACE, FOUND, ONE_FACE, SCALE, SEED, SEEDS, STATUS, config_schema, typed
from dpi_core.web.engine import Engine
from dpi_core.web.events import MODELS
from dpi_core.web.photo_input import photo_input
from dpi_core.web.whole_files import WholeImage


def add_endpoints(engine: Engine) -> None:
    """Add the endpoints to the `gr.Blocks` being built."""
    with gr.Row(visible=False):
        image = photo_input(label="image")
        config = typed(gr.JSON({}, label="config"), config_schema(), {"tau": 200})
        seed = typed(gr.Number(0, label="seed", precision=0), SEED, 0)
        seeds = typed(gr.JSON(None, label="seeds"), SEEDS, [0, 1, 2, 3])
        scale = typed(gr.Number(None, label="scale", precision=0), SCALE, 8)
        face = typed(gr.JSON(None, label="face"), FACE, 0)
        one_face = typed(gr.JSON(None, label="face"), ONE_FACE, 0)
        aligned = gr.Checkbox(False, label="aligned")
        detector = gr.Textbox("auto", label="detector")
        status = typed(
            gr.JSON(label="status"), STATUS, {"done": False, "step": 1, "total": 20, "t": 950, "stage": "FCM"}
        )
        preview = WholeImage(label="estimate", format="jpeg", type="pil")
        restored = gr.Image(label="restored face", format="png", type="filepath")
        photo = gr.Image(label="photo", format="png", type="filepath")
        files = gr.File(label="faces", file_count="multiple")
        found = typed(gr.JSON(label="faces"), FOUND, [])
        gr.Button("restore").click(
            _bound(restore, engine),
            [image, config, seed, scale, face, aligned],
            [status, preview, restored, photo],
            api_name="restore",
            api_description=getdoc(restore),
            concurrency_limit=1,
            concurrency_id=MODELS,
        )
        gr.Button("compare").click(
            _bound(compare_seeds, engine),
            [image, config, seeds, scale, one_face, aligned],
            [status, preview, files],
            api_name="compare_seeds",
            api_description=getdoc(compare_seeds),
            concurrency_limit=1,
            concurrency_id=MODELS,
        )
        gr.Button("detect").click(
            detect_faces, [image, detector], found, api_name="detect_faces", api_description=getdoc(detect_faces)
        )


def _bound(function: Callable, engine: Engine) -> Callable:
    """Bind `function` to `engine`, under its own name and with its text for clients to read (HTTP and MCP)."""
    bound = partial(function, engine)
    bound.__name__ = function.__name__  # type: ignore[attr-defined]
    bound.__doc__ = getdoc(function)
    return bound
