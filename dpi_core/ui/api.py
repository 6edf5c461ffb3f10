"""The HTTP endpoints, typed and documented: ``/restore`` (streams) and ``/detect_faces``."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from dpi_core.config import DPIConfig
from dpi_core.ui.engine import Engine
from dpi_core.ui.photo import photo_input
from dpi_core.ui.restore import message_of, whole_number
from dpi_core.ui.session import KEEP_SECONDS, Session

RESTORE_DOC = """Restore a face and stream the steps.

image: a photo. config: DPIConfig's fields by name, e.g. {"tau": 150, "sparsity": 2}; {} is the published setting.
seed: 0 or more. scale: null = the photo as it is; 4, 8 or 16 = reduce the face first and report PSNR and SSIM.
face: index (0 = the largest), "all", or null = the largest. aligned: the picture is a face crop already.
Returns for every step: status (step, total, t, stage, done, and at the end what was measured), the estimate, and at the
end the restored face as a PNG with its settings inside and the photo with it pasted back."""


def add_endpoints(engine: Engine) -> None:
    """Add the endpoints to the `gr.Blocks` being built."""
    with gr.Row(visible=False):
        session = gr.State(Session(), time_to_live=KEEP_SECONDS, delete_callback=Session.clean)
        image = photo_input(label="image")
        config = gr.JSON({}, label="config")
        seed = gr.Number(0, label="seed", precision=0)
        scale = gr.Number(None, label="scale", precision=0)
        face = gr.JSON(None, label="face")
        aligned = gr.Checkbox(False, label="aligned")
        detector = gr.Textbox("auto", label="detector")
        status = gr.JSON(label="status")
        preview = gr.Image(label="estimate", format="jpeg", type="pil")
        restored = gr.Image(label="restored face", format="png", type="filepath")
        photo = gr.Image(label="photo", format="png", type="filepath")
        found = gr.JSON(label="faces")
        gr.Button("restore").click(
            partial(restore, engine),
            [image, config, seed, scale, face, aligned, session],
            [status, preview, restored, photo],
            api_name="restore",
            api_description=RESTORE_DOC,
            concurrency_limit=1,
            concurrency_id="models",
        )
        gr.Button("detect").click(
            detect_faces, [image, detector], found, api_name="detect_faces", api_description=detect_faces.__doc__
        )


def restore(
    engine: Engine,
    image: str | None,
    config: dict | None = None,
    seed: int | None = 0,
    scale: int | None = None,  # gradio makes a parameter optional only where None is its default here
    face: Any = None,
    aligned: bool = False,
    session: Session | None = None,
) -> Iterator[tuple]:
    """See `RESTORE_DOC`."""
    from dpi_core.images import save_png
    from dpi_core.pipeline import Restoration
    from dpi_core.pixels import to_image

    try:
        settings = DPIConfig.from_dict(config or {})
        steps = engine.restorer().restore_steps(
            _given(image),
            settings,
            seeds=(whole_number("seed", seed),),
            scale=scale or None,
            face=face,
            aligned=aligned,
        )
        for step in steps:
            if isinstance(step, Restoration):
                folder = (session or Session()).results_folder()
                first = step.results[0]
                save_png(first.image, folder / "face.png", first.settings)
                save_png(step.photo, folder / "photo.png", {"faces": [r.settings for r in step.results]})
                report = {"done": True, "seconds": round(step.seconds, 3), "note": step.preparation.note}
                report["faces"] = [{"face": r.job.index, "seed": r.seed, **r.measured} for r in step.results]
                yield report, gr.skip(), str(folder / "face.png"), str(folder / "photo.png")
            else:
                event = step.event
                report = {"done": False, "face": step.job.index, "step": event.index + 1, "total": event.total}
                report |= {"t": event.t, "stage": event.stage}
                yield report, to_image(event.x0[0]), None, None
    except Exception as error:
        raise gr.Error(message_of(error), print_exception=False) from error


def detect_faces(image: str | None, detector: str = "auto") -> list[dict]:
    """Find the faces of a photo, largest first.

    Each is {"box": [x0, y0, x1, y1], "points": [[x, y], ..], "score", "detector"} in pixels of the upright photo.
    detector: "auto", "face-alignment", "yunet" or "embedded".
    """
    from dpi_core import faces
    from dpi_core.images import read_image

    try:
        found = faces.detect_faces(read_image(_given(image)), detector)
    except Exception as error:
        raise gr.Error(message_of(error), print_exception=False) from error
    return [
        {
            "box": [round(float(v), 2) for v in face.box],
            "points": [[round(float(x), 2), round(float(y), 2)] for x, y in face.points],
            "score": round(float(face.score), 4),
            "detector": face.detector,
        }
        for face in found
    ]


def _given(image: str | None) -> str:
    if image is None:
        raise ValueError("image is missing; send a photo.")
    return image
