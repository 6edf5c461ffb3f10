"""A small network that finds five points in a 64x64 crop and says whether the crop shows a face.

Every cell c of an 8x8 map votes for every point: ``point_k = sum_c softmax_c(a_ck) (centre_c + offset_ck)``. Cells that
see nothing get no weight, so an occluded or blurred corner does not drag the point along. The score comes from a 4x4
map pooled whole. 0.4 million parameters.
"""

from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dpi_core.faces.align import invert, similarity, transform, warp_to_crop
from dpi_core.faces.templates import Template

CROP_SIZE = 64
# The frame in which the network sees best, since it was trained there; the tight crop fills 0.72 of it.
FRAME = Template(200, ((58.82, 56.96), (136.93, 58.09), (95.97, 102.08), (62.83, 134.01), (129.88, 134.92))).padded(
    CROP_SIZE, 0.72
)
CHANNELS = (24, 48, 80, 96)
POINTS = 5
SWAPPED = [1, 0, 2, 4, 3]  # the five points after a mirror: left and right are the image's
MIRROR = torch.tensor([-1.0, 1.0])


class LandmarkNet(nn.Module):
    """(N,3,64,64) in [-1, 1] -> points (N,5,2), -1 and 1 at the crop's outer edges, and score logits (N,)."""

    def __init__(self, channels: tuple[int, int, int, int] = CHANNELS):
        super().__init__()
        a, b, c, d = channels
        self.stem = _conv(3, a, stride=2, kernel=5)
        self.to16 = _conv(a, b, stride=2)
        self.at16 = _Residual(b)
        self.to8 = _conv(b, c, stride=2)
        self.at8 = _Residual(c)
        self.to4 = _conv(c, d, stride=2)
        self.at4 = _conv(d, d)
        self.context = nn.Conv2d(d, c, 1)
        self.merge = _Residual(c)
        self.votes = nn.Conv2d(c, POINTS * 3, 1)
        self.score = nn.Linear(2 * d, 1)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        x8 = self.at8(self.to8(self.at16(self.to16(self.stem(crops)))))
        x4 = self.at4(self.to4(x8))
        merged = self.merge(x8 + F.interpolate(self.context(x4), scale_factor=2.0, mode="bilinear"))
        pooled = torch.cat([x4.mean(dim=(2, 3)), x4.amax(dim=(2, 3))], dim=1)
        # Eight bits of mantissa are too few for a position, whatever autocast says.
        with torch.autocast(crops.device.type, enabled=False):
            return _vote(self.votes(merged.float())), self.score(pooled.float()).squeeze(1)


def _vote(maps: Tensor) -> Tensor:
    """(N,15,h,w) attention and offsets -> (N,5,2)."""
    n, _, h, w = maps.shape
    attention, offset_x, offset_y = maps.view(n, 3, POINTS, h * w).unbind(1)
    weight = attention.softmax(dim=2)
    ys = ((torch.arange(h, device=maps.device) + 0.5) * (2 / h) - 1).repeat_interleave(w)
    xs = ((torch.arange(w, device=maps.device) + 0.5) * (2 / w) - 1).repeat(h)
    return torch.stack([(weight * (xs + offset_x)).sum(2), (weight * (ys + offset_y)).sum(2)], dim=2)


class _Residual(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


def _conv(inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


@cache
def embedded_landmark_net() -> LandmarkNet:
    """The embedded network, float32 on the CPU, ready for inference.

    Raises:
        ValueError: if its file is missing or damaged.
    """
    from safetensors.torch import load_file

    from dpi_core.weights.embedded_files import embedded_file

    network = LandmarkNet()
    network.load_state_dict(
        {name: value.float() for name, value in load_file(embedded_file("landmarks")).items()}, strict=False
    )
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.eval().requires_grad_(False)


@torch.no_grad()
def predict_points(
    network: LandmarkNet, image: np.ndarray, matrices: list[np.ndarray], mirrored: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Points and scores of the crops that `matrices` (2,3) (photo -> 64x64 crop) cut from `image` (H,W,3) uint8.

    Args:
        mirrored: average the answer with that for the mirrored crop, mirrored back: twice the work, a smaller error,
            and the points of a mirrored photo are the mirrored points.

    Returns:
        points (n,5,2) in the image's pixels, probabilities (n,) in [0, 1].
    """
    if not matrices:
        return np.zeros((0, POINTS, 2)), np.zeros(0)
    points, scores = [], []
    for start in range(0, len(matrices), 64):
        some = matrices[start : start + 64]
        crops = np.stack([warp_to_crop(image, matrix, CROP_SIZE) for matrix in some])
        crop = to_input(torch.from_numpy(crops))
        found, logits = network(crop)
        if mirrored:
            other, other_logits = network(crop.flip(3))
            found, logits = (found + (other * MIRROR)[:, SWAPPED]) / 2, (logits + other_logits) / 2
        pixels = (found.numpy() + 1) * (CROP_SIZE / 2) - 0.5
        points += [transform(p, invert(matrix)) for p, matrix in zip(pixels, some, strict=True)]
        scores.append(logits.sigmoid().numpy())
    return np.stack(points), np.concatenate(scores)


def frame_of(points: np.ndarray, frame: Template = FRAME) -> np.ndarray:
    """The (2,3) matrix that puts five points where the network sees best."""
    return similarity(points, frame.array())


def to_input(pixels: Tensor) -> Tensor:
    """(N,64,64,3) uint8 or float levels -> (N,3,64,64) float32 in [-1, 1]."""
    return pixels.permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous(memory_format=torch.channels_last)
