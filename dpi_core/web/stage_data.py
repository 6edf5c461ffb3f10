"""What the stage is given: a run as plain data, its pictures as data URIs, and the plan of the next one. No HTML."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from dpi_core.method.config import DPIConfig
from dpi_core.restore.request import Request
from dpi_core.web.live import HEAT_TOP, data_uri, plan_text, stages_of
from dpi_core.weights.embedded_files import ASSETS

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from dpi_core.restore.records import FaceJob, FaceResult, Preparation, Restoration
    from dpi_core.show.film import Frame

FACE_SIDES = 128, 512  # how small and how large the comparer shows a face
PHOTO_SIDE = 1200  # of the whole photo on the page; the download has all its pixels
EXAMPLE_RUN = ASSETS / "examples" / "finished-run.json"
"""The finished run that a newcomer finds, made by ``python -m tests.example_run``."""


@dataclass(frozen=True)
class Making:
    """What a run is made from: a photo's path, or None before one was chosen, and what is asked for.

    Two runs alike in both have the same picture. `automatic`: the settings are those for the face, once it is known.
    """

    photo: str | None
    request: Request
    automatic: bool = False

    @property
    def config(self) -> DPIConfig:
        """The sampler's settings."""
        return self.request.config

    @property
    def key(self) -> str:
        """Write it as a text that is the same for the same run."""
        return json.dumps([self.photo, self.request.to_dict()], sort_keys=True)

    @property
    def words(self) -> str:
        """Say what a visitor would know it by."""
        how = f"tau {self.config.tau}" if self.request.method == "dpi" else self.request.method
        return f"{how}, k {self.config.sparsity}, seed {self.request.seeds[0]}"


def plan_of(making: Making, cost: str = "") -> dict[str, Any]:
    """Tell the stage what the controls say now: the split, the stage of every step, a line on what a run does and costs."""
    return {
        "tau": making.config.tau,
        "steps": stages_of(making.config, making.request.method),
        "split": making.request.method == "dpi",
        "made": making.key,
        "photo": making.photo,
        "line": f"{plan_text(making.config, making.request.method)}{cost}",
    }


def frame_data(frame: "Frame") -> dict[str, Any]:
    """Turn a frame of a run into data."""
    return {
        "index": frame.index,
        "stage": frame.stage,
        "text": frame.text,
        "held": frame.held,
        "grid": frame.grid,
        "consistency": round(frame.consistency, 2),
        "change": round(frame.change, 2),
        "x0": data_uri(frame.x0),
        "x_t": data_uri(frame.x_t),
        "mask": data_uri(frame.mask),
        "condition": data_uri(frame.condition),
    }


@dataclass(frozen=True)
class RunView:
    """What stays the same over a run's values: an id, and what it is made from."""

    run: str
    making: Making

    def value(self, state: str, line: str, **more: Any) -> dict[str, Any]:
        """Build what the stage shows in a state, with one line on it."""
        return {
            "run": self.run,
            "state": state,
            "line": line,
            "tau": self.making.config.tau,
            "steps": stages_of(self.making.config, self.making.request.method),
            "photo": self.making.photo,
            "made": self.making.key,
            "made_with": self.making.words,
            **more,
        }


def face_piece(
    prepared: "Preparation", result: "FaceResult", fcm: "Tensor | None", frames: Sequence[dict[str, Any]], line: str
) -> dict[str, Any]:
    """Build one restored face for the comparer: input, end of FCM and result, and what RACM changed.

    Args:
        fcm: (3,S,S), the estimate when FCM ended; None where there was none, or nothing after it.
        frames: its steps to scrub through, as `frame_data` tells them.
    """
    import numpy as np

    from dpi_core.imaging.pixels import to_image, to_tensor
    from dpi_core.measure.metrics import LEVELS, rms_levels
    from dpi_core.show.figures import heat_map

    own = Image.fromarray(own_pixels(prepared, result.job))
    simulated = result.job.truth is not None
    pictures = {
        "input": data_uri(result.condition if simulated else own, lossless=True),
        "given": data_uri(result.condition),
        "result": data_uri(result.finest, lossless=True),
    }
    piece: dict[str, Any] = {"name": f"Face {result.job.index + 1}", "line": line, "pictures": pictures}
    if simulated:
        pictures["truth"] = data_uri(own, lossless=True)
    if fcm is not None:
        after = to_tensor(np.asarray(result.image))[0]
        apart = (after - fcm).abs().mean(dim=0) * LEVELS
        rms = float(rms_levels(after, fcm))
        pictures["fcm"] = data_uri(to_image(fcm), lossless=True)
        pictures["change"] = data_uri(heat_map(apart, HEAT_TOP, after))
        piece["change_text"] = (
            f"RACM changed {rms:.1f} of 255 levels (root mean square); yellow: {HEAT_TOP:.0f} or more"
        )
    return {**piece, "frames": list(frames)}


def own_pixels(prepared: "Preparation", job: "FaceJob") -> "np.ndarray":
    """Cut the face out of the photo's own pixels, as many as it has there, within `FACE_SIDES`; (S,S,3) uint8."""
    from dpi_core.faces.align import scale_of, warp_to_crop
    from dpi_core.faces.choose import square_matrix
    from dpi_core.faces.paste import rescaled

    side = job.crop.shape[0]
    height, width = prepared.photo.shape[:2]
    matrix = square_matrix(width, height, side) if job.matrix is None else job.matrix
    in_photo = round(side / scale_of(matrix))
    size = min(max(in_photo, FACE_SIDES[0], side), max(FACE_SIDES[1], side))
    return warp_to_crop(prepared.photo, rescaled(matrix, side, size), size)


def photo_piece(restoration: "Restoration") -> dict[str, Any]:
    """Build the whole photo, before and after, for the comparer."""
    after = restoration.photo
    scale = min(1.0, PHOTO_SIDE / max(after.size))
    size = max(1, round(after.width * scale)), max(1, round(after.height * scale))
    before = Image.fromarray(restoration.preparation.photo).resize(size, Image.Resampling.LANCZOS)
    pictures = {
        "input": data_uri(before),
        "result": data_uri(after.convert("RGB").resize(size, Image.Resampling.LANCZOS)),
    }
    line = f"{after.width} x {after.height} pixels"
    if restoration.background > 1:
        line += f", enlarged {restoration.background} times"
    return {"name": "Whole photo", "line": line, "pictures": pictures, "frames": []}


def example_value(path: Path = EXAMPLE_RUN) -> dict[str, Any]:
    """Read the example for the stage, where it is before anything was computed; an empty stage where there is none."""
    try:
        return {**json.loads(path.read_text()), "state": "example", "run": "example"}
    except (OSError, ValueError, TypeError):  # the page can do without
        return {"state": "empty"}


def decoded(uri: str) -> Image.Image:
    """Read a picture back from the data URI that the stage is given."""
    return Image.open(BytesIO(base64.b64decode(uri.partition(",")[2])))
