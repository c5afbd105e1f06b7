"""What the figures and tables show beyond ``taxonomy.json``: the arrays of the run and the texts of its tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import StoreError
from darkframe.results import Vote

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import F64, I64
    from darkframe.store.taxonomy import Taxonomy

_COUNTS = ("level", "id", "parent", "size", "children")


@dataclass(frozen=True, eq=False)
class ClusterArrays:
    """All clusters of all levels, K in number; see ``darkframe.results.TAXONOMY_ARRAYS``.

    Attributes:
        level, id, parent, size, children: (K,).
        cohesion, separation, width, match, match_min, margin: (K,), NaN where there is none.
    """

    level: I64
    id: I64
    parent: I64
    size: I64
    children: I64
    cohesion: F64
    separation: F64
    width: F64
    match: F64
    match_min: F64
    margin: F64

    def at(self, level: int) -> I64:
        """Places of a level's clusters that have members, largest first (ties by id)."""
        places = np.flatnonzero((self.level == level) & (self.size > 0))
        return np.asarray(places[np.lexsort((self.id[places], -self.size[places]))], np.int64)


@dataclass(frozen=True, eq=False)
class TaxonomyData:
    """Arrays of a finished taxonomy; one that is not there is empty.

    Attributes:
        clusters: All of them; a cluster's place is its row there.
        tokens, votes, vote_counts: (K, …) of each cluster; −1 where there is none.
        features: (n,) ids of the clustered features.
        labels, match, cosine: (levels, n) cluster, match and cosine with the cluster's direction; −1 and NaN for noise.
        feature_tokens: (F, top) token ids of every feature of the dictionary.
        embedding: (m, 2) UMAP of some of the clustered rows; ``rows``: (m,) which.
        variances: (m,) along the principal axes, largest first.
        text: Gives the text of a token id.
    """

    clusters: ClusterArrays
    tokens: NDArray[np.int32]
    votes: NDArray[np.int32]
    vote_counts: NDArray[np.int32]
    features: I64
    labels: I64
    match: F64
    cosine: F64
    feature_tokens: NDArray[np.int32]
    embedding: F64
    rows: I64
    variances: F64
    text: Callable[[int], str]

    def tokens_of(self, place: int) -> tuple[str, ...]:
        """A cluster's top tokens by the differential logit lens; none where it was not read."""
        return self._texts(self.tokens[place]) if len(self.tokens) else ()

    def votes_of(self, place: int) -> tuple[Vote, ...]:
        """Tokens most often among the members' own."""
        if not len(self.votes):
            return ()
        pairs = zip(self.votes[place].tolist(), self.vote_counts[place].tolist())
        return tuple(Vote(token, self.text(token), members) for token, members in pairs if token >= 0)

    def tokens_of_feature(self, feature: int) -> tuple[str, ...]:
        """A feature's own top tokens by the logit lens."""
        return self._texts(self.feature_tokens[feature]) if feature < len(self.feature_tokens) else ()

    def _texts(self, tokens: NDArray[np.int32]) -> tuple[str, ...]:
        return tuple(self.text(token) for token in tokens.tolist() if token >= 0)


def gather_taxonomy(taxonomy: Taxonomy) -> TaxonomyData:
    """The arrays behind a taxonomy; those that its run lacks are empty."""

    def array(name: str, empty: tuple[int, ...] = (0, 0), dtype: Any = np.float64) -> Any:
        try:
            return np.asarray(taxonomy.array(name), dtype)
        except StoreError:
            return np.empty(empty, dtype)

    names = [field.name for field in fields(ClusterArrays)]
    kinds = {name: np.int64 if name in _COUNTS else np.float64 for name in names}
    return TaxonomyData(
        clusters=ClusterArrays(**{name: array(f"cluster_{name}", (0,), kinds[name]) for name in names}),
        tokens=array("cluster_tokens", dtype=np.int32),
        votes=array("cluster_votes", dtype=np.int32),
        vote_counts=array("cluster_vote_counts", dtype=np.int32),
        features=array("taxonomy_features", (0,), np.int64),
        labels=array("taxonomy_labels", dtype=np.int64),
        match=array("taxonomy_match"),
        cosine=array("taxonomy_cosine"),
        feature_tokens=array("feature_tokens", dtype=np.int32),
        embedding=array("embedding", (0, 2)),
        rows=array("embedding_rows", (0,), np.int64),
        variances=array("taxonomy_variances", (0,)),
        text=taxonomy.text,
    )
