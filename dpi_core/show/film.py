"""A run as a film: what every step showed, the curves over the steps, and the whole as GIF or MP4.

Two curves tell the stages apart: LR-consistency of x0 (how well it explains the input) and the change of x0 from the
step before (root mean square, in 8-bit levels).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from dpi_core.errors import DPIError
from dpi_core.imaging.pixels import to_image
from dpi_core.measure.metrics import lr_consistency, rms_levels
from dpi_core.method.sampler import StepEvent
from dpi_core.restore.records import RestoreStep
from dpi_core.show.figures import condition_image, mask_overlay, stage_colour

SIDE, GAP, BAND = 256, 8, 34
MAX_FRAMES = 64  # of a long run, evenly spread: enough to scrub through, little enough to send


@dataclass(frozen=True, eq=False)
class Frame:
    """One step of one face.

    Attributes:
        index, total, t, stage: as in `StepEvent`.
        x0, x_t, mask, condition: its pictures.
        held, grid: how many pixels the mask tied to the condition, and how many its grid has (0 at the last step and with other
            methods, which have no mask).
        consistency: LR-consistency of x0 in dB.
        change: root mean square difference from the x0 before, in 8-bit levels; 0 at the first step.
    """

    index: int
    total: int
    t: int
    stage: str
    x0: Image.Image
    x_t: Image.Image
    mask: Image.Image
    condition: Image.Image
    held: int
    grid: int
    consistency: float
    change: float

    @property
    def text(self) -> str:
        """The step in words: what its mask holds, and what the prior may do."""
        where = f"step {self.index + 1} of {self.total}, t = {self.t}"
        if self.stage == "final":
            return f"Final, {where}: the last clean estimate is the result."
        if self.stage == "FCM":
            return f"FCM, {where}: all {self.grid:,} grid pixels follow the photo."
        if self.stage != "RACM":
            return f"{where.capitalize()}: another method's, which draws the estimate towards the photo."
        share = round(100 * self.held / self.grid)
        return f"RACM, {where}: {self.held:,} of {self.grid:,} grid pixels still held, {share} %; the prior paints the rest."


def frame_of(event: StepEvent, low_res: Tensor, before: Tensor | None) -> Frame:
    """Make the frame of an event's first sample; `low_res` (1,3,h,w) is its input, `before` (3,H,W) the x0 before."""
    x0 = event.x0[0]
    return Frame(
        event.index,
        event.total,
        event.t,
        event.stage,
        to_image(x0),
        to_image(event.x_t[0]),
        mask_overlay(event),
        condition_image(event),
        int(event.mask[0].sum()),
        event.condition.shape[-2] * event.condition.shape[-1] if event.stage in ("FCM", "RACM") else 0,
        lr_consistency(x0, low_res),
        0.0 if before is None else float(rms_levels(x0, before)),
    )


def is_kept(index: int, total: int) -> bool:
    """Tell whether a film keeps step `index` of `total`: all of a short run, an even choice with both ends of a long one."""
    if total <= MAX_FRAMES:
        return True
    wanted = {round(i * (total - 1) / (MAX_FRAMES - 1)) for i in range(MAX_FRAMES)}
    return index in wanted


class FilmRecorder:
    """Collects the `frames` of one face's run while it is on; its steps come in order.

    Args:
        frames: those of the steps before, where the run goes on from them.
        before: (3,H,W), the x0 of the last of these.
    """

    def __init__(self, frames: Iterable[Frame] = (), before: Tensor | None = None):
        self.frames = [frame for frame in frames if is_kept(frame.index, frame.total)]
        self._before = before

    def watch(self, step: RestoreStep) -> None:
        """Take the next step in, drawn only where the film keeps it."""
        if is_kept(step.event.index, step.event.total):
            self.drawn(step)
        else:
            self._before = step.event.x0[0].clone()

    def drawn(self, step: RestoreStep) -> Frame:
        """Take the next step in and return its frame, whether the film keeps it or not."""
        event = step.event
        frame = frame_of(event, step.job.low_res, self._before)
        self._before = event.x0[0].clone()  # a view would keep every seed's estimate alive
        if is_kept(event.index, event.total):
            self.frames.append(frame)
        return frame


def film_picture(frame: Frame) -> Image.Image:
    """Draw one picture of a frame: the estimate large, sample, mask and condition beside it, a timeline under them."""
    small = (SIDE - 2 * GAP) // 3
    width, height = SIDE + GAP + small, SIDE + BAND
    canvas = Image.new("RGB", (width, height), "white")
    canvas.paste(frame.x0.resize((SIDE, SIDE), Image.Resampling.BICUBIC), (0, 0))
    for i, picture in enumerate((frame.x_t, frame.mask, frame.condition)):
        canvas.paste(picture.resize((small, small), Image.Resampling.NEAREST), (SIDE + GAP, i * (small + GAP)))
    draw = ImageDraw.Draw(canvas)
    done = round(width * (frame.index + 1) / frame.total)
    draw.rectangle((0, SIDE + 4, width - 1, SIDE + 10), fill=(225, 225, 225))
    draw.rectangle((0, SIDE + 4, max(0, done - 1), SIDE + 10), fill=stage_colour(frame.stage))
    text = f"{frame.stage}  step {frame.index + 1} of {frame.total}, t = {frame.t}"
    draw.text((0, SIDE + 14), text, (20, 20, 20), ImageFont.load_default(size=14))
    return canvas


def save_gif(frames: Sequence[Frame], path: Path, seconds: float = 0.18) -> None:
    """Write the film as an endless GIF that rests on its last frame; DPIError if there are no frames."""
    pictures = [film_picture(frame) for frame in _some(frames)]
    durations = [round(seconds * 1000)] * (len(pictures) - 1) + [2000]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=durations, loop=0)


def save_mp4(frames: Sequence[Frame], path: Path, seconds: float = 0.18) -> None:
    """Write the film as an MP4 that browsers play (H.264, yuv420p) and that ends with two seconds of its last frame.

    Raises:
        ValueError: if there are no frames.
        OSError: if this build of PyAV has no encoder for H.264, or the file cannot be written.
    """
    import av

    pictures = [film_picture(frame) for frame in _some(frames)]
    if "libx264" not in av.codecs_available:
        raise OSError("this build of PyAV cannot write H.264; use the GIF.")
    width, height = (side + side % 2 for side in pictures[0].size)  # yuv420p halves both sides
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as film:
        stream = film.add_stream("libx264", rate=Fraction(1 / seconds).limit_denominator(1000))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "18"}  # so good that small print and single mask pixels stay legible
        for picture in [*pictures, *[pictures[-1]] * round(2 / seconds)]:
            padding = ((0, height - picture.height), (0, width - picture.width), (0, 0))
            pixels = np.pad(np.asarray(picture), padding, mode="edge")
            film.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        film.mux(stream.encode())


def _some(frames: Sequence[Frame]) -> Sequence[Frame]:
    if not frames:
        raise DPIError("there are no frames; run a restoration first.")
    return frames
