"""From a photograph to restored faces, and the one place where the device is chosen.

    prepare (`dpi_core.restore.prepare`) -> sample -> measure -> paste back (`dpi_core.restore.compose`)

`Restorer.run_steps` is the primitive: from a photo and a `Request` it yields every sampling step and, last, the
`Restoration`.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from torch import Tensor

from dpi_core import __version__
from dpi_core.baselines.by_name import method_steps
from dpi_core.errors import DPIError
from dpi_core.faces import Face
from dpi_core.faces.colour import as_grey, is_grey
from dpi_core.faces.templates import TEMPLATES
from dpi_core.imaging.pictures import ImageLike
from dpi_core.imaging.pixels import to_image, to_tensor
from dpi_core.measure.metrics import lr_consistency, psnr, ssim
from dpi_core.method.config import DPIConfig
from dpi_core.method.sampler import StepEvent
from dpi_core.models.acceleration import AUTO, accelerated, allow_tf32, notes, pick_precision, quick_call
from dpi_core.models.batch_splitting import Fitting, FittingCorrector, FittingPrior
from dpi_core.models.correctors import load_corrector
from dpi_core.models.devices import pick_device
from dpi_core.models.octave import FittingOctave, load_octave
from dpi_core.models.priors import load_prior
from dpi_core.restore.compose import Photos, checked_background, lettering_notes
from dpi_core.restore.prepare import prepare
from dpi_core.restore.records import FaceJob, FaceResult, Preparation, Restoration, RestoreStep
from dpi_core.restore.request import PREPARING, Asked, Request

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Restorer:
    """Loads a prior and a corrector once and restores photographs with them.

    Args:
        prior: "embedded", "ffhq-256", "celebahq-256", a folder, a checkpoint or a hub id (see `load_prior`).
        device: "auto", "cpu", "cuda" or "mps".
        corrector: "embedded" or a folder (see `load_corrector`).
        precision: "auto", "float32" or "bfloat16": what the networks compute in (see `acceleration.pick_precision`).
        fast: compile the networks: a slow first run for each size and number of seeds, then faster ones.

    Raises:
        ValueError: on an unknown prior, corrector, device or precision.
    """

    def __init__(
        self,
        prior: str = "embedded",
        device: str = "auto",
        *,
        corrector: str = "embedded",
        precision: str = AUTO,
        fast: bool = False,
    ):
        self.device = pick_device(device)
        dtype = pick_precision(precision, self.device)
        allow_tf32(self.device)
        faster = partial(quick_call, device=self.device, compile_it=fast)
        self.prior = accelerated(load_prior(prior, device), dtype, faster)
        self.corrector = accelerated(load_corrector(corrector, device), dtype, faster)
        self._names = {"prior": prior, "corrector": corrector}
        self._octave = cache(lambda: accelerated(load_octave(device=device), dtype, faster))

    def restore(self, image: ImageLike, config: DPIConfig | None = None, **asked: "Unpack[Asked]") -> Restoration:
        """Restore the faces of a photo; the keywords are those of `restore_steps`."""
        steps = self.restore_steps(image, config, **asked)
        return next(step for step in steps if isinstance(step, Restoration))

    def run(self, image: ImageLike | Preparation, request: Request) -> Restoration:
        """Restore the faces of a photo as a request says, such as one that `read_request` read; see `run_steps`."""
        return next(step for step in self.run_steps(image, request) if isinstance(step, Restoration))

    def restore_steps(
        self,
        image: ImageLike | Preparation,
        config: DPIConfig | None = None,
        *,
        after: StepEvent | None = None,
        stop: Callable[[], bool] = lambda: False,
        **asked: "Unpack[Asked]",
    ) -> Iterator[RestoreStep | Restoration]:
        """Restore step by step: `run_steps` with a request made of these arguments.

        Args:
            image: what `prepare` takes, or what it returned (then scale, aligned, face, detector and include_sharp are
                ignored).
            config: the settings; None = `DPIConfig()`.
            after, stop: see `run_steps`.
            asked: seeds, scale, aligned, face (None = the largest), detector, include_sharp, background, branch, method and
                octave: see `Request`.

        Raises:
            ValueError: as `run_steps`, and on an argument that is not allowed.
        """
        request = self._asked(config=config or DPIConfig(), **asked)
        yield from self.run_steps(image, request, after=after, stop=stop)

    def run_steps(
        self,
        image: ImageLike | Preparation,
        request: Request,
        *,
        after: StepEvent | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[RestoreStep | Restoration]:
        """Carry out a request step by step.

        The results' settings are that request (one face and seed each), so that the photo and they make them again.

        Args:
            image: what `prepare` takes, or what it returned, whose request then stands in for the fields that a preparation
                depends on (`restore.request.PREPARING`).
            request: its prior and corrector must be this restorer's. Where it has a branch, the run of the branch's seed is
                made first up to that step, unless `after` is the event of it.
            after: go on after this event of an earlier run instead of from noise (see `sample_steps`); one face only.
            stop: asked after every step; True ends the run with what there is.

        Yields:
            RestoreStep: each step of each face; then, last, one Restoration.

        Raises:
            ValueError: as `prepare`, on other models than these, and on a background that makes too large a photo.
        """
        for name, own in self._names.items():
            if getattr(request, name) != own:
                raise DPIError(
                    f"{name} of the request is {getattr(request, name)!r}; this restorer has loaded {own!r}."
                )
        image = image if isinstance(image, Preparation) else self.prepared(image, request)
        request = replace(request, **{name: getattr(image.request, name) for name in PREPARING})
        background = checked_background(request.background, image)
        config, seeds, branch = request.config, request.seeds, request.branch
        if after is not None and len(image.jobs) != 1:
            raise DPIError(f"after is given for {len(image.jobs)} faces; a run can only go on with one.")
        start, away, complete = time.perf_counter(), 0.0, True
        results: list[FaceResult] = []
        fitting, octave = (Fitting(), Fitting()), FittingOctave(self._octave)
        prior, corrector = FittingPrior(self.prior, fitting[0]), FittingCorrector(self.corrector, fitting[1])
        for job in image.jobs:
            last = None
            condition, low_res = job.condition.to(self.device), job.low_res.to(self.device)
            run = partial(method_steps, request.method, prior, condition, config, corrector=corrector, low_res=low_res)
            stem = after
            if branch is not None and after is None:
                stem = next(islice(run(seeds=(branch.seed,)), branch.step - 1, None))
            for event in run(seeds=seeds, after=stem):
                last = event = on_cpu(event)
                left = time.perf_counter()
                yield RestoreStep(job, event)
                away += time.perf_counter() - left
                if stop():
                    complete = event.stage == "final" and job is image.jobs[-1]
                    break
            if last is not None:
                results += self._finish(job, last, request, octave)
            if not complete:
                break
        seconds = time.perf_counter() - start - away
        photos = Photos(image, results, background)
        told = [*image.source.notes, *(lettering_notes(photos, len(image.faces)) if complete else [])]
        told += [*notes(self.prior, self.corrector, *octave.used), *(f.note for f in (*fitting, octave))]
        said = tuple(dict.fromkeys(filter(None, told)))
        yield Restoration(tuple(results), photos, image, complete, seconds, background, said)

    def prepare(
        self,
        image: ImageLike,
        *,
        scale: int | None = None,
        aligned: bool = False,
        face: int | str | Sequence[int] | None = None,
        detector: str = "auto",
        include_sharp: bool = False,
        faces: Sequence[Face] | None = None,
    ) -> Preparation:
        """Read a photo, find its faces and cut out those to restore.

        Args:
            image: PIL image, RGB array, path or bytes.
            scale: None = the photo as it is; 4, 8 or 16 = reduce the face first: a simulation with a known truth.
            aligned: True = the picture is a face crop, whatever is on it; its central square is used whole and nothing
                is pasted back. A picture whose only face sits on the prior's template is used whole without it too.
            face: an index (0 = the largest), several, "all" (but not the sharp ones, see `Preparation.sharp`), or
                None = the largest.
            detector: "auto", "face-alignment", "yunet" or "embedded".
            include_sharp: "all" takes the sharp faces too.
            faces: what the detector found before; it is not asked again then.

        Raises:
            NoFaceError: if there is no face.
            ImageError: if the picture cannot be used.
            ValueError: on a scale, face or detector that is not allowed, or if "all" leaves no face.
        """
        request = self._asked(scale=scale, aligned=aligned, face=face, detector=detector, include_sharp=include_sharp)
        return self.prepared(image, request, faces=faces)

    def _asked(self, **values: Any) -> Request:
        return Request().replaced({**self._names, **values})

    def prepared(self, image: ImageLike, request: Request, *, faces: Sequence[Face] | None = None) -> Preparation:
        """Read a photo, find its faces and cut out those to restore, as a request says; see `prepare`."""
        template = TEMPLATES[self.prior.template].resized(self.prior.image_size)
        return prepare(image, template, request, faces=faces)

    def _finish(self, job: FaceJob, last: StepEvent, request: Request, octave: FittingOctave) -> list[FaceResult]:
        results: list[FaceResult] = []
        for seed, face in zip(request.seeds, last.x0, strict=True):
            image, finer = own_colours(face, job), None
            if job.doubled and not (job.first_only and results):
                # one by one: many at four times the pixels take much memory and save no time on a CPU
                drawn = octave.draw(face.to(self.device), seed)
                finer = None if drawn is None else own_colours(drawn.cpu(), job)
            rounded = to_tensor(np.asarray(image))
            measured = {"lr_consistency": round(lr_consistency(rounded, job.low_res), 2)}
            if job.truth is not None:
                measured["psnr"] = round(psnr(rounded, job.truth), 2)
                measured["psnr_input"] = round(psnr(job.condition, job.truth), 2)
                measured["ssim"] = round(ssim(rounded, job.truth), 4)
            own = request.of_one(job.index, seed)
            settings = {"version": __version__, **own, "steps_done": last.index + 1, "measured": measured}
            results.append(FaceResult(job, seed, image, to_image(job.condition[0]), measured, settings, finer))
        return results


def own_colours(face: Tensor, job: FaceJob) -> Image.Image:
    """Make a picture of a restored face (3,S,S), grey if the photo's face is."""
    return as_grey(to_image(face)) if is_grey(job.crop) else to_image(face)


def on_cpu(event: StepEvent) -> StepEvent:
    """Return the event with its tensors on the CPU: what leaves the pipeline needs no device to be looked at."""
    return replace(
        event, x_t=event.x_t.cpu(), x0=event.x0.cpu(), mask=event.mask.cpu(), condition=event.condition.cpu()
    )
