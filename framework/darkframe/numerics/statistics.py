"""The statistics of each subset of the tokens, put together from what one pass accumulated by group."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.numerics.features import FeatureAccumulator, FeatureStatistics, feature_state
from darkframe.numerics.groups import HALF_A, HALF_B, MASSIVE_A, MASSIVE_B, N_GROUPS, POSITION_0
from darkframe.numerics.ledger import LedgerSums, ledger
from darkframe.numerics.moments import CentralMoments, Moments, merged

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64
    from darkframe.results import LedgerEntry

_EVERYTHING = (HALF_A, HALF_B, MASSIVE_A, MASSIVE_B)
_WITH_POSITION_0 = "with position 0"
_EXCLUDING = {"ordinary": (HALF_A, HALF_B), "half-a": (HALF_A,), "half-b": (HALF_B,)}
_INCLUDING = {"ordinary": _EVERYTHING, "half-a": (HALF_A, MASSIVE_A), "half-b": (HALF_B, MASSIVE_B)}
_ALWAYS = {"all": _EVERYTHING, "massive": (MASSIVE_A, MASSIVE_B), _WITH_POSITION_0: (*_EVERYTHING, POSITION_0)}
SUBSETS = ("ordinary", "all", "half-a", "half-b")


class Statistics:
    """Exact statistics by subset.

    ``ordinary`` is the headline: massive tokens left out, unless the study includes them. ``all``: every kept token.
    ``half-a`` and ``half-b``: the ordinary tokens of the two halves of the documents. ``massive``: the massive ones.

    Args:
        state: What ``OnePass.state`` gave at the end of the pass.
        exclude_massive: Whether massive tokens are left out of ``ordinary``.
        pilot: Tokens that the ledger's fixed point m is the mean of.
    """

    def __init__(self, state: dict[str, NDArray[Any]], *, exclude_massive: bool, pilot: int) -> None:
        self._state = state
        self._subsets = (_EXCLUDING if exclude_massive else _INCLUDING) | _ALWAYS
        self._pilot = pilot

    def groups(self, subset: str) -> tuple[int, ...]:
        """The groups a subset is made of.

        Raises:
            ValueError: There is no such subset.
        """
        if subset not in self._subsets:
            raise ValueError(f"no subset {subset!r}; there are {', '.join(self._subsets)}")
        return self._subsets[subset]

    def count(self, subset: str) -> int:
        """Number of tokens of a subset."""
        return int(self._state["n"][list(self.groups(subset))].sum())

    def _central(self, of: str, subset: str) -> CentralMoments:
        shift, sums, n = self._state[f"shift_{of}"], self._state[f"sums_{of}"], self._state["n"]
        return merged((CentralMoments.from_power_sums(int(n[g]), shift, sums[g]) for g in self.groups(subset)), len(shift))

    def residual(self, subset: str = "ordinary") -> Moments:
        """Moments of e per dimension."""
        return self._central("e", subset).moments()

    def activation(self, subset: str = "ordinary") -> Moments:
        """Moments of x per dimension."""
        return self._central("x", subset).moments()

    def features(self, subset: str = "ordinary") -> FeatureStatistics:
        """Statistics of every SAE feature over the subset's tokens, zeros included."""
        state = feature_state(self._state)
        accumulator = FeatureAccumulator(len(state["shift"]), N_GROUPS)
        accumulator.restore(state)
        return accumulator.statistics(self._state["n"].tolist(), self.groups(subset))

    def mean_and_covariance(self, subset: str) -> tuple[F64, F64]:
        """Exact mean (d,) and covariance (d, d; divisor n − 1) of e."""
        groups = list(self.groups(subset))
        if POSITION_0 in groups:
            raise ValueError("the covariance of position 0 is not accumulated")
        n, shift = self.count(subset), self._state["shift_e"].astype(np.float64)
        offset = self._state["sums_e"][groups, 0].sum(axis=0) / max(n, 1)
        covariance = (self._state["products_e"][groups].sum(axis=0) - n * np.outer(offset, offset)) / max(n - 1, 1)
        return shift + offset, covariance

    def massive_shares(self) -> tuple[float, float]:
        """The massive tokens' share of Σ‖x − x̄‖² and of Σ‖e − ē‖² over all kept tokens."""
        return self._massive_share("x"), self._massive_share("e")

    def _massive_share(self, of: str) -> float:
        everything, massive = self._central(of, "all"), self._central(of, "massive")
        total = float(everything.m2.sum())
        gap = massive.mean - everything.mean
        return float((massive.m2 + massive.n * gap**2).sum()) / total if total else 0.0

    def _ledger_sums(self, subset: str) -> LedgerSums:
        groups = list(self.groups(subset))
        return LedgerSums(
            n=self.count(subset),
            terms=self._state["ledger"][groups].sum(axis=0),
            variance_x=self.activation(subset).variance,
            variance_e=self.residual(subset).variance,
            fire_count=self._state["features.fires"][groups].sum(axis=0),
            pilot=self._pilot,
        )

    @cached_property
    def ledger(self) -> tuple[LedgerEntry, ...]:
        """The metric ledger on the ordinary tokens, on all kept ones, and on those with position 0."""
        return ledger(*(self._ledger_sums(subset) for subset in ("ordinary", "all", _WITH_POSITION_0)))
