"""LPIPS (Zhang et al. 2018): how far two pictures are apart in the features of AlexNet, weighted as people judge."""

from collections.abc import Callable

import torch
from torch import Tensor

from dpi_core.measure.identity import UnavailableError


def lpips_distance() -> Callable[[Tensor, Tensor], Tensor]:
    """Load LPIPS from its package: faces and true faces (N,3,H,W) in [-1, 1] -> distances (N,).

    Raises:
        UnavailableError: if a package is missing or its weights cannot be downloaded.
    """
    try:
        from lpips import LPIPS

        network = LPIPS(net="alex", verbose=False)
    except (ImportError, RuntimeError) as error:  # a torchvision made for another torch is a RuntimeError
        raise UnavailableError(f"LPIPS needs lpips and torchvision: pip install lpips ({error})") from error
    except OSError as error:
        raise UnavailableError(f"LPIPS' weights could not be downloaded: {error}") from error

    @torch.no_grad()
    def distances(faces: Tensor, true: Tensor) -> Tensor:
        return network(faces.float(), true.float()).flatten()

    return distances
