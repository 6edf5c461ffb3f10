"""What bfloat16 costs in quality: ``python -m dpi_core.evaluation.precision --data FACES --faces 10``.

The same held-out faces, seeds and settings, restored with the networks in float32 and in bfloat16, on any device (a CPU
gives the same figures, only slower). PSNR against the truth says whether one is as good as the other; the PSNR between
the two results, how far apart they are.
"""

import argparse

import torch
from torch import Tensor

from dpi_core.commands.console import in_a_sentence
from dpi_core.evaluation.held_out import bicubic_task, held_out_faces, task_of
from dpi_core.evaluation.intervals import mean_interval
from dpi_core.evaluation.methods import add_model_arguments, models_from, restore
from dpi_core.measure.metrics import psnr
from dpi_core.models.presets import PRESETS

CONFIGS = {"published": PRESETS["published"][0], "medium": PRESETS["medium"][0]}
LEVELS = 127.5  # 8-bit levels in one unit of [-1, 1]


@in_a_sentence()
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_model_arguments(parser)
    parser.add_argument("--faces", type=int, default=10, help="how many held-out faces (default 10)")
    args = parser.parse_args(argv)
    exact, rounded = models_from(args), models_from(args).computing_in(torch.bfloat16)
    true = held_out_faces(args.data, exact.prior.image_size, args.faces, args.all)
    print(f"{len(true)} faces; PSNR dB against the truth, (its change, 95 % interval), and against float32's result")
    for task in (bicubic_task(true, 8), task_of("blind", true)):
        for preset, config in CONFIGS.items():
            results = [restore(models, task, config) for models in (exact, rounded)]
            for name, result in zip(("float32", "bfloat16"), results, strict=True):
                print(f"  {task.name:9} {preset:10} {name:9} " + compared_with(result, results[0], true))


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
