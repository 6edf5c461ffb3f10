"""What is measured, a `Case`, and what is known of a `Metric`, for `dpi_core.measure.metric_registry`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

Figures = dict[str, list[float]]
"""Metric -> one value a face, in the order of the faces; of a set what its metric gives."""
Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True, eq=False)
class Case:
    """Results (N,3,S,S) in [-1, 1], and what they can be measured by, as far as it is there.

    Attributes:
        result: what is measured.
        true: the true faces, as `result`.
        low_res: the inputs (N,3,h,w).
        upsampled: the inputs upsampled, as `result`.
        fcm_end: the clean estimates at the end of FCM, as `result`.
        second_seed: the result of another seed for the first, or all, faces.
        all_seeds: of three or more seeds, each for the same first faces.
        people: dlib's descriptors of results and true faces.
        perceptual: LPIPS of each result (N,).
        features: EfficientNet-Lite0's of results and of other, real faces.
        inception: Inception's of results and of other, real faces.
        logits: Inception's of the results.
        points: the five (5,2) that the faces are aligned by, in pixels.
        seconds: what each took.
        sparsity: where the mask's grid would show.
    """

    result: Tensor
    true: Tensor | None = None
    low_res: Tensor | None = None
    upsampled: Tensor | None = None
    fcm_end: Tensor | None = None
    second_seed: Tensor | None = None
    all_seeds: Sequence[Tensor] | None = None
    people: Pair | None = None
    perceptual: Tensor | None = None
    features: Pair | None = None
    inception: Pair | None = None
    logits: Tensor | None = None
    points: Tensor | None = None
    seconds: Sequence[float] | None = None
    sparsity: int = 2


@dataclass(frozen=True)
class Metric:
    """What is known of a metric.

    Attributes:
        title: with its unit and, in brackets, what is better: high, low or the truth's own value.
        form: its number format.
        needs: the fields of `Case` that it looks at beside `result`.
        source: the paper it comes from; of a network, the package.
        function: from a case to one value a face or, if `of_sets`, to values of the whole set.
        of_sets: does it judge a set of faces, and not each?
        against_truth: for a power, what its ratio to the truth's is told as.
    """

    title: str
    form: str
    needs: tuple[str, ...]
    source: str
    function: Callable[[Any], list[float]]
    of_sets: bool = False
    against_truth: Callable[[float], float] | None = None

    @property
    def better(self) -> str:
        """What the title says in brackets, "high" or "low"; or else "target", the truth's own value."""
        said = self.title.rpartition("(")[2].removesuffix(")")
        return said if said in ("high", "low") else "target"
