"""From a photograph to restored faces, and the one place where the device is chosen.

    prepare (`dpi_core.restore.prepare`) -> sample -> measure -> paste back (`dpi_core.restore.compose`)

`Restorer.restore_steps` is the primitive: it yields every sampling step and, last, the `Restoration`.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import islice

import numpy as np
from torch import Tensor

from dpi_core import __version__
from dpi_core.baselines.by_name import checked, method_steps
from dpi_core.errors import DPIError
from dpi_core.faces import Face
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
from dpi_core.models.priors import load_prior
from dpi_core.restore.compose import checked_background, composed
from dpi_core.restore.prepare import prepare
from dpi_core.restore.recipe import Branch
from dpi_core.restore.records import FaceJob, FaceResult, Preparation, Restoration, RestoreStep


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

    def restore(
        self,
        image: ImageLike,
        config: DPIConfig | None = None,
        *,
        seeds: Sequence[int] = (0,),
        scale: int | None = None,
        aligned: bool = False,
        face: int | str | Sequence[int] | None = None,
        detector: str = "auto",
        include_sharp: bool = False,
        background: int = 1,
        branch: Branch | None = None,
        method: str = "dpi",
    ) -> Restoration:
        """Restore the faces of a photo; the arguments are those of `prepare` and `restore_steps`."""
        steps = self.restore_steps(
            image,
            config,
            seeds=seeds,
            scale=scale,
            aligned=aligned,
            face=face,
            detector=detector,
            include_sharp=include_sharp,
            background=background,
            branch=branch,
            method=method,
        )
        return next(step for step in steps if isinstance(step, Restoration))

    def restore_steps(
        self,
        image: ImageLike | Preparation,
        config: DPIConfig | None = None,
        *,
        seeds: Sequence[int] = (0,),
        scale: int | None = None,
        aligned: bool = False,
        face: int | str | Sequence[int] | None = None,
        detector: str = "auto",
        include_sharp: bool = False,
        background: int = 1,
        after: StepEvent | None = None,
        branch: Branch | None = None,
        method: str = "dpi",
        stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[RestoreStep | Restoration]:
        """Restore step by step.

        Args:
            image: what `prepare` takes, or what it returned (then the five arguments below are ignored).
            scale, aligned, face, detector, include_sharp: see `prepare`.
            config: the settings; None = `DPIConfig()`.
            seeds: one result for each.
            background: 1 to 4, how many times larger a side the photo becomes (Lanczos) before the faces are pasted.
            after: go on after this event of an earlier run instead of from noise (see `sample_steps`); one face only.
            branch: let the seeds part after that step of that seed's run, which is run up to there first unless `after` is
                the event of it. The results' settings say so.
            method: "dpi" or another of `dpi_core.baselines.by_name.NAMES`, which heeds the steps, sparsity and noise level.
            stop: asked after every step; True ends the run with what there is.

        Yields:
            RestoreStep: each step of each face; then, last, one Restoration.

        Raises:
            ValueError: as `prepare`, and on a background that is not allowed or makes too large a photo.
        """
        config = config or DPIConfig()
        if checked(method) != "dpi" and branch is not None:
            raise DPIError(f"method is {method!r}, whose seeds cannot part on the way; only those of dpi can.")
        if not isinstance(image, Preparation):
            image = self.prepare(
                image, scale=scale, aligned=aligned, face=face, detector=detector, include_sharp=include_sharp
            )
        background = checked_background(background, image)
        if branch is not None:
            branch.checked(config.steps)
        if after is not None and len(image.jobs) != 1:
            raise DPIError(f"after is given for {len(image.jobs)} faces; a run can only go on with one.")
        start, away, complete = time.perf_counter(), 0.0, True
        results: list[FaceResult] = []
        fitting = Fitting(), Fitting()
        prior, corrector = FittingPrior(self.prior, fitting[0]), FittingCorrector(self.corrector, fitting[1])
        for job in image.jobs:
            x0 = None
            condition, low_res = job.condition.to(self.device), job.low_res.to(self.device)
            run = partial(method_steps, method, prior, condition, config, corrector=corrector, low_res=low_res)
            stem = after
            if branch is not None and after is None:
                stem = next(islice(run(seeds=(branch.seed,)), branch.step - 1, None))
            for event in run(seeds=seeds, after=stem):
                event = on_cpu(event)
                x0 = event.x0
                left = time.perf_counter()
                yield RestoreStep(job, event)
                away += time.perf_counter() - left
                if stop():
                    complete = event.stage == "final" and job is image.jobs[-1]
                    break
            if x0 is not None:
                results += self._finish(image, job, x0, config, tuple(seeds), event.index + 1, branch, method)
            if not complete:
                break
        seconds = time.perf_counter() - start - away
        photos = tuple(composed(image, [r for r in results if r.seed == seed], background) for seed in seeds)
        said = tuple(dict.fromkeys(filter(None, [*notes(self.prior, self.corrector), *(f.note for f in fitting)])))
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
        return prepare(
            image,
            TEMPLATES[self.prior.template].resized(self.prior.image_size),
            scale=scale,
            aligned=aligned,
            face=face,
            detector=detector,
            include_sharp=include_sharp,
            faces=faces,
        )

    def _finish(
        self,
        prepared: Preparation,
        job: FaceJob,
        x0: Tensor,
        config: DPIConfig,
        seeds: tuple[int, ...],
        steps: int,
        branch: Branch | None,
        method: str,
    ) -> list[FaceResult]:
        results = []
        for seed, face in zip(seeds, x0, strict=True):
            image = to_image(face)
            rounded = to_tensor(np.asarray(image))
            measured = {"lr_consistency": round(lr_consistency(rounded, job.low_res), 2)}
            if job.truth is not None:
                measured["psnr"] = round(psnr(rounded, job.truth), 2)
                measured["psnr_input"] = round(psnr(job.condition, job.truth), 2)
                measured["ssim"] = round(ssim(rounded, job.truth), 4)
            settings = {
                "version": __version__,
                **self._names,
                "config": asdict(config),
                "seed": seed,
                "scale": prepared.scale,
                "aligned": job.face is None,
                "face": job.index,
                "steps_done": steps,
                **({} if branch is None else {"branch": asdict(branch)}),
                **({} if method == "dpi" else {"method": method}),
                "measured": measured,
            }
            results.append(FaceResult(job, seed, image, to_image(job.condition[0]), measured, settings))
        return results


def on_cpu(event: StepEvent) -> StepEvent:
    """The event with its tensors on the CPU: what leaves the pipeline needs no device to be looked at."""
    return replace(
        event, x_t=event.x_t.cpu(), x0=event.x0.cpu(), mask=event.mask.cpu(), condition=event.condition.cpu()
    )
