"""A source whose residuals are known: sources, mixing, noise, massive tokens and a mean of one's choice.

The first ``CODES`` dimensions carry a code that the dictionary reconstructs up to Gaussian noise; the others carry the planted
residual, which it does not touch. So e = x − x̂ is what was planted, while features fire and the SAE explains something.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.decomposition import FastICA
from sklearn.exceptions import ConvergenceWarning

from darkframe.config import PluginChoice, RunConfig, StudyParams
from darkframe.interfaces import Batch, Codes, Decomposition, Diagnostics, FitContext, Rows, SourceCard
from darkframe.numerics.whitening import Whitening
from darkframe.plugin import NoParams, param
from darkframe.progress import QuietProgress
from darkframe.results import DarkMatterResults
from darkframe.store.run import RunDir
from darkframe.studies.dark_matter import run_dark_matter

CODES = 4
HEIGHT = 8.0
CONTEXT = 32


class PlantedDictionary:
    """Code features read the first dimensions; the other features never fire."""

    W_enc = b_enc = b_dec = None

    def __init__(self, decoder: np.ndarray) -> None:
        self.W_dec = torch.tensor(decoder, dtype=torch.float32)

    def encode(self, x: torch.Tensor) -> Codes:
        active = x[:, :CODES] > HEIGHT / 2
        rows, features = torch.nonzero(active, as_tuple=True)
        offsets = torch.zeros(len(x) + 1, dtype=torch.int64)
        offsets[1:] = torch.cumsum(active.sum(dim=1), 0)
        return Codes(offsets, features, torch.full((len(rows),), HEIGHT), len(self.W_dec))

    def decode(self, codes: Codes) -> torch.Tensor:
        counts = codes.offsets[1:] - codes.offsets[:-1]
        rows = torch.repeat_interleave(torch.arange(len(counts)), counts)
        out = torch.zeros((len(counts), self.W_dec.shape[1]))
        return out.index_add_(0, rows, codes.values[:, None] * self.W_dec[codes.indices])


class PlantedSource:
    """Documents of ``document_length`` tokens over planted residuals; context rows are led by a special token.

    Args:
        planted: (n, d) residuals behind the code dimensions.
        inside: (m, d) directions that the dictionary holds; filled up with random ones orthogonal to ``outside``.
        outside: (l, d) directions that it lacks.
    """

    def __init__(
        self,
        planted: np.ndarray,
        inside: np.ndarray | None = None,
        outside: np.ndarray | None = None,
        *,
        seed: int = 0,
        document_length: int = 45,
        features: int = 48,
    ) -> None:
        rng = np.random.default_rng([seed, 99])
        n, d = planted.shape
        fires = rng.random((n, CODES)) < 0.3
        code = fires * HEIGHT + 0.3 * rng.standard_normal((n, CODES))
        self.x = np.concatenate([code, planted], axis=1).astype(np.float32)
        inside = np.zeros((0, d)) if inside is None else inside
        fill = rng.standard_normal((features - CODES - len(inside), d))
        if outside is not None:
            axes = np.linalg.svd(outside, full_matrices=False)[2]
            fill -= fill @ axes.T @ axes
        decoder = np.zeros((features, CODES + d))
        decoder[np.arange(CODES), np.arange(CODES)] = 1.0
        decoder[CODES:, CODES:] = np.concatenate([inside, fill])
        self._dictionary = PlantedDictionary(decoder / np.linalg.norm(decoder, axis=1, keepdims=True))
        self._length = document_length
        self.batches_given = 0

    def card(self) -> SourceCard:
        digest = hashlib.sha256(self.x.tobytes() + self._dictionary.W_dec.numpy().tobytes())
        return SourceCard(
            model="planted",
            dictionary="planted",
            hook_point="planted",
            d_model=self.x.shape[1],
            n_features=len(self._dictionary.W_dec),
            context_size=CONTEXT,
            packing="whole documents",
            text="planted",
            fingerprint=f"{digest.hexdigest()}-{self._length}",
        )

    def available_tokens(self) -> int | None:
        return len(self.x)

    def batches(self, start: int = 0) -> Iterator[Batch]:
        width = (CONTEXT - 1) * 64
        for first in range(start * width, len(self.x), width):
            self.batches_given += 1
            yield self._batch(np.arange(first, min(first + width, len(self.x))))

    def _batch(self, rows: np.ndarray) -> Batch:
        led = np.insert(rows, np.arange(0, len(rows), CONTEXT - 1), -1)  # −1: the special token that leads a context
        special = led < 0
        x = self.x[np.maximum(led, 0)].copy()
        x[special] = 40.0
        documents = np.where(special, np.append(led[1:], rows[-1]), led) // self._length
        positions = np.where(special, -1, led % self._length)
        columns = (documents, positions, np.arange(len(led)) % CONTEXT)
        return Batch(
            tokens=np.where(special, 0, 1 + led % 97).astype(np.int32),
            documents=columns[0].astype(np.int32),
            positions=columns[1].astype(np.int32),
            context_positions=columns[2].astype(np.int32),
            special=special,
            x=torch.from_numpy(x),
        )

    def dictionary(self) -> PlantedDictionary:
        return self._dictionary

    def unembedding(self) -> None:
        return None

    def decode_tokens(self, tokens: Sequence[int]) -> list[str]:
        return [f" t{token}" for token in tokens]


@dataclass(frozen=True)
class ICAParams:
    n_components: int | None = param(None, help="Components.", ge=1)


class ScikitICA:
    """scikit-learn's FastICA in float64 on whitened rows."""

    def __init__(self, params: ICAParams) -> None:
        self.params = params

    def fit(self, rows: Rows, context: FitContext) -> Decomposition:
        whitening = Whitening.fit(rows.mean, rows.covariance, self.params.n_components or context.n_components or 1)
        white = np.concatenate([whitening.whiten(block) for block in rows.blocks()]).astype(np.float64)
        ica = FastICA(whiten=False, max_iter=60, tol=1e-3, random_state=context.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # said in the diagnostics
            ica.fit(white)
        patterns, filters = whitening.patterns(ica.components_.T), whitening.filters(ica.components_)
        explained = (patterns**2).sum(axis=1) / whitening.total_variance
        said = Diagnostics(converged=ica.n_iter_ < 60, iterations=int(ica.n_iter_))
        return Decomposition(whitening.mean, patterns, filters, explained, float(explained.sum()), said)


def config(n_components: int | None, seed: int = 42, name: str = "scikit-ica", **study: Any) -> RunConfig:
    chosen = {"seeds": (42, 123), "nulls": 3, "null_directions": 200, **study}
    return RunConfig(
        source=PluginChoice("source", "planted", "tests", "0", NoParams()),
        decomposer=PluginChoice("decomposer", name, "tests", "0", ICAParams(n_components)),
        study=StudyParams(**chosen),
        tokens=None,
        seed=seed,
        device="cpu",
    )


def study(
    source: PlantedSource,
    folder: Path,
    config: RunConfig,
    decomposer: Callable[[Any], Any] = ScikitICA,
    run: RunDir | None = None,
) -> tuple[DarkMatterResults, RunDir]:
    run = run or RunDir.create(folder / "run", {})
    results = run_dark_matter(
        config, source, lambda: decomposer(config.decomposer.params), run, cache=folder / "cache", progress=QuietProgress()
    )
    return results, run


def sparse_sources(n: int, k: int, seed: int) -> np.ndarray:
    """(n, k) heavy-tailed sources of unit variance: Laplace, two of three entries zero."""
    rng = np.random.default_rng([seed, 11])
    sources = rng.laplace(size=(n, k)) * (rng.random((n, k)) < 1 / 3)
    return sources / sources.std(axis=0)


def directions(k: int, d: int, seed: int) -> np.ndarray:
    """(k, d) unit directions, neither orthogonal nor close to each other."""
    rng = np.random.default_rng([seed, 12])
    rows = np.linalg.qr(rng.standard_normal((d, d)))[0][:k] + 0.12 * rng.standard_normal((k, d))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
