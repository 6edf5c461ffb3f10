"""What happens between a click and a restored photo: a plain generator over the pipeline, with errors turned into messages.

Every function here takes the visitor's own `Session`; nothing is shared between sessions but the networks.
"""

import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpi_core.errors import DPIError
from dpi_core.restore.request import Request
from dpi_core.web.checks import chosen_photo, message_of, with_messages
from dpi_core.web.engine import Engine
from dpi_core.web.live import EXACT, render_message, stages_of
from dpi_core.web.session import Session
from dpi_core.web.single_face import ready_face
from dpi_core.web.stage_data import Making, RunView, face_piece, photo_piece
from dpi_core.web.trajectory import Source, Trajectory

if TYPE_CHECKING:
    from dpi_core.restore.records import FaceJob, Preparation, Restoration
    from dpi_core.web.watched_face import WatchedFace

MODES = {"The photo as it is": None, "Simulate x4": 4, "Simulate x8": 8, "Simulate x16": 16}
AUTO = 0
"""The background that asks for as much enlargement as the faces need."""


@dataclass(frozen=True)
class Outcome:
    """What a run ends with: the stage's value, and the files to download.

    Attributes:
        stage: as `stage_data` builds it.
        photo: the photo with its restored faces, or the face of an aligned picture; PNG, settings inside.
        bundle: everything in one ZIP.
    """

    stage: dict[str, Any]
    photo: str
    bundle: str


@with_messages
def run(engine: Engine, session: Session, making: Making) -> Iterator[dict[str, Any] | Outcome]:
    """Restore the chosen faces: yields what the stage shows after every step and, last, the `Outcome`.

    A wrong input ends the run with one message.
    """
    from dpi_core.restore.records import Restoration
    from dpi_core.web.watched_face import WatchedFace

    photo, method = chosen_photo(making.photo), making.request.method
    view = RunView(f"{time.time():.3f}", making)
    asked = replace(making, request=_ticked(session, photo, making.request))
    faces = yield from ready_face(engine, session, asked, view.value, [engine.settings.prior])
    ((restorer, prepared),) = faces.values()
    making, jobs = settled(making, prepared), prepared.jobs
    view = replace(view, making=ticked_by_itself(making, prepared.sharp))
    trajectory = _trajectory(session, making, photo, prepared)
    watched = {job: WatchedFace(job, trajectory) for job in jobs}
    reused, after = len(trajectory.events), trajectory.events[-1] if trajectory.events else None
    items = restorer.run_steps(prepared, making.request, after=after, stop=lambda: session.stopped)
    total = len(stages_of(making.config, method)) * len(jobs) - reused
    begun, ended, item = time.perf_counter(), "", None
    for done, item in enumerate(items, start=1):
        if isinstance(item, Restoration):
            break
        event, own = item.event, watched[item.job]
        frame, data = own.take(item)
        if len(jobs) == 1:
            trajectory.add(event, frame)
        total = min(total, event.total * len(jobs) - reused)  # some methods need fewer calls than they may make
        left = (time.perf_counter() - begun) / done * (total - done)
        which = f"Face {jobs.index(item.job) + 1} of {len(jobs)}. " if len(jobs) > 1 else ""
        ended = f"{which}Stopped after step {event.index + 1} of {event.total}, the estimate kept,"
        yield view.value("running", f"{which}{frame.text} {left:.1f} s left.", frame=data, input=own.given)
        if done == total or session.stopped:
            yield view.value("pasting", "Putting the faces back into the photo ..", frame=data, input=own.given)
    assert isinstance(item, Restoration)  # what run_steps ends with
    engine.note_pace(item.seconds, done - 1, method=method)
    session.trajectory = trajectory if len(jobs) == 1 and method == "dpi" else None
    session.film = watched[jobs[0]].frames
    saved = f" {reused} of {making.config.steps} steps were those of the run before." if reused else ""
    line = f"{'Done' if item.complete else ended} in {item.seconds:.1f} s.{saved} {' '.join(item.messages)}".rstrip()
    yield _outcome(session, item, watched, view, line, Path(photo).stem)


def _ticked(session: Session, photo: str, request: Request) -> Request:
    """Ask for the faces that are ticked, where the page has not told them yet."""
    known = session.photo == photo and session.faces
    if known and not request.aligned and request.face == "all":  # none is ticked, or the page has not ticked them yet
        if not session.chosen and request.scale is None:  # a simulation reduces it first
            raise DPIError(
                f"No face is ticked under “Faces to restore”. {session.note} Tick one to restore it all the same, or choose "
                "a simulation."
            )
        request = request.replaced({"face": session.chosen or 0})
    return request


def settled(making: Making, prepared: "Preparation") -> Making:
    """Return what is run: under Auto the settings for the prepared face, which the controls may not show yet."""
    from dpi_core.restore.automatic import automatic

    if not making.automatic:
        return making
    return replace(making, request=replace(making.request, config=automatic(prepared).config))


def ticked_by_itself(making: Making, sharp: Sequence[bool]) -> Making:
    """Return what the page says once it has ticked the faces that are not `sharp`: a run may begin before it has."""
    ticked = tuple(index for index, finished in enumerate(sharp) if not finished)
    if making.request.face != "all" or making.request.aligned or not ticked:
        return making
    return replace(making, request=replace(making.request, face=ticked))


def _trajectory(session: Session, making: Making, photo: str, prepared: "Preparation") -> Trajectory:
    """Find where this run can start: at the last step it shares with the session's run before, or at noise."""
    request = making.request
    source = Source(photo, request.scale, request.aligned, prepared.jobs[0].index, request.seeds[0])
    known = session.trajectory
    alike = len(prepared.jobs) == 1 and request.method == "dpi"
    shared = known.shared(source, making.config) if known is not None and alike else 0
    begun = known.start(shared) if known is not None and shared else Trajectory(source, making.config)
    return replace(begun, config=making.config)


def _outcome(
    session: Session,
    restoration: "Restoration",
    watched: "dict[FaceJob, WatchedFace]",
    view: RunView,
    line: str,
    stem: str,
) -> Outcome:
    prepared = restoration.preparation
    pieces = []
    for result in restoration.results:
        own = watched[result.job]
        pieces.append(face_piece(prepared, result, own.end_of_fcm, own.frames_data, figures_text(result.measured)))
    if not any(job.matrix is None for job in prepared.jobs):
        pieces.append(photo_piece(restoration))
    photo, bundle = _write(session, restoration, stem)
    state = "done" if restoration.complete else "stopped"
    alone = f"It {pieces[0]['line']}." if len(pieces) == 1 else ""  # with several, each says its own
    note = " ".join(filter(None, [alone, sharper_than(prepared.jobs)]))
    return Outcome(view.value(state, line, pieces=pieces, note=note), photo, bundle)


def _write(session: Session, restoration: "Restoration", stem: str) -> tuple[str, str]:
    """Write the photo and, in a ZIP, photo and faces, every PNG with its settings inside; their paths."""
    from dpi_core.imaging.pictures import save_png
    from dpi_core.restore.compose import saved_photo

    session.remove("film")  # that of the run before
    folder, faces = session.results_folder(), []
    for result in restoration.results:
        config = result.settings["config"]
        path = (
            folder / f"{stem}-face{result.job.index + 1}-seed{result.seed}-tau{config['tau']}-k{config['sparsity']}.png"
        )
        save_png(result.finest, path, result.settings)
        faces.append(path)
    photo = faces[0]
    if restoration.results[0].job.matrix is not None:
        photo = folder / f"{stem}-restored.png"
        settings = {"faces": [r.settings for r in restoration.results], "background": restoration.background}
        save_png(saved_photo(restoration), photo, settings)
    bundle = folder / f"{stem}-restored.zip"
    with zipfile.ZipFile(bundle, "w") as archive:  # PNG is compressed already
        for path in dict.fromkeys([photo, *faces]):
            archive.write(path, path.name)
    return str(photo), str(bundle)


def sharper_than(jobs: "tuple[FaceJob, ...]") -> str:
    """Say it where a face has more pixels in the photo than the prior gives it back."""
    from dpi_core.faces.align import scale_of

    sides = [
        (len(job.crop) * (2 if job.doubled else 1), len(job.crop) / scale_of(job.matrix))
        for job in jobs
        if job.matrix is not None
    ]
    spanned, made = max(((spanned, side) for side, spanned in sides if spanned > 1.5 * side), default=(0, 0))
    if not spanned:
        return ""
    return f"In the photo it spans {spanned:.0f} pixels, the model makes {made}: the comparer shows what that costs."


def figures_text(measured: dict[str, float]) -> str:
    """Say what was measured of a result, in words first."""
    value = measured["lr_consistency"]
    level = "exactly" if value >= EXACT else "closely" if value >= 35 else "well" if value >= 28 else "loosely"
    parts = [f"agrees {level} with the input" + (f", {value:.1f} dB" if value < EXACT else "")]
    if "psnr" in measured:
        parts.append(f"PSNR {measured['psnr']:.2f} dB against the truth (the input: {measured['psnr_input']:.2f})")
        parts.append(f"SSIM {measured['ssim']:.3f}")
    return ", ".join(parts)


def save_film(session: Session) -> tuple[list[str], str]:
    """Write the film of the session's last run as GIF and, where it can be, MP4; the files and a message as HTML."""
    from dpi_core.show.film import save_gif, save_mp4

    try:
        folder = session.results_folder("film")
        stem = Path(session.photo).stem if session.photo else "run"
        files = [folder / f"{stem}-film.mp4", folder / f"{stem}-film.gif"]
        save_gif(session.film, files[1])
        try:
            save_mp4(session.film, files[0])
        except OSError as error:
            return [str(files[1])], render_message(f"The GIF is ready. {error}")
        return [str(path) for path in files], render_message("The film is ready as MP4 and GIF.")
    except Exception as error:
        return [], render_message(message_of(error), "error")
