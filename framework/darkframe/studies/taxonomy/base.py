"""What every step of the taxonomy study works with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.config import RunConfig
from darkframe.config.taxonomy import TaxonomyParams
from darkframe.errors import DataError
from darkframe.interfaces import ClusterContext, ClustererMaker, Clustering, Partial, Source
from darkframe.progress import Progress
from darkframe.store.atomic import plain
from darkframe.studies.steps.base import Arrays, Outcome, take_step

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F32
    from darkframe.store.run import RunDir
    from darkframe.store.step import Step

VERSION = 1
"""Raised when a step's numbers change for the same inputs, so that older runs are not resumed with them."""


@dataclass(frozen=True, eq=False)
class TaxonomyStudy:
    """One taxonomy study: its configuration, the opened plugins and the run directory it writes to."""

    config: RunConfig
    source: Source
    make_clusterer: ClustererMaker
    run: RunDir
    progress: Progress

    @property
    def params(self) -> TaxonomyParams:
        """The study's own parameters."""
        return self.config.taxonomy

    @cached_property
    def decoder(self) -> F32:
        """W_dec (F, d) float32 on the CPU.

        Raises:
            DataError: A row holds NaN or infinities, or there are no rows.
        """
        weights: F32 = np.ascontiguousarray(self.source.dictionary().W_dec.detach().cpu().float().numpy())
        if not len(weights):
            raise DataError("The dictionary has no features.")
        finite = np.isfinite(weights.sum(axis=1))
        if not finite.all():
            finite = np.isfinite(weights).all(axis=1)  # a sum of huge values may overflow
        if not finite.all():
            first, bad = int(np.argmin(finite)), int((~finite).sum())
            more = f" (and {bad - 1:,} more)" if bad > 1 else ""
            raise DataError(
                f"The decoder row of feature {first}{more} holds NaN or infinite values.", hint="The SAE's file is damaged."
            )
        return weights

    @cached_property
    def dictionary_key(self) -> str:
        """sha256 of W_dec and its shape."""
        digest = hashlib.sha256(str(self.decoder.shape).encode())
        digest.update(self.decoder.data)
        return digest.hexdigest()

    @cached_property
    def lacks(self) -> Mapping[str, str]:
        """What the source does not give, as ``Partial.lacks`` has it."""
        return self.source.lacks() if isinstance(self.source, Partial) else {}

    def step(self, name: str, inputs: Mapping[str, Any], compute: Callable[[Step], tuple[Any, Arrays]]) -> Outcome:
        """Take the step ``taxonomy-<name>``, or read it back if it was finished with these inputs."""
        of = {"version": VERSION, "dictionary": self.dictionary_key, **plain(inputs)}
        return take_step(self.run, f"taxonomy-{name}", of, compute)

    def identity(self) -> dict[str, Any]:
        """Everything about the clusterer that its numbers depend on."""
        choice = self.config.clustering
        named = {"name": choice.name, "distribution": choice.distribution, "version": choice.version}
        return {"clusterer": {**named, "params": plain(choice.params)}, "device": self.config.device, "seed": self.config.seed}

    def cluster(self, vectors: NDArray[Any], **changed: Any) -> Clustering:
        """A fresh clusterer's clustering of (n, d) vectors, some parameters changed."""
        return self.make_clusterer(**changed).fit(vectors, self.context())

    def context(self) -> ClusterContext:
        """What fits are told."""
        return ClusterContext(seed=self.config.seed, progress=self.progress, device=self.config.device)

    def rng(self, *purpose: int) -> np.random.Generator:
        """A generator of its own for each purpose."""
        return np.random.default_rng([self.config.seed, *purpose])
