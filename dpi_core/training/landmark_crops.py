"""Random 64x64 crops that teach the landmark network: faces under similarities and bad cameras, and non-faces.

The aligned photographs end close to the face, so what a crop shows beyond them is the photograph mirrored, its edge
drawn out, or another picture: the network must not lean on the frame.
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from dpi_core.faces.align import transform
from dpi_core.faces.landmark_net import CROP_SIZE, FRAME, SWAPPED, frame_of
from dpi_core.faces.proposals import cascade_squares

# Pictures of scikit-image without a face; the boxes (x0, y0, x1, y1) cut away the people.
BUNDLED = [
    "brick.png",
    "cell.png",
    "chelsea.png",
    "clock_motion.png",
    "coffee.png",
    "coins.png",
    "color.png",
    "grass.png",
    "gravel.png",
    "horse.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "logo.png",
    "moon.png",
    "motorcycle_left.png",
    "page.png",
    "retina.jpg",
    "rocket.jpg",
    "text.png",
]
PARTS = {
    "camera.png": [(0, 200, 512, 512), (330, 0, 512, 512)],
    "astronaut.png": [(0, 250, 512, 512), (340, 0, 512, 300)],
}


def non_face_pictures(extra: Sequence[Path] = ()) -> list[np.ndarray]:
    """RGB pictures without faces: scikit-image's, and those in the folders `extra`; at most 640 pixels a side."""
    import skimage.data

    root = Path(skimage.data.__file__).parent
    opened: list[Image.Image] = [Image.open(root / name) for name in BUNDLED if (root / name).exists()]
    for name, boxes in PARTS.items():
        opened += [Image.open(root / name).crop(box) for box in boxes if (root / name).exists()]
    for folder in extra:
        opened += [
            Image.open(path) for path in sorted(folder.rglob("*")) if path.suffix.lower() in {".jpg", ".jpeg", ".png"}
        ]
    pictures = []
    for image in opened:
        rgb = image.convert("RGBA").convert("RGB") if image.mode in ("P", "LA", "RGBA") else image.convert("RGB")
        rgb.thumbnail((640, 640))
        pictures.append(np.ascontiguousarray(np.asarray(rgb)))
    return pictures


def false_hits(pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
    """What the cascade takes for a face in pictures that hold none: squares with a margin of half their side, 96x96."""
    hits = []
    for picture in pictures:
        padded = cv2.copyMakeBorder(picture, 320, 320, 320, 320, cv2.BORDER_REFLECT)
        for x, y, side, _ in cascade_squares(picture):
            half = int(side)
            region = padded[int(y) + 320 - half : int(y) + 320 + half, int(x) + 320 - half : int(x) + 320 + half]
            if region.size:
                hits.append(cv2.resize(region, (96, 96), interpolation=cv2.INTER_AREA))
    return hits


def random_box_matrix(side: int, rng: np.random.Generator, turn: float = 0.0) -> np.ndarray:
    """(2,3) from an aligned face of `side` pixels to the crop: 45 % to 100 % of it, off the middle as a proposal is."""
    fraction = float(np.exp(rng.uniform(np.log(0.45), np.log(1.0))))
    shift = rng.uniform(-0.12, 0.12, 2) * CROP_SIZE
    return _frame_matrix(side, fraction, turn, shift)


def _frame_matrix(side: int, fraction: float, turn: float, shift: np.ndarray) -> np.ndarray:
    scale = CROP_SIZE * fraction / side
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]])
    centre = np.full(2, (side - 1) / 2)
    return np.hstack([linear, ((CROP_SIZE - 1) / 2 + shift - linear @ centre)[:, None]])


def positive_crop(
    face: np.ndarray, points: np.ndarray, picture: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A face (S,S,3) as the detector may meet it: (64,64,3) uint8 and its points (5,2) in the crop."""
    side = face.shape[0]
    if rng.random() < 0.6:  # near the frame of the second look
        turn, shift = rng.normal(0, np.radians(5)), rng.normal(0, 0.025, 2) * CROP_SIZE
        jitter = _frame_matrix(CROP_SIZE, float(np.exp(rng.normal(0, 0.09))), turn, shift)
        matrix = _chain(jitter, frame_of(points, FRAME))
    else:
        turn = float(np.clip(rng.normal(0, np.radians(20)), -0.8, 0.8))
        matrix = random_box_matrix(side, rng, turn)
        matrix[:, 2] += rng.uniform(-0.05, 0.05, 2) * CROP_SIZE
    crop = _warp(face, matrix, picture, rng)
    points = transform(points, matrix)
    if rng.random() < 0.5:
        crop, points = crop[:, ::-1], (points * (-1, 1) + (CROP_SIZE - 1, 0))[SWAPPED]
    if rng.random() < 0.12:
        crop = _occluded(crop, picture, rng)
    return spoiled(crop, rng), points


def negative_crop(
    face: np.ndarray, picture: np.ndarray, rng: np.random.Generator, hit: np.ndarray | None = None
) -> np.ndarray:
    """What is no face, (64,64,3) uint8: a texture, a false hit, a piece of a face, one upside down, a pattern."""
    kind = rng.random()
    if kind < 0.15 and hit is not None:
        matrix = _frame_matrix(hit.shape[0], float(rng.uniform(0.8, 1.8)), rng.normal(0, 0.3), rng.uniform(-6, 6, 2))
        size = (CROP_SIZE, CROP_SIZE)
        crop = cv2.warpAffine(hit, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    elif kind < 0.5:
        crop = _texture(picture, rng)
    elif kind < 0.75:
        crop = _warp(face, _piece_matrix(face.shape[0], rng), picture, rng)
    elif kind < 0.9:
        turn = np.radians(rng.uniform(75, 285))
        crop = _warp(face, random_box_matrix(face.shape[0], rng, turn), picture, rng)
    else:
        crop = _pattern(rng)
    return spoiled(crop[:, ::-1] if rng.random() < 0.5 else crop, rng)


def _piece_matrix(side: int, rng: np.random.Generator) -> np.ndarray:
    """Far too close, far off the middle, or far too small."""
    turn, kind = rng.normal(0, 0.3), rng.random()
    angle = rng.uniform(0, 2 * np.pi)
    direction = np.array([np.cos(angle), np.sin(angle)])
    if kind < 0.5:
        fraction = float(rng.uniform(1.9, 4.0))
        return _frame_matrix(side, fraction, turn, direction * rng.uniform(0.0, 0.5) * fraction * CROP_SIZE)
    if kind < 0.85:
        fraction = float(rng.uniform(0.6, 1.6))
        return _frame_matrix(side, fraction, turn, direction * rng.uniform(0.45, 0.8) * max(fraction, 0.8) * CROP_SIZE)
    return _frame_matrix(side, float(rng.uniform(0.08, 0.22)), turn, direction * rng.uniform(0, 0.4) * CROP_SIZE)


def _chain(after: np.ndarray, before: np.ndarray) -> np.ndarray:
    return np.hstack([after[:, :2] @ before[:, :2], (after[:, :2] @ before[:, 2] + after[:, 2])[:, None]])


def _warp(face: np.ndarray, matrix: np.ndarray, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The crop of a face, with something behind it where the photograph ends."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 0.7:  # anti-aliased: most of the reduction happens as an area average
        small = max(4, round(face.shape[0] * scale * 1.15))
        ratio = small / face.shape[0]
        matrix = np.hstack(
            [matrix[:, :2] / ratio, (matrix[:, 2] + matrix[:, :2] @ np.full(2, 0.5 / ratio - 0.5))[:, None]]
        )
        face = cv2.resize(face, (small, small), interpolation=cv2.INTER_AREA)
    size, kind = (CROP_SIZE, CROP_SIZE), rng.random()
    if kind < 0.35:
        return cv2.warpAffine(face, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    if kind < 0.5:
        return cv2.warpAffine(face, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if kind < 0.6:
        flat = tuple(float(v) for v in rng.uniform(0, 255, 3))
        return cv2.warpAffine(
            face, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=flat
        )
    behind = _texture(picture, rng).astype(np.float32)
    front = cv2.warpAffine(face, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = np.zeros(face.shape[:2], np.float32)
    side = face.shape[0]
    if kind < 0.8:  # the head alone: an ellipse that leaves the old background out
        axes = (int(side * rng.uniform(0.42, 0.5)), int(side * rng.uniform(0.5, 0.62)))
        cv2.ellipse(cover, (side // 2, int(side * 0.47)), axes, 0, 0, 360, 1.0, -1)
    else:
        cover[:] = 1.0
    weight = cv2.warpAffine(cover, matrix, size, flags=cv2.INTER_LINEAR)
    weight = cv2.GaussianBlur(weight, (0, 0), float(rng.uniform(0.4, 3.0)))[..., None]
    return np.clip(front * weight + behind * (1 - weight), 0, 255).astype(np.uint8)


def _texture(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random square of a picture, turned, 64x64."""
    height, width = picture.shape[:2]
    side = float(np.exp(rng.uniform(np.log(24), np.log(min(height, width)))))
    x, y = rng.uniform(0, max(1, width - side)), rng.uniform(0, max(1, height - side))
    region = picture[int(y) : int(y + side) + 1, int(x) : int(x + side) + 1]
    how = cv2.INTER_AREA if side > CROP_SIZE else cv2.INTER_CUBIC
    crop = cv2.resize(region, (CROP_SIZE, CROP_SIZE), interpolation=how)
    return np.ascontiguousarray(np.rot90(crop, int(rng.integers(4)))) if rng.random() < 0.4 else crop


def _pattern(rng: np.random.Generator) -> np.ndarray:
    """Noise of a random coarseness, a ramp, or two or three dark blobs (what a cascade takes for eyes)."""
    kind = rng.random()
    if kind < 0.5:
        cells = int(rng.integers(2, 40))
        levels = rng.normal(rng.uniform(60, 190), rng.uniform(5, 60), (cells, cells, 1 if rng.random() < 0.5 else 3))
        crop = cv2.resize(
            np.broadcast_to(levels, (cells, cells, 3)).astype(np.float32),
            (CROP_SIZE, CROP_SIZE),
            interpolation=cv2.INTER_CUBIC,
        )
    else:
        ramp = np.mgrid[0:CROP_SIZE, 0:CROP_SIZE] / CROP_SIZE
        crop = sum(ramp[i][..., None] * rng.normal(0, 80, 3) for i in range(2)) + rng.uniform(60, 200, 3)
        crop = np.ascontiguousarray(crop, np.float32)
        for _ in range(int(rng.integers(0, 4))):
            x, y, radius = rng.integers(5, 59), rng.integers(5, 59), int(rng.integers(2, 10))
            cv2.circle(crop, (int(x), int(y)), radius, tuple(float(v) for v in rng.uniform(0, 255, 3)), -1)
    return np.clip(crop, 0, 255).astype(np.uint8)


def _occluded(crop: np.ndarray, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    crop = crop.copy()
    w, h = rng.integers(8, 28, 2)
    x, y = rng.integers(0, CROP_SIZE - w), rng.integers(0, CROP_SIZE - h)
    crop[y : y + h, x : x + w] = _texture(picture, rng)[:h, :w]
    return crop


def spoiled(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Colour, blur, low resolution, noise and JPEG at random, (64,64,3) uint8."""
    x: np.ndarray = crop.astype(np.float32)
    if rng.random() < 0.2:
        x = np.repeat(x.mean(axis=2, keepdims=True), 3, axis=2)
    if rng.random() < 0.7:
        x = (x - 128) * rng.uniform(0.5, 1.3) + 128 + rng.uniform(-45, 45)
        x = x * rng.uniform(0.85, 1.15, 3)
    x = np.ascontiguousarray(x, np.float32)
    if rng.random() < 0.3:
        x = cv2.GaussianBlur(x, (0, 0), float(rng.uniform(0.3, 2.5)))
    low = int(np.exp(rng.uniform(np.log(10), np.log(CROP_SIZE)))) if rng.random() < 0.5 else CROP_SIZE
    if low < CROP_SIZE:
        x = cv2.resize(x, (low, low), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.4:
        x = x + rng.normal(0, rng.uniform(0, 18), x.shape)
    if rng.random() < 0.3:
        buffer = BytesIO()
        Image.fromarray(np.clip(x, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=int(rng.integers(25, 90)))
        x = np.asarray(Image.open(buffer).convert("RGB"), np.float32)
    if low < CROP_SIZE:
        how = cv2.INTER_CUBIC if rng.random() < 0.6 else cv2.INTER_LINEAR
        x = cv2.resize(np.ascontiguousarray(x, np.float32), (CROP_SIZE, CROP_SIZE), interpolation=how)
    return np.clip(np.rint(x), 0, 255).astype(np.uint8)
