"""How the settings trade likeness for detail: ``python -m dpi_core.evaluation.sweep --data FACES --tau 0 50 150 --eta 0 1``.

Every combination of tau, eta, sparsity and how often the corrector is asked, on held-out faces, taken from the end of the list
so that choosing presets by it does not touch the first faces, which `dpi_core.evaluation.embedded` measures. One line each:
PSNR, SSIM, gradient similarity, LR-consistency, the grid's energy and the energy of fine detail, both against the true faces'
(1 is theirs), and seconds of processor time a face.
"""

import argparse
import time
from itertools import product

from torch import Tensor

from dpi_core.evaluation.held_out import bicubic_task, blind_task, held_out_faces
from dpi_core.evaluation.methods import add_model_arguments, models_from, restore
from dpi_core.measure.metrics import detail_energy, gradient_similarity, grid_energy, lr_consistency, psnr, ssim
from dpi_core.method.config import DPIConfig


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_model_arguments(parser)
    parser.add_argument("--faces", type=int, default=16, help="how many held-out faces (default 16)")
    parser.add_argument("--scale", default="8", help="4, 8, 16 or blind (default 8)")
    parser.add_argument("--tau", type=int, nargs="+", default=[0, 50, 100, 150, 200, 350])
    parser.add_argument("--eta", type=float, nargs="+", default=[0.0, 1.0])
    parser.add_argument("--sparsity", type=int, nargs="+", default=[2])
    parser.add_argument("--correct-every", type=int, nargs="+", default=[1])
    parser.add_argument("--steps", type=int, default=20)
    args = parser.parse_args(argv)
    models = models_from(args)
    true = held_out_faces(args.data, models.prior.image_size, everything=args.all)[-args.faces :]
    task = blind_task(true) if args.scale == "blind" else bicubic_task(true, int(args.scale))

    print(f"{len(true)} faces, {task.name}, {args.steps} steps\n")
    print(
        "| settings | PSNR dB | SSIM | gradients | LR-consistency dB | grid | detail | s a face |\n"
        "|---|---|---|---|---|---|---|---|"
    )

    def line(name: str, result: Tensor, sparsity: int = 2, seconds: float = 0.0) -> None:
        grid = grid_energy(result, sparsity) / grid_energy(true, sparsity) if sparsity > 1 else 1.0
        print(
            f"| {name} | {psnr(result, true):.2f} | {ssim(result, true):.3f} | {gradient_similarity(result, true):.3f} | "
            f"{lr_consistency(result, task.low_res):.1f} | {grid:.1f} | {detail_energy(result) / detail_energy(true):.2f} | "
            f"{seconds / len(true):.2f} |",
            flush=True,
        )

    line("bicubic", task.condition)
    for k, eta, tau, every in product(args.sparsity, args.eta, args.tau, args.correct_every):
        config = DPIConfig(steps=args.steps, tau=tau, eta=eta, sparsity=k, correct_every=every)
        start = time.process_time()  # other programs do not count
        result = restore(models, task, config)
        line(f"k {k}, eta {eta:g}, tau {tau}, CRT every {every}", result, k, time.process_time() - start)


if __name__ == "__main__":
    main()
