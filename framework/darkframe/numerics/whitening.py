"""Principal components and whitening from an exact covariance: one float64 eigendecomposition serves both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.linalg

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F32, F64


def principal_components(covariance: F64) -> tuple[F64, F64]:
    """Eigenvalues and eigenvectors of a covariance matrix, largest first.

    Args:
        covariance: (d, d) float64, symmetric.

    Returns:
        variances (d,) float64, not negative, and components (d, d) float64, one orthonormal row a component; the entry of
        largest magnitude in each row is positive, so that signs do not depend on the LAPACK used.
    """
    values, vectors = scipy.linalg.eigh(np.asarray(covariance, np.float64))
    variances = np.maximum(values[::-1], 0.0)
    components = vectors[:, ::-1].T.copy()
    largest = np.abs(components).argmax(axis=1)
    components *= np.sign(components[np.arange(len(components)), largest])[:, None]
    return variances, components


@dataclass(frozen=True, eq=False)
class Whitening:
    """The first k principal components scaled to unit variance: ``z = (e − mean) Vᵀ / √λ``.

    Attributes:
        mean: (d,) float64.
        components: (k, d) float64, orthonormal rows V.
        variances: (k,) float64, λ, largest first.
        total_variance: Trace of the whole covariance.
    """

    mean: F64
    components: F64
    variances: F64
    total_variance: float

    @classmethod
    def fit(cls, mean: F64, covariance: F64, k: int) -> Whitening:
        """Keep the first k components; those of (numerically) no variance are left out, so k may shrink.

        The covariance comes from float32 products, exact to some 1e-10 of the largest variance: what is below 1e-9 of that is
        rounding, such as the direction lost where rows are centred over their dimensions, and would be blown up to unit variance.
        """
        variances, components = principal_components(covariance)
        positive = int((variances > 1e-9 * variances[0]).sum())
        k = min(k, positive)
        return cls(np.asarray(mean, np.float64), components[:k], variances[:k], float(variances.sum()))

    @property
    def k(self) -> int:
        """Number of components kept."""
        return len(self.variances)

    def whiten(self, block: NDArray[Any]) -> F32:
        """Whitened rows (n, k) float32 of a block (n, d)."""
        centred = np.asarray(block, np.float32) - self.mean.astype(np.float32)  # first: a huge mean would eat the digits
        out: F32 = centred @ (self.components / np.sqrt(self.variances)[:, None]).T.astype(np.float32)
        return out

    def patterns(self, mixing: F64) -> F64:
        """Activation-space directions (m, d) of whitened-space mixing columns (k, m): ``mixing.T @ (√λ[:, None] V)``."""
        out: F64 = mixing.T @ (np.sqrt(self.variances)[:, None] * self.components)
        return out

    def filters(self, unmixing: F64) -> F64:
        """Activation-space filters (m, d) of whitened-space unmixing rows (m, k): ``unmixing @ (V / √λ[:, None])``."""
        out: F64 = unmixing @ (self.components / np.sqrt(self.variances)[:, None])
        return out
