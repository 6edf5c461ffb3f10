"""What a prior's estimate of the face holds: ``python -m dpi_core.evaluation.estimates --data FACES --priors FOLDER ..``.

Held-out sharp faces are noised to some t and estimated in one call; one line a prior and t: the fine detail of the estimate
against the truth's (`dpi_core.measure.spectra`), and its mean squared error. A posterior mean is soft where much is open;
finishing (`dpi_core.training.finishing`) trades the least error for detail.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from dpi_core.commands.console import in_a_sentence
from dpi_core.evaluation.held_out import face_sets
from dpi_core.evaluation.judged_figures import spectrum, summary
from dpi_core.method.diffusion import predict_x0, step_coefficients
from dpi_core.models.priors import UNetPrior, load_prior
from dpi_core.training.prior import noised

TIMESTEPS = (50, 150, 250, 350)


@torch.no_grad()
def estimate(prior: UNetPrior, faces: Tensor, t: int) -> Tensor:
    """Estimate faces (N,3,S,S) from themselves under the noise of `t`, the same noise in every call; (N,3,S,S) in [-1, 1]."""
    alpha_bar = prior.alpha_bar.to(faces)
    timesteps = torch.full((len(faces),), t, device=faces.device)
    torch.manual_seed(0)
    x_t = noised(faces, timesteps, alpha_bar)
    return predict_x0(x_t, prior.predict_eps(x_t, timesteps), step_coefficients(prior.alpha_bar, t, -1, 0.0))


@in_a_sentence()
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of aligned faces, or of .tar shards")
    parser.add_argument("--priors", nargs="+", default=["embedded"], help="names or folders (default embedded)")
    parser.add_argument("--faces", type=int, default=12, help="how many (default 12)")
    args = parser.parse_args(argv)
    print("| prior | t | detail, amplitude / truth's | mean squared error |\n|---|---|---|---|")
    for name in args.priors:
        prior = load_prior(name, "cpu")
        faces = next(iter(face_sets(args.data, prior.image_size).values())).pixels[: args.faces]
        truth = spectrum(faces)
        for t in TIMESTEPS:
            found = estimate(prior, faces, t)
            detail = summary(spectrum(found), truth)["detail"][0]
            print(f"| {name} | {t} | {detail:.2f} | {float((found - faces).square().mean()):.4f} |", flush=True)


if __name__ == "__main__":
    main()
