"""The bicubic reduction as a linear operator, with all that solvers of inverse problems ask of one.

Resampling is separable, so ``A x = R x C^T`` for the matrices R (h,H) of the rows and C (w,W) of the columns, and two small
singular value decompositions ``R = U_R S_R V_R^T`` (C alike) give those of A: its singular values are the products
``s_ij = S_R,i S_C,j``, its singular vectors the products of theirs. In that basis every step on A is one per coefficient:

    pseudo-inverse   A^+ y = V (U^T y / s)
    proximal step    argmin_z |y - A z|^2 + weight |z - x|^2 = x + V s / (s^2 + weight) U^T (y - A x)
"""

import torch
from torch import Tensor

from dpi_core.errors import DPIError
from dpi_core.method.resampling import resize


class Reduction:
    """The reduction A from (N,C,H,W) to (N,C,h,w).

    Attributes:
        singular: (h,w) the singular values s of A, all above 0; in one order with the coefficients below.
    """

    def __init__(self, rows: Tensor, columns: Tensor):
        self._rows, self._columns = rows, columns
        self._rows_svd, self._columns_svd = _svd(rows), _svd(columns)
        self.singular = self._rows_svd[1][:, None] * self._columns_svd[1]

    @classmethod
    def between(cls, x: Tensor, low_res: Tensor) -> "Reduction":
        """Build the reduction from images like `x` (N,C,H,W) to ones like `low_res` (N,C,h,w), on the device of `x`.

        Raises:
            ValueError: if `low_res` is larger than `x`, or its batch does not fit.
        """
        (height, width), (low_height, low_width) = x.shape[2:], low_res.shape[2:]
        if low_height > height or low_width > width or low_res.shape[0] not in (1, x.shape[0]):
            raise DPIError(
                f"low_res has shape {tuple(low_res.shape)} for images {tuple(x.shape)}; it must be no larger, "
                "and one for each image or one for all."
            )
        return cls(_matrix(height, low_height).to(x), _matrix(width, low_width).to(x))

    def apply(self, x: Tensor) -> Tensor:
        """Reduce images: A x, (N,C,H,W) to (N,C,h,w)."""
        return self._rows @ x @ self._columns.T

    def adjoint(self, y: Tensor) -> Tensor:
        """Apply the adjoint: A^T y, (N,C,h,w) to (N,C,H,W)."""
        return self._rows.T @ y @ self._columns

    def pseudo_inverse(self, y: Tensor) -> Tensor:
        """Find the smallest image that reduces to `y`: A^+ y, (N,C,h,w) to (N,C,H,W)."""
        return self.from_coefficients(self.measured(y))

    def proximal(self, x: Tensor, y: Tensor, weight: float) -> Tensor:
        """Minimise |y - A z|^2 + weight |z - x|^2 over z (N,C,H,W); weight 0 is the projection onto A z = y."""
        gain = self.singular.square() / (self.singular.square() + weight)
        return x + self.from_coefficients(gain * self.measured(y - self.apply(x)))

    def coefficients(self, x: Tensor) -> Tensor:
        """Take the part of `x` that A sees: V^T x, (N,C,H,W) to (N,C,h,w)."""
        return self._rows_svd[2] @ x @ self._columns_svd[2].T

    def from_coefficients(self, coefficients: Tensor) -> Tensor:
        """Turn what `coefficients` returns into an image again: V c, (N,C,h,w) to (N,C,H,W)."""
        return self._rows_svd[2].T @ coefficients @ self._columns_svd[2]

    def measured(self, y: Tensor) -> Tensor:
        """Tell the coefficients of what was measured: U^T y / s, (N,C,h,w) each; its noise is that of `y` over s."""
        return self._rows_svd[0].T @ y @ self._columns_svd[0] / self.singular

    def unseen(self, x: Tensor) -> Tensor:
        """Take the part of `x` (N,C,H,W) that A does not see: (I - A^+ A) x."""
        return x - self.from_coefficients(self.coefficients(x))


def _svd(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    u, s, vh = torch.linalg.svd(matrix.double().cpu(), full_matrices=False)
    return u.to(matrix), s.to(matrix), vh.to(matrix)


def _matrix(size: int, reduced: int) -> Tensor:
    """Make the (reduced, size) matrix of the bicubic reduction of a line."""
    return resize(torch.eye(size, dtype=torch.float64)[None, None], reduced, size)[0, 0]
