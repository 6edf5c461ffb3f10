"""What a corrector does on the grid of a larger prior: ``python -m dpi_core.evaluation.corrector_256 --data FACES``.

The embedded corrector learned on grids of 64x64 pixels, every second pixel of tight 128x128 faces. A 256x256 prior asks
it on 128x128 grids, and FFHQ's crop shows it more than the face. On held-out faces of each kind, PSNR on the grid:

    bicubic     y_init, what the corrector starts from
    alone       its answer to pure noise and y_init at the noisiest timestep
    in a run    its next answer at t = 350, where it sees its first one noised, as FCM shows it
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from dpi_core.commands.console import in_a_sentence
from dpi_core.evaluation.held_out import Task, held_out_faces, task_of
from dpi_core.evaluation.intervals import mean_interval
from dpi_core.measure.metrics import psnr
from dpi_core.method.diffusion import linear_alpha_bar
from dpi_core.method.interfaces import Corrector
from dpi_core.method.masks import on_grid
from dpi_core.models.correctors import load_corrector
from dpi_core.models.devices import pick_device
from dpi_core.training.framing import AS_IT_IS, FRAMINGS, IN_CONTEXT

TASKS = ("4", "8", "16", "blind")
SPARSITY = 2
IN_A_RUN = 350
BATCH = 5
KINDS = {  # title -> side of the faces, their framing
    "tight crop at 128 (its own)": (128, AS_IT_IS),
    "tight crop at 256, upsampled": (256, AS_IT_IS),
    "FFHQ's crop at 256, mirrored beyond": (256, IN_CONTEXT),
}


@torch.no_grad()
def on_the_grid(corrector: Corrector, true: Tensor, task: Task, device: torch.device) -> dict[str, list[float]]:
    """Measure PSNR in dB of every face (N,3,H,W) on the grid, for each of the three conditions."""
    alpha_bar = linear_alpha_bar()
    generator = torch.Generator().manual_seed(0)
    found: dict[str, list[float]] = {"bicubic": [], "alone": [], "in a run": []}
    for rows, condition in zip(true.split(BATCH), task.condition.split(BATCH), strict=True):
        h, y_init = on_grid(rows, SPARSITY), on_grid(condition, SPARSITY).contiguous()
        noise = torch.randn((2, *y_init.shape), generator=generator)

        def ask(c: Tensor, t: int, y_init: Tensor = y_init) -> Tensor:
            steps = torch.full((len(c),), t, device=device)
            return corrector(c.to(device), steps, y_init.to(device)).cpu()

        first = ask(noise[0], len(alpha_bar) - 1)
        ab = float(alpha_bar[IN_A_RUN])
        second = ask(ab**0.5 * first + (1 - ab) ** 0.5 * noise[1], IN_A_RUN)
        for name, y in zip(found, (y_init, first, second), strict=True):
            found[name] += [psnr(a.clamp(-1, 1), b) for a, b in zip(y, h, strict=True)]
    return found


@in_a_sentence()
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of tight aligned faces, or of .tar shards")
    parser.add_argument("--all", action="store_true", help="the folder holds only held-out faces: take from all")
    parser.add_argument("--corrector", default="embedded", help="embedded, or a folder with a trained corrector")
    parser.add_argument("--faces", type=int, default=30, help="how many held-out faces (default 30)")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args(argv)
    device = pick_device(args.device)
    corrector = load_corrector(args.corrector, args.device)
    for title, (size, framing) in KINDS.items():
        true = held_out_faces(args.data, size, args.faces, args.all, FRAMINGS[framing])
        print(f"{title}, {len(true)} faces, PSNR dB on every second pixel (95 % interval of the gain over bicubic)")
        for task in (task_of(name, true) for name in TASKS):
            print("  " + line(task.name, on_the_grid(corrector, true, task, device)), flush=True)


def line(name: str, found: dict[str, list[float]]) -> str:
    """Write one row of the report."""
    start = found["bicubic"]
    parts = [f"bicubic {sum(start) / len(start):5.2f}"]
    for method in ("alone", "in a run"):
        mean, low, high = mean_interval([a - b for a, b in zip(found[method], start, strict=True)])
        parts.append(f"{method} {sum(found[method]) / len(start):5.2f} ({mean:+.2f}, {low:+.2f} .. {high:+.2f})")
    return f"{name:9} " + "  ".join(parts)


if __name__ == "__main__":
    main()
