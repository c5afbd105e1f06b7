"""The arrays of a tracking, and the texts of its tokens, read from its run directory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.numerics.tracking import STATES, states
from darkframe.store.atomic import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from darkframe.interfaces import I64
    from darkframe.store.run import RunDir


@dataclass(frozen=True, eq=False)
class TrackData:
    """All K categories; see ``darkframe.results.TRACKING_ARRAYS``.

    Attributes:
        level, id, parent, born, last: (K,) int64.
        sizes: (steps, K) int64.
        state: (K,) int64 places in ``darkframe.numerics.tracking.STATES``, at the last step.
        tokens: (K, t) int32.
        texts: Text of each token id.
    """

    level: I64
    id: I64
    parent: I64
    born: I64
    last: I64
    sizes: I64
    state: I64
    tokens: NDArray[Any]
    texts: Mapping[str, str]

    def said(self, place: int) -> list[str]:
        """Tokens of a category; none for dormant ones, and without an unembedding."""
        return [self.texts[str(token)] for token in self.tokens[place].tolist() if token >= 0]

    def stands(self, place: int) -> str:
        """Its state at the last step, in a word."""
        return STATES[int(self.state[place])]

    def ordered(self, level: int) -> I64:
        """Places of a level's categories, the largest at the last step first, then the largest ever; the older of equal ones."""
        places = np.flatnonzero(self.level == level)
        ever, now = self.sizes[:, places].max(axis=0), self.sizes[-1, places]
        out: I64 = places[np.lexsort((places, -ever, -now))]
        return out


def gather_tracking(run: RunDir) -> TrackData:
    """Read them.

    Raises:
        StoreError: A file is missing or damaged.
    """
    names = ("level", "id", "parent", "born", "last", "sizes", "before", "tokens")
    arrays = {name: np.asarray(run.array(f"track_{name}")) for name in names}
    before, sizes, born = arrays.pop("before"), arrays["sizes"], arrays["born"]
    record = read_json(run.path / "steps" / "track-tokens" / "record.json")
    earlier = sizes[-2] if len(sizes) > 1 else before
    state = np.empty(len(born), np.int64)
    for level in np.unique(arrays["level"]):
        mine = np.flatnonzero(arrays["level"] == level)
        known = int((born[mine] < len(sizes) - 1).sum())  # the first of the level's: categories are numbered as they are made
        state[mine] = states(sizes[-1, mine], earlier[mine][:known])
    return TrackData(**arrays, state=state, texts=record["record"]["result"]["texts"])
