"""The mean of networks that started from the same weights: ``python -m dpi_core.training.average FOLDER FOLDER --out FOLDER``.

Fine-tuned apart, such networks lie in one basin, and the mean of their weights is often better than each (Wortsman et al.
2022, "Model soups"). What one round of training gained and what it lost are so weighed against each other without training.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from dpi_core.errors import DPIError
from dpi_core.models.priors import load_prior, save_prior
from dpi_core.weights.layout import SIDECAR
from dpi_core.weights.unets import load_unet, save_unet


def mean_weights(networks: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Compute the element-wise mean of `state_dict`s, in float32.

    Raises:
        ValueError: if their names or shapes differ: they are of different networks.
    """
    shapes = [{name: tuple(value.shape) for name, value in weights.items()} for weights in networks]
    if any(found != shapes[0] for found in shapes[1:]):
        raise DPIError("the networks differ in their layers; allowed are those trained from the same weights.")
    return {name: torch.stack([weights[name].float() for weights in networks]).mean(dim=0) for name in networks[0]}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="priors, or correctors, in diffusers' layout")
    parser.add_argument("--out", type=Path, required=True, help="folder of the mean")
    args = parser.parse_args(argv)
    try:
        if (args.folders[0] / SIDECAR).exists():
            priors = [load_prior(str(folder), "cpu") for folder in args.folders]
            priors[0].unet.load_state_dict(mean_weights([prior.unet.state_dict() for prior in priors]))
            save_prior(priors[0], args.out)
        else:
            networks = [load_unet(folder, torch.device("cpu")) for folder in args.folders]
            networks[0].load_state_dict(mean_weights([network.state_dict() for network in networks]))
            save_unet(networks[0], args.out)
    except DPIError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
