"""What tracking works with: its configuration, the checkpoints' sources, the clusterer, the run directory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from darkframe.config.tracking import TrackConfig
from darkframe.errors import DataError
from darkframe.interfaces import ClustererMaker, Source
from darkframe.progress import Progress
from darkframe.studies.taxonomy.base import TaxonomyStudy

if TYPE_CHECKING:
    from darkframe.config import TaxonomyParams
    from darkframe.interfaces import F32
    from darkframe.store.run import RunDir
    from darkframe.studies.tracking.start import Start

VERSION = 1
"""Raised when a step's numbers change for the same inputs, so that older runs are not resumed with them."""

KEPT_BYTES = 2**30
"""Dictionaries are kept in memory as long as they are no more than this together; else each is read again when it is needed."""


@dataclass(eq=False)
class Tracking:
    """One tracking.

    Attributes:
        config: The resolved configuration.
        openers: For each checkpoint, in training order, opens its source.
        make: Makes the clusterer.
        run: The run directory it writes to.
        progress: Where to report.
        start: The model it begins from, or None.
    """

    config: TrackConfig
    openers: Sequence[Callable[[], Source]]
    make: ClustererMaker
    run: RunDir
    progress: Progress
    start: Start | None = None
    _kept: dict[int, F32] = field(default_factory=dict)

    @property
    def params(self) -> TaxonomyParams:
        """Parameters of the taxonomy study, as far as tracking uses them."""
        return self.config.run.taxonomy

    @property
    def steps(self) -> range:
        """Steps, one a checkpoint."""
        return range(len(self.openers))

    def name(self, step: int) -> str:
        """What to call a checkpoint: ``source.checkpoint=3``."""
        return f"{self.config.over}={self.config.shown[step]}"

    def study(self, step: int) -> TaxonomyStudy:
        """The taxonomy study's view of one checkpoint."""
        return TaxonomyStudy(self.config.run, self.openers[step](), self.make, self.run, self.progress)

    @cached_property
    def last(self) -> TaxonomyStudy:
        """That of the last checkpoint, which features and categories are read by."""
        return self.study(len(self.openers) - 1)

    def decoder(self, step: int) -> F32:
        """W_dec (F, d) float32 of a checkpoint.

        Raises:
            DataError: It holds NaN or infinities, or no rows; names the checkpoint.
        """
        if step in self._kept:
            return self._kept[step]
        try:
            weights = self.study(step).decoder
        except DataError as error:
            raise DataError(f"{self.name(step)}: {error.message}", hint=error.hint) from error
        if weights.nbytes * len(self.openers) <= KEPT_BYTES:
            self._kept[step] = weights
        return weights

    def rng(self, *purpose: int) -> np.random.Generator:
        """A generator of its own for each purpose."""
        return np.random.default_rng([self.config.run.seed, *purpose])
