"""Every clusterer of darkframe_artlib, with parameters at which it finds planted blobs, and the blobs."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from darkframe import ClustererInfo
from darkframe_artlib.plugin import darkframe_clusterers

INFOS: dict[str, ClustererInfo] = {info.name: info for info in darkframe_clusterers()}

SUITABLE: dict[str, dict[str, Any]] = {
    "fuzzyart": {},
    "gaussianart": {"rho": 0.1},
    "hypersphereart": {"rho": 0.3},
    "bayesianart": {"rho": 0.0009, "cov_init": 0.001, "rho_of": "dimension"},
    "ellipsoidart": {"rho": 0.1},
    "quadraticneuronart": {"rho": 0.9, "lr_s": 0.05},
    "art2a": {},
    "art1": {"rho": 0.4},
    "binaryfuzzyart": {},
    "topoart": {"rho": 0.8, "tau": 80, "phi": 5},
    "dualvigilanceart": {"rho": 0.9, "rho_lower": 0.7, "alpha": 0.01},
    "icvifuzzyart": {"alpha": 0.01, "rho": 0.2},
    "cviart": {"alpha": 0.01, "rho": 0.5},
    "fusionart": {"rho": 0.7, "alpha": 0.01},
    "deepartmap": {"rho": (0.7, 0.9)},
}
"""Parameters over the defaults at which each module recovers ``blobs()`` at level 0."""

NAMES = list(INFOS)
GROWING = [name for name in NAMES if name not in ("topoart", "icvifuzzyart", "cviart", "deepartmap")]


def make(name: str, **changed: Any) -> Any:
    """A clusterer of the plugin, some parameters changed."""
    info = INFOS[name]
    module, _, attribute = info.target.partition(":")
    return getattr(importlib.import_module(module), attribute)(info.params(**changed))


def suitable(name: str) -> Any:
    """A clusterer with parameters that suit the blobs."""
    return make(name, **SUITABLE[name])


def blobs(n: int = 160, d: int = 6, k: int = 4, spread: float = 0.02, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(n, d) rows around k centres in the unit cube, in random order, and which centre."""
    rng = np.random.default_rng(seed)
    centres, labels = rng.uniform(0, 1, (k, d)), rng.integers(0, k, n)
    return centres[labels] + spread * rng.standard_normal((n, d)), labels


def noise(n: int, d: int, seed: int) -> np.ndarray:
    """(n, d) rows without structure; every third seed has repeated rows."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, d))
    return rows[rng.integers(0, n, n)] if seed % 3 == 0 else rows
