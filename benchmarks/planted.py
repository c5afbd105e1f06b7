"""Rows for the benchmarks: residual-like, with known heavy-tailed sources, written to a file of raw float32."""

from pathlib import Path

import numpy as np

SOURCES, DIMENSIONS, NOISE = 100, 768, 0.15
CHUNK = 10_000


def write_rows(path: Path, n: int, d: int = DIMENSIONS, k: int = SOURCES, seed: int = 0) -> np.ndarray:
    """Write (n, d) rows: k sparse sources (each active on 2 to 20 % of rows, exponential), correlated mixing, white noise.

    Returns:
        mixing (k, d) float64: what a unit (one standard deviation) of each source adds.
    """
    rng = np.random.default_rng(seed)
    active = rng.uniform(0.02, 0.2, size=k)
    spread = np.sqrt(2 * active - active**2)  # of a source that is exponential with probability `active`, else zero
    mixing = rng.normal(size=(k, d)) + 0.3 * rng.normal(size=d)
    mixing *= rng.uniform(3, 10, size=(k, 1)) / np.linalg.norm(mixing, axis=1, keepdims=True)
    with path.open("wb") as file:
        for start in range(0, n, CHUNK):
            size = (min(CHUNK, n - start), k)
            sources = (rng.random(size) < active) * rng.exponential(size=size) / spread
            rows = sources @ mixing + NOISE * rng.normal(size=(size[0], d))
            file.write(rows.astype(np.float32).tobytes())
    return mixing


class FileRows:
    """Rows of a raw float32 file, streamed through one buffer; mean and covariance are given, or computed in one pass."""

    def __init__(self, path: Path, n: int, d: int) -> None:
        self.path, self.shape, self.key = path, (n, d), str(path)
        self.mean = self.covariance = np.empty(0)

    def __len__(self) -> int:
        return self.shape[0]

    def blocks(self, size: int = 8192):
        n, d = self.shape
        buffer = np.empty((size, d), np.float32)
        with self.path.open("rb", buffering=0) as file:
            for start in range(0, n, size):
                block = buffer[: min(size, n - start)]
                view = block.reshape(-1).view(np.uint8).data
                done = 0
                while done < len(view):
                    done += file.readinto(view[done:])
                yield block


def decoder_rows(n: int, d: int, seed: int = 0) -> np.ndarray:
    """(n, d) float32 unit rows like an SAE's decoder's, in random order.

    60 % in families of uneven size (a centre and 0.6 of noise), 35 % noise alone, 5 % near-duplicates of others (0.02 of noise);
    the noise is Gaussian with variances 1/√i along random axes.
    """
    rng = np.random.default_rng(seed)
    scales = np.arange(1, d + 1, dtype=np.float32) ** -0.25
    axes = np.linalg.qr(rng.normal(size=(d, d)))[0].astype(np.float32) * scales[:, None]
    family, copies = int(0.6 * n), int(0.05 * n)
    centres = max(2, n // 60)
    sizes = np.arange(1, centres + 1) ** -0.8
    centre = _unit(rng.standard_normal((centres, d), dtype=np.float32) @ axes)
    chosen, copied = rng.choice(centres, size=family, p=sizes / sizes.sum()), rng.integers(0, n - copies, size=copies)
    rows = np.empty((n, d), np.float32)
    for start in range(0, n, CHUNK):
        part = rows[start : start + CHUNK]
        part[:] = _unit(rng.standard_normal(part.shape, dtype=np.float32) @ axes)
    rows[:family] = _unit(centre[chosen] + 0.6 * rows[:family])
    rows[n - copies :] = _unit(rows[copied] + 0.02 * rows[n - copies :])
    rng.shuffle(rows)
    return rows


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
