"""What bfloat16 costs in quality: ``python -m dpi_core.evaluation.precision --data FACES --faces 10``.

The same held-out faces, seeds and settings, restored with the networks in float32 and in bfloat16, on any device (a CPU
gives the same figures, only slower). PSNR against the truth says whether one is as good as the other; the PSNR between
the two results, how far apart they are. A third row keeps the networks in float32 and rounds the noise estimate alone:
what bfloat16 does to a prior that predicts eps, such as the public 256x256 ones; the embedded one predicts v, and its
eps is put together in float32.
"""

import argparse

import torch
from torch import Tensor

from dpi_core.evaluation.held_out import bicubic_task, blind_task, held_out_faces
from dpi_core.evaluation.intervals import mean_interval
from dpi_core.evaluation.methods import Models, add_model_arguments, restore
from dpi_core.measure.metrics import psnr
from dpi_core.method.interfaces import Prior
from dpi_core.models.correctors import load_corrector
from dpi_core.models.devices import pick_device
from dpi_core.models.presets import PRESETS
from dpi_core.models.priors import load_prior

CONFIGS = {"published": PRESETS["published"][0], "medium": PRESETS["medium"][0]}
LEVELS = 127.5  # 8-bit levels in one unit of [-1, 1]


class RoundedNoise:
    """A prior whose noise estimates have been through bfloat16."""

    def __init__(self, prior: Prior):
        self.prior, self.image_size, self.alpha_bar = prior, prior.image_size, prior.alpha_bar

    def predict_eps(self, x_t: Tensor, t: Tensor) -> Tensor:
        """See `Prior.predict_eps`."""
        return self.prior.predict_eps(x_t, t).bfloat16().to(x_t)


def variants(prior: str, corrector: str, device: str) -> dict[str, Models]:
    """Return the models in float32, in bfloat16, and in float32 with a rounded noise estimate."""

    def models(dtype: torch.dtype) -> Models:
        loaded = Models(load_prior(prior, device), load_corrector(corrector, device), pick_device(device))
        return loaded.computing_in(dtype)

    exact = models(torch.float32)
    rounded = Models(RoundedNoise(exact.prior), exact.corrector, exact.device)  # type: ignore[arg-type]
    return {"float32": exact, "bfloat16": models(torch.bfloat16), "float32, eps rounded": rounded}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_model_arguments(parser)
    parser.add_argument("--faces", type=int, default=10, help="how many held-out faces (default 10)")
    args = parser.parse_args(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    compared = variants(args.prior, args.corrector, args.device)
    true = held_out_faces(args.data, compared["float32"].prior.image_size, args.faces, args.all)
    print(f"{len(true)} faces; PSNR dB against the truth, (its change, 95 % interval), and against float32's result")
    for task in (bicubic_task(true, 8), blind_task(true)):
        for preset, config in CONFIGS.items():
            results = {name: restore(models, task, config) for name, models in compared.items()}
            for name, result in results.items():
                print(f"  {task.name:9} {preset:10} {name:22} " + compared_with(result, results["float32"], true))


def compared_with(result: Tensor, exact: Tensor, true: Tensor) -> str:
    """Compute the figures of one row, for faces (N,3,H,W) in [-1, 1]."""
    own = [psnr(a, b) for a, b in zip(result, true, strict=True)]
    mean, low, high = mean_interval([a - psnr(b, c) for a, b, c in zip(own, exact, true, strict=True)])
    if result is exact:
        return f"{sum(own) / len(own):5.2f}"
    apart = sum(psnr(a, b) for a, b in zip(result, exact, strict=True)) / len(own)
    levels = (result - exact).abs() * LEVELS
    return (
        f"{sum(own) / len(own):5.2f} ({mean:+.3f}, {low:+.3f} .. {high:+.3f}), {apart:.1f} from float32's, "
        f"{float(levels.mean()):.2f} levels on average"
    )


if __name__ == "__main__":
    main()
