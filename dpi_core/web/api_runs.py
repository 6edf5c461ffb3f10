"""What the HTTP endpoints run: generators over the pipeline, with errors as messages. Clients read the docstrings."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from dpi_core.errors import DPIError
from dpi_core.restore.request import Request
from dpi_core.web.api_schema import MAX_SEEDS
from dpi_core.web.checks import message_of, still_kept, whole_number
from dpi_core.web.engine import Engine

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from dpi_core.restore.records import Restoration, RestoreStep


def restore(
    engine: Engine,
    image: str | None,
    config: dict | None = None,
    seed: int | None = 0,
    scale: int | None = None,  # gradio makes a parameter optional only where None is its default here
    face: Any = None,
    aligned: bool = False,
) -> Iterator[tuple]:
    """Restore a face and stream the steps.

    Returns for every step: status (step, total, t, stage, done, and at the end what was measured), the estimate, and at the
    end the restored face as a PNG with its settings inside and the photo with it pasted back.

    Args:
        image: a photo with a face.
        config: DPIConfig's fields by name, e.g. {"tau": 150, "sparsity": 2}; {} is the published setting.
        seed: 0 or more; the same seed and settings give the same face.
        scale: null = the photo as it is; 4, 8 or 16 = reduce the face first and report PSNR and SSIM.
        face: index (0 = the largest), a list of them, "all" but the sharp ones, or null = the largest.
        aligned: the picture is a face crop already.
    """
    from dpi_core.imaging.pictures import save_png
    from dpi_core.restore.compose import saved_photo
    from dpi_core.restore.restorer import Restoration

    for report, item in _stream(engine, image, config, [seed], scale, face, aligned):
        if isinstance(item, Restoration):
            first = item.results[0]
            with _folder() as folder:
                save_png(first.finest, folder / "face.png", first.settings)
                save_png(saved_photo(item), folder / "photo.png", {"faces": [r.settings for r in item.results]})
                yield report, first.finest, str(folder / "face.png"), str(folder / "photo.png")
        else:
            yield report, _side_by_side(item.event.x0), None, None


def compare_seeds(
    engine: Engine,
    image: str | None,
    config: dict | None = None,
    seeds: Any = None,
    scale: int | None = None,
    face: Any = None,
    aligned: bool = False,
) -> Iterator[tuple]:
    """Restore one face with several seeds in one batch and stream the steps side by side.

    Returns for every step: status, and the estimates side by side; at the end the status holds each seed's figures and the
    diversity (the per-pixel standard deviation over the seeds, mean, in 8-bit levels), and the files are one PNG a seed with
    its settings inside.

    Args:
        image: a photo with a face.
        config: DPIConfig's fields by name, e.g. {"tau": 150, "sparsity": 2}; {} is the published setting.
        seeds: a list of 2 to 16 different seeds; null = [0, 1, 2, 3].
        scale: null = the photo as it is; 4, 8 or 16 = reduce the face first and report PSNR and SSIM.
        face: index (0 = the largest), or null = the largest.
        aligned: the picture is a face crop already.
    """
    from dpi_core.imaging.pictures import save_png
    from dpi_core.imaging.pixels import to_tensor
    from dpi_core.measure.comparison import compare
    from dpi_core.restore.restorer import Restoration

    chosen = list(range(4)) if seeds is None else seeds
    if not isinstance(chosen, list) or not 2 <= len(chosen) <= MAX_SEEDS:
        raise gr.Error(f"seeds is {chosen!r}; a list of 2 to {MAX_SEEDS} seeds is allowed.", print_exception=False)
    if isinstance(face, bool) or not isinstance(face, int | None):
        raise gr.Error(f"face is {face!r}; the index of one face (0 = the largest) is allowed.", print_exception=False)
    for report, item in _stream(engine, image, config, chosen, scale, face, aligned, paste=False):
        if isinstance(item, Restoration):
            faces = to_tensor(np.stack([np.asarray(r.image) for r in item.results]))
            report["diversity"] = round(compare(faces, chosen).diversity, 3)
            with _folder() as folder:
                for r in item.results:
                    save_png(r.finest, folder / f"seed{r.seed}.png", r.settings)
                yield report, _side_by_side(faces), [str(folder / f"seed{r.seed}.png") for r in item.results]
        else:
            yield report, _side_by_side(item.event.x0), None


def _stream(
    engine: Engine,
    image: str | None,
    config: dict | None,
    seeds: list,
    scale: int | None,
    face: Any,
    aligned: bool,
    *,
    paste: bool = True,
) -> "Iterator[tuple[dict, RestoreStep | Restoration]]":
    """Yield each step of a run and, last, the restoration, with what the client is told of it; errors as messages."""
    from dpi_core.restore.records import Restoration, unpasted

    try:
        numbers = [whole_number("seed", seed) for seed in seeds]
        if len(set(numbers)) < len(numbers):
            raise DPIError(f"seeds is {numbers}; each seed is allowed once.")
        own = {"prior": engine.settings.prior, "corrector": engine.settings.corrector}
        asked = {"config": config or {}, "seeds": numbers, "scale": scale or None, "face": face, "aligned": aligned}
        request, photo = Request().replaced(own | asked), _given(image)
        restorer = engine.restorer()
        prepared = restorer.prepared(photo, request)
        for item in restorer.run_steps(prepared if paste else unpasted(prepared), request):
            if isinstance(item, Restoration):
                report = {"done": True, "seconds": round(item.seconds, 3), "note": item.note}
                report["faces"] = [{"face": r.job.index, "seed": r.seed, **r.measured} for r in item.results]
            else:
                event = item.event
                report = {"done": False, "face": item.job.index, "step": event.index + 1, "total": event.total}
                report |= {"t": event.t, "stage": event.stage}
            yield report, item
    except Exception as error:
        raise gr.Error(message_of(error), print_exception=False) from error


def _side_by_side(faces: "Tensor") -> "Image.Image":
    """Lay faces (N,3,S,S), one for each seed, in rows of four."""
    from dpi_core.show.figures import grid_sheet

    return grid_sheet(list(faces), min(4, len(faces)))


def detect_faces(image: str | None, detector: str = "auto") -> list[dict]:
    """Find the faces of a photo, largest first.

    Each is {"box": [x0, y0, x1, y1], "points": [[x, y], ..], "score", "detector"} in pixels of the upright photo.

    Args:
        image: a photo.
        detector: "auto", "face-alignment", "yunet" or "embedded".
    """
    from dpi_core import faces
    from dpi_core.faces import facealign
    from dpi_core.imaging.pictures import read_image

    try:
        if detector == "face-alignment" and not facealign.ready():  # no call starts the download of its weights
            raise DPIError("detector is 'face-alignment', which this server has not; use 'auto' or 'embedded'.")
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


@contextmanager
def _folder() -> Iterator[Path]:
    """Lend a folder for as long as an answer is being given: Gradio copies what is in it to where the client fetches it."""
    with tempfile.TemporaryDirectory(prefix="dpi-") as folder:
        yield Path(folder)


def _given(image: str | None) -> str:
    if image is None:
        raise DPIError("image is missing; send a photo.")
    return still_kept(image)
