"""How the settings trade likeness for detail: ``python -m dpi_core.evaluation.sweep --data FACES --tau 0 50 150 --eta 0 1``.

Every combination of tau, eta, sparsity and how often the corrector is asked, on held-out faces, taken from the end of the list
so that choosing presets by it does not touch the first faces, which `dpi_core.evaluation.embedded` measures. One line each:
detail, grain and the grid's energy against the truth's, how far two seeds and the end of FCM differ from the result, agreement,
PSNR and SSIM, and seconds of processor time a face.
"""

import argparse
import time
from itertools import product

from torch import Tensor

from dpi_core.evaluation.held_out import face_sets, task_of
from dpi_core.evaluation.judged_figures import MEASURES, Figures, likeness, spectrum, summary, variety
from dpi_core.evaluation.methods import add_model_arguments, models_from, restored
from dpi_core.method.config import DPIConfig

COLUMNS = ("detail", "grain", "grid", "two_seeds", "fcm_end", "agreement", "psnr", "gain", "ssim")


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
    sets = face_sets(args.data, models.prior.image_size, args.all)
    true = next(iter(sets.values())).pixels[-args.faces :]
    task = task_of(args.scale, true)

    print(f"{len(true)} faces, {task.name}, {args.steps} steps\n")
    titles = [MEASURES[name].title for name in COLUMNS]
    print("| settings | " + " | ".join(titles) + " | s a face |\n" + "|---" * (len(titles) + 2) + "|")

    def line(name: str, figures: Figures, truth: Figures, seconds: float = 0.0) -> None:
        found = summary(figures, truth)
        cells = [f"{found[c][0]:{MEASURES[c].form}}" if c in found else "-" for c in COLUMNS]
        print(f"| {name} | " + " | ".join(cells) + f" | {seconds:.2f} |", flush=True)

    def figures(result: Tensor, sparsity: int) -> Figures:
        return spectrum(result, sparsity) | likeness(result, true, task.low_res, task.condition)

    line("bicubic", figures(task.condition, 2), spectrum(true))
    for k, eta, tau, every in product(args.sparsity, args.eta, args.tau, args.correct_every):
        config = DPIConfig(steps=args.steps, tau=tau, eta=eta, sparsity=k, correct_every=every)
        start = time.process_time()  # other programs do not count
        runs = [restored(models, task, config, [1000 * seed + i for i in range(len(true))]) for seed in range(2)]
        seconds = (time.process_time() - start) / (2 * len(true))
        found = figures(runs[0].result, k) | variety(runs)
        line(f"k {k}, eta {eta:g}, tau {tau}, CRT every {every}", found, spectrum(true, k), seconds)


if __name__ == "__main__":
    main()
