"""A `Restorer` whose runs happen in another process, to which a GPU is lent (`web.zerogpu`).

The prepared faces go there; every step and the results come back; photos, which are large and need no GPU, stay here.

The models must be on "cuda" before the page is launched, in the main thread: there the ``spaces`` package stands in for CUDA
and moves them when a GPU comes. A model that is loaded later is loaded again by the process that has the GPU.

What crosses is bytes: by itself Torch would send a tensor through shared memory or as a handle that dies with its process.
They hold pickles, which run what they say. That is right here and nowhere else: the ``spaces`` package pickles whatever crosses
anyway, and both ends are this program, one forked from the other. No bytes of a client's, of a file or of the network come to
`unpack`, and `tests/test_web_lent_restorer.py` holds that nothing else calls it.
"""

import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import torch

from dpi_core.errors import DPIError
from dpi_core.imaging.photo import Photo
from dpi_core.method.sampler import StepEvent
from dpi_core.restore.compose import Photos, checked_background
from dpi_core.restore.records import Preparation, Restoration, RestoreStep
from dpi_core.restore.request import Request
from dpi_core.restore.restorer import Restorer
from dpi_core.web import zerogpu


class LentGPURestorer(Restorer):
    """See the module; the arguments are those of `Restorer`.

    Args:
        gpu: ``spaces.GPU`` or what behaves like it: gpu(duration=function)(generator function).
    """

    def __init__(self, prior: str = "embedded", device: str = "auto", *, gpu: Callable, **options: Any):
        in_time = threading.current_thread() is threading.main_thread()
        super().__init__(prior, device if in_time else "cpu", **options)
        self._load_there = None if in_time else (prior, device, options)
        self._there = gpu(duration=zerogpu.seconds_needed)(self._run)

    def run_steps(
        self, image: Any, request: Request, *, after: StepEvent | None = None, stop: Callable[[], bool] = lambda: False
    ) -> Iterator[RestoreStep | Restoration]:
        """See `Restorer.run_steps`.

        Raises:
            ValueError: also if no GPU can be had, or it was taken away before the run was done.
        """
        prepared = image if isinstance(image, Preparation) else self.prepared(image, request)
        background = checked_background(request.background, prepared)
        done = None
        with tempfile.TemporaryDirectory(prefix="dpi-") as folder:
            stop_file = Path(folder) / "stop"
            for item in _received(self._there(_sent(prepared, request, after, stop_file))):
                if isinstance(item, Restoration):
                    done = item  # the call has still to end, which gives the GPU back
                    continue
                position, event = item
                yield RestoreStep(prepared.jobs[position], event)
                if stop():
                    stop_file.touch()
        if done is None:
            raise DPIError("ZeroGPU ended the run before it was done. Try again.")
        yield _at_home(done, prepared, background)

    def _run(self, sent: zerogpu.LentRun) -> Iterator[bytes]:
        """Run in the other process: yields (place of the face, event), last the restoration or a message, packed."""
        try:
            prepared, request, after = unpack(sent.run)
            if self._load_there is not None:
                prior, device, how = self._load_there
                super().__init__(prior, device, **how)
                self._load_there = None  # the process may serve another run
            for item in super().run_steps(prepared, request, after=after, stop=Path(sent.stop_file).exists):
                yield pack(item if isinstance(item, Restoration) else (prepared.jobs.index(item.job), item.event))
        except DPIError as error:  # the decorator would pass on nothing but its class
            yield pack(str(error))


def pack(record: object) -> bytes:
    """Write a record of the pipeline, with its tensors, as bytes."""
    buffer = BytesIO()
    torch.save(record, buffer)
    return buffer.getvalue()


def unpack(data: bytes) -> Any:
    """Return what `pack` was given, tensors on the CPU. Only for bytes of this program's own (see the module)."""
    return torch.load(BytesIO(data), map_location="cpu", weights_only=False)


def _sent(prepared: Preparation, request: Request, after: StepEvent | None, stop_file: Path) -> zerogpu.LentRun:
    dot = np.zeros((1, 1, 3), np.uint8)
    jobs = tuple(replace(job, matrix=None) for job in prepared.jobs)
    faces = replace(prepared, jobs=jobs, source=Photo(dot, dot, None, None, None))
    return zerogpu.LentRun(
        faces=len(prepared.jobs),
        steps=request.config.steps - (0 if after is None else after.index + 1),
        seeds=len(request.seeds),
        side=max((job.condition.shape[-1] for job in prepared.jobs), default=0),
        run=pack((faces, request, after)),
        stop_file=str(stop_file),
    )


def _received(packed: Iterator[bytes]) -> Iterator[Any]:
    """Yield what comes back; raise a message, and whatever ZeroGPU has to say (no GPU, no quota left), as ValueError."""
    try:
        for data in packed:
            item = unpack(data)
            if isinstance(item, str):
                raise DPIError(item)
            yield item
    except gr.Error as error:
        reason = str(error.message).rstrip(".")
        raise DPIError(f"ZeroGPU: {reason}. Try again later, or with fewer steps, seeds or faces.") from error


def _at_home(done: Restoration, prepared: Preparation, background: int) -> Restoration:
    """Put the faces of a restoration that came back into the photo that stayed here."""
    places = {id(job): place for place, job in enumerate(done.preparation.jobs)}
    results = tuple(replace(result, job=prepared.jobs[places[id(result.job)]]) for result in done.results)
    photos = Photos(prepared, results, background)
    return replace(done, results=results, photos=photos, preparation=prepared, background=background)
