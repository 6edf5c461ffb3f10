"""What happens between a click and a picture: plain generators over the pipeline, with errors turned into messages.

Every function here takes the visitor's own `Session`; nothing is shared between sessions but the networks.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from dpi_core.errors import DPIError
from dpi_core.method.config import DPIConfig
from dpi_core.web.checks import READING, chosen_photo, message_of, whole_number, with_messages
from dpi_core.web.engine import Engine
from dpi_core.web.film_view import render_film
from dpi_core.web.live import Picture, render_live, render_message
from dpi_core.web.session import Session
from dpi_core.web.trajectory import Source, Trajectory

if TYPE_CHECKING:
    from torch import Tensor

    from dpi_core.method.sampler import StepEvent
    from dpi_core.restore.restorer import Restoration
    from dpi_core.show.film import Frame

MODES = {"The photo as it is": None, "Simulate x4": 4, "Simulate x8": 8, "Simulate x16": 16}


@dataclass(frozen=True)
class Outcome:
    """What the page shows of a finished or stopped run.

    Attributes:
        summary: HTML, one line on each face.
        before, after: the input crop and the result of the first face, the same size.
        photo: the photo with the faces pasted back.
        files: the PNG files to download, settings inside.
        film: the first face's steps to scrub through, HTML.
    """

    summary: str
    before: Image.Image
    after: Image.Image
    photo: Image.Image
    files: list[str]
    film: str


@with_messages()
def run(
    engine: Engine,
    session: Session,
    photo: str | None,
    mode: str,
    aligned: bool,
    chosen: Sequence[int],
    background: int,
    seed: float | None,
    values: dict,
) -> Iterator[str | Outcome]:
    """Restore the `chosen` faces: yields the live view after every step (HTML) and, last, the `Outcome`.

    A wrong input ends the run with one message; nothing that was shown before is lost.
    """
    config, photo, number = DPIConfig.from_dict(values), chosen_photo(photo), whole_number("seed", seed)
    yield render_live(config, None, headline=READING)
    yield from _steps(engine, session, photo, mode, aligned, chosen, background, number, config)


def _steps(
    engine: Engine,
    session: Session,
    photo: str,
    mode: str,
    aligned: bool,
    chosen: Sequence[int],
    background: int,
    seed: int,
    config: DPIConfig,
) -> Iterator[str | Outcome]:
    from dpi_core.restore.restorer import Restoration
    from dpi_core.show.film import frame_of, is_kept

    for line in engine.loading(stop=lambda: session.stopped):
        yield render_live(config, None, headline=line)
    restorer = engine.restorer()
    known = session.faces if session.photo == photo else None
    if not chosen and known and not aligned:
        raise DPIError("no face is chosen; tick at least one under “Faces to restore”.")
    wanted = sorted(chosen) if known else None
    prepared = restorer.prepare(photo, scale=MODES[mode], aligned=aligned, face=wanted, faces=known)
    source = Source(photo, mode, aligned, prepared.jobs[0].index, seed)
    trajectory = _trajectory(session, source, config, len(prepared.jobs))
    after = trajectory.events[-1] if trajectory.events else None
    start, reused = time.perf_counter(), len(trajectory.events)
    total = config.steps * len(prepared.jobs) - reused
    key_frames: dict[str, StepEvent] = {event.stage: event for event in trajectory.events}  # of the first face
    session.film = [f for f in trajectory.frames if is_kept(f.index, f.total)]
    before: Tensor | None = None if after is None else after.x0[0]
    item, where = None, ""
    items = restorer.restore_steps(
        prepared, config, seeds=(seed,), background=background, after=after, stop=lambda: session.stopped
    )
    for done, item in enumerate(items, start=1):
        if isinstance(item, Restoration):
            break
        event, face = item.event, prepared.jobs.index(item.job)
        frame = frame_of(event, item.job.low_res, before if event.index else None)
        before = event.x0[0]
        if face == 0:
            key_frames[event.stage] = event
            trajectory.add(event, frame)
            if is_kept(event.index, event.total):
                session.film.append(frame)
        which = f"Face {face + 1} of {len(prepared.jobs)}. " if len(prepared.jobs) > 1 else ""
        where = f"{which}Stopped after step {event.index + 1} of {event.total}, its estimate kept,"
        left = (time.perf_counter() - start) / done * (total - done)
        headline = f"{which}Step {event.index + 1} of {event.total}, t = {event.t}, {left:.1f} s left"
        yield running_view(config, frame, headline)
    assert isinstance(item, Restoration)  # what restore_steps ends with
    engine.note_pace(item.seconds, done - 1)
    last = list(key_frames.values())[-1]
    session.trajectory = trajectory if len(prepared.jobs) == 1 else None
    how = "Finished" if item.complete else where
    saved = f" {reused} of {config.steps} steps were those of the run before." if reused else ""
    headline = f"{how} in {item.seconds:.1f} s.{saved} {' '.join(item.messages)}".rstrip()
    yield render_live(config, last.index, _final_pictures(item, key_frames), headline)
    yield _outcome(session, item, Path(photo).stem)


def _trajectory(session: Session, source: Source, config: DPIConfig, faces: int) -> Trajectory:
    """Where this run can start: at the last step it shares with the session's run before, or at noise."""
    known = session.trajectory
    shared = known.shared(source, config) if known is not None and faces == 1 else 0
    begun = known.start(shared) if known is not None and shared else Trajectory(source, config)
    return replace(begun, config=config)


def running_view(config: DPIConfig, frame: "Frame", headline: str) -> str:
    """The live view of one step as HTML: estimate, noisy sample, mask and condition under the timeline."""
    pictures = [
        ("x0, the clean estimate", f"estimate of the face at step {frame.index + 1}", frame.x0),
        ("x_t, still noisy", "the noisy sample", frame.x_t),
        (f"mask: {frame.held} pixels held", "the pixels that follow the condition, coloured by stage", frame.mask),
        ("condition, corrected", "the corrected condition on the grid", frame.condition),
    ]
    return render_live(config, frame.index, pictures, headline)


def _final_pictures(restoration: "Restoration", key_frames: "dict[str, StepEvent]") -> list[Picture]:
    from dpi_core.imaging.pixels import to_image
    from dpi_core.show.figures import mask_overlay

    first = restoration.results[0]
    pictures = [
        ("result", "the restored face", first.image),
        ("input", "the face as the sampler was given it", first.condition),
    ]
    if "FCM" in key_frames:
        pictures.append(("end of FCM", "the estimate when FCM ended", to_image(key_frames["FCM"].x0[0])))
    if first.job.truth is not None:
        pictures.append(("the truth", "the face before it was reduced", to_image(first.job.truth[0])))
    elif "RACM" in key_frames:
        pictures.append(("last RACM mask", "the pixels that followed the condition", mask_overlay(key_frames["RACM"])))
    return pictures


def _outcome(session: Session, restoration: "Restoration", stem: str) -> Outcome:
    from dpi_core.imaging.pictures import save_png
    from dpi_core.restore.compose import saved_photo

    folder = session.results_folder()
    files, lines = [], []
    for result in restoration.results:
        config = result.settings["config"]
        name = f"{stem}-face{result.job.index + 1}-seed{result.seed}-tau{config['tau']}-k{config['sparsity']}.png"
        save_png(result.image, folder / name, result.settings)
        files.append(str(folder / name))
        lines.append(f"Face {result.job.index + 1}, seed {result.seed}: {_figures(result.measured)}")
    if restoration.results[0].job.matrix is not None:
        path = folder / f"{stem}-restored.png"
        settings = {"faces": [r.settings for r in restoration.results], "background": restoration.background}
        save_png(saved_photo(restoration), path, settings)
        files.append(str(path))
    first = restoration.results[0]
    summary, film = render_message(" · ".join(lines)), render_film(session.film)
    return Outcome(summary, first.condition, first.image, restoration.photo, files, film)


def save_film(session: Session) -> tuple[list[str], str]:
    """The film of the session's last run as GIF and, where it can be written, MP4; the files and a message as HTML."""
    from dpi_core.show.film import save_gif, save_mp4

    try:
        folder = session.results_folder("film")
        files = [folder / "process.gif", folder / "process.mp4"]
        save_gif(session.film, files[0])
        try:
            save_mp4(session.film, files[1])
        except OSError as error:
            return [str(files[0])], render_message(f"The GIF is ready. {error}")
        return [str(path) for path in files], render_message("The film is ready as GIF and MP4.")
    except Exception as error:
        return [], render_message(message_of(error), "error")


def _figures(measured: dict[str, float]) -> str:
    parts = [f"agrees with the input at low resolution to {measured['lr_consistency']:.1f} dB"]
    if "psnr" in measured:
        parts.append(f"PSNR {measured['psnr']:.2f} dB against the truth (the input: {measured['psnr_input']:.2f})")
        parts.append(f"SSIM {measured['ssim']:.3f}")
    return ", ".join(parts)
