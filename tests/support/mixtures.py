"""Planted sources for the decomposers' tests."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Planted:
    rows: np.ndarray  # (n, d) float32
    mixing: np.ndarray  # (k, d): what a unit of each source adds
    gaussian: int  # the first so many sources are Gaussian


def planted(n, k, d, *, gaussian=0, kind="heavy", seed=0, noise=0.01, mean=0.0):
    """k unit-variance sources, mixed by correlated directions that are not orthogonal, and a little isotropic noise."""
    rng = np.random.default_rng(seed)
    sources = {
        "heavy": lambda: rng.laplace(size=(n, k)) * np.abs(rng.normal(size=(n, k))),
        "laplace": lambda: rng.laplace(size=(n, k)),
        "sparse": lambda: (rng.random((n, k)) < 0.05) * rng.exponential(size=(n, k)),
        "uniform": lambda: rng.uniform(-1, 1, size=(n, k)),
    }[kind]()
    sources[:, :gaussian] = rng.normal(size=(n, gaussian))
    sources = (sources - sources.mean(0)) / sources.std(0)
    mixing = rng.normal(size=(k, d)) + 0.5 * rng.normal(size=d)  # a shared part: directions at some 80 degrees, not 90
    mixing *= rng.uniform(0.5, 2, size=(k, 1)) / np.sqrt(d)
    rows = sources @ mixing + noise * rng.normal(size=(n, d)) * np.abs(mixing).mean() + mean
    return Planted(rows.astype(np.float32), mixing, gaussian)


def cosines(a, b):
    """|cos| between every row of a and every row of b."""
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b)]
    return np.abs(unit[0] @ unit[1].T)
