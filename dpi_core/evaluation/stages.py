"""Which stage gains and which loses consistency: ``python -m dpi_core.evaluation.stages --data FACES``.

For each step of runs at the published setting with several tau: PSNR and LR-consistency of x0, and PSNR of the corrected
condition on its grid, on held-out faces reduced by 8.
"""

import argparse

from dpi_core.commands.console import in_a_sentence
from dpi_core.evaluation.held_out import bicubic_task, held_out_faces
from dpi_core.evaluation.methods import add_model_arguments, models_from
from dpi_core.evaluation.report import markdown
from dpi_core.measure.metrics import lr_consistency, psnr
from dpi_core.method.config import DPIConfig
from dpi_core.method.masks import on_grid
from dpi_core.method.sampler import sample_steps

TAUS = (0, 150, 350)


@in_a_sentence()
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_model_arguments(parser)
    parser.add_argument("--faces", type=int, default=12, help="how many held-out faces, in one batch (default 12)")
    parser.add_argument("--scale", type=int, default=8)
    parser.add_argument("--eta", type=float, default=0.0)
    args = parser.parse_args(argv)
    models = models_from(args)
    prior, corrector = models.prior, models.corrector
    true = held_out_faces(args.data, prior.image_size, args.faces, args.all)
    task = bicubic_task(true, args.scale)

    columns: dict[int, list[str]] = {}
    for tau in TAUS:
        config = DPIConfig(tau=tau, eta=args.eta)
        condition = task.condition.to(models.device)
        for event in sample_steps(prior, condition, config, corrector=corrector, seeds=range(len(true))):
            grid = psnr(event.condition.cpu(), on_grid(true, config.sparsity))
            x0 = event.x0.cpu()
            cell = f"{event.stage} {psnr(x0, true):.2f} ({lr_consistency(x0, task.low_res):.1f}) {grid:.2f}"
            columns.setdefault(event.t, []).append(cell)
    print(f"{len(true)} faces, x{args.scale}, eta {args.eta:g}: stage, PSNR of x0 (LR-consistency), PSNR of y; dB\n")
    print(markdown(["t", *(f"tau {tau}" for tau in TAUS)], [[str(t), *cells] for t, cells in columns.items()]))


if __name__ == "__main__":
    main()
