"""The taxonomy of a finished run, read from its arrays: clusters, their children, members and tokens. Needs no model."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import StoreError, UserError
from darkframe.results import ClusterRecord, Vote
from darkframe.store.arrays import open_array
from darkframe.store.atomic import read_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.interfaces import I64
    from darkframe.store.run import RunDir

STEPS, TEXTS = "taxonomy-", "taxonomy-interpret"
NEAREST = 20
"""Members that a ``ClusterRecord`` names."""


class Taxonomy:
    """Clusters by level and id, as ``L0:3`` names them.

    Args:
        run: A run whose taxonomy study has reached its ``interpret`` step.

    Attributes:
        levels: Levels, coarsest first.

    Raises:
        StoreError: The run has no finished clustering, or a file is damaged.
    """

    def __init__(self, run: RunDir) -> None:
        self._run = run
        found = run.arrays().items()
        self._paths = {key.split("/", 1)[1]: path for key, path in found if key.startswith(STEPS)}
        self._opened: dict[str, NDArray[Any]] = {}
        self._labels = self.array("taxonomy_labels")
        self._features = self.array("taxonomy_features")
        self.levels = len(self._labels)
        self._starts = np.searchsorted(self.array("cluster_level"), np.arange(self.levels + 1))

    def array(self, name: str) -> NDArray[Any]:
        """An array of the taxonomy study, by its name in ``darkframe.results.TAXONOMY_ARRAYS``.

        Raises:
            StoreError: The run has none of that name, or its file is damaged.
        """
        if name not in self._opened:
            if name not in self._paths:
                raise StoreError(f"{self._run.path} has no array {name!r} of a taxonomy study.", hint="Finish the run first.")
            self._opened[name] = open_array(self._paths[name])
        return self._opened[name]

    @cached_property
    def _texts(self) -> dict[str, str]:
        path = self._run.path / "steps" / TEXTS / "record.json"
        texts: dict[str, str] = read_json(path)["record"]["result"]["texts"]
        return texts

    def text(self, token: int) -> str:
        """What a token id reads, as it is: whoever shows it escapes it."""
        return self._texts.get(str(int(token)), f"<{int(token)}>")

    def clusters(self, level: int) -> int:
        """How many clusters a level has, those without members included."""
        return int(self._starts[level + 1] - self._starts[level])

    def _own(self, name: str, level: int) -> NDArray[Any]:
        """An array ``cluster_…`` at one level."""
        return self.array(name)[self._starts[level] : self._starts[level + 1]]

    def _place(self, level: int, cluster: int) -> int:
        if not 0 <= level < self.levels:
            raise UserError(f"There is no level {level}: the taxonomy has {self._which_levels()}.")
        if not 0 <= cluster < self.clusters(level):
            raise UserError(f"There is no cluster L{level}:{cluster}: level {level} has {self._which_clusters(level)}.")
        return int(self._starts[level]) + cluster

    def _which_levels(self) -> str:
        return "level 0 alone" if self.levels == 1 else f"levels 0 to {self.levels - 1}"

    def _which_clusters(self, level: int) -> str:
        last = self.clusters(level) - 1
        if last < 0:
            return "none, as every feature is noise there"
        return f"L{level}:0 alone" if last == 0 else f"L{level}:0 to L{level}:{last}"

    def parse(self, name: str) -> tuple[int, int]:
        """(level, cluster) of a name such as ``L0:3``.

        Raises:
            UserError: It is no such name, or there is no such cluster; says what there is.
        """
        match = re.fullmatch(r"\s*[Ll]([0-9]{1,9})\s*:\s*([0-9]{1,9})\s*", name, re.ASCII)
        if match is None:
            raise UserError(
                f"{name!r} is not the name of a cluster.",
                hint=f"Write LEVEL:CLUSTER as in L0:3; the taxonomy has {self._which_levels()}.",
            )
        level, cluster = int(match[1]), int(match[2])
        self._place(level, cluster)
        return level, cluster

    def largest(self, level: int, n: int) -> list[int]:
        """The largest clusters of a level that have members, largest first; the older of equal ones first."""
        sizes = self._own("cluster_size", level)
        order = np.argsort(-sizes, kind="stable")
        return [int(cluster) for cluster in order[sizes[order] > 0][: max(n, 0)]]

    def children(self, level: int, cluster: int) -> list[int]:
        """Clusters of the next level in a cluster, largest first; none at the last level."""
        self._place(level, cluster)
        if level + 1 >= self.levels:
            return []
        inside = np.flatnonzero(self._own("cluster_parent", level + 1) == cluster)
        sizes = self._own("cluster_size", level + 1)[inside]
        return [int(child) for child in inside[np.argsort(-sizes, kind="stable")]]

    def noise(self, level: int) -> I64:
        """Ids of the features that lie in no cluster of a level, ascending.

        Raises:
            UserError: There is no such level.
        """
        if not 0 <= level < self.levels:
            raise UserError(f"There is no level {level}: the taxonomy has {self._which_levels()}.")
        out: I64 = np.sort(np.asarray(self._features[np.asarray(self._labels[level]) < 0], np.int64))
        return out

    @cached_property
    def _grouped(self) -> dict[int, tuple[I64, I64]]:
        return {}

    def _rows(self, level: int, cluster: int) -> I64:
        """Rows (places in ``taxonomy_features``) of a cluster's members; rows are grouped once a level."""
        if level not in self._grouped:
            labels = np.asarray(self._labels[level])
            order = np.argsort(labels, kind="stable")
            self._grouped[level] = order, np.searchsorted(labels[order], np.arange(self.clusters(level) + 1))
        order, edges = self._grouped[level]
        return order[edges[cluster] : edges[cluster + 1]]

    def members(self, level: int, cluster: int) -> I64:
        """Ids of its features in the SAE, those nearest to the cluster's direction first."""
        self._place(level, cluster)
        rows = self._rows(level, cluster)
        nearest = np.argsort(-self.array("taxonomy_cosine")[level][rows], kind="stable")
        out: I64 = np.asarray(self._features[rows[nearest]], np.int64)
        return out

    def feature_tokens(self, feature: int) -> tuple[str, ...]:
        """What a feature reads by the logit lens; empty where there is none.

        Raises:
            UserError: There is no such feature.
        """
        tokens = self.array("feature_tokens")
        if not 0 <= feature < len(tokens):
            raise UserError(f"There is no feature {feature}: the dictionary has features 0 to {len(tokens) - 1}.")
        return tuple(self.text(token) for token in tokens[feature] if token >= 0)

    def cluster(self, level: int, cluster: int) -> ClusterRecord:
        """Everything about one cluster.

        Raises:
            UserError: There is no such cluster.
        """
        place = self._place(level, cluster)

        def of(name: str) -> Any:
            return self.array(f"cluster_{name}")[place]

        read = [(int(token), float(logit)) for token, logit in zip(of("tokens"), of("logits")) if token >= 0]
        votes = [(int(token), int(count)) for token, count in zip(of("votes"), of("vote_counts")) if token >= 0]
        return ClusterRecord(
            level=level,
            cluster=cluster,
            parent=int(of("parent")) if level else None,
            size=int(of("size")),
            children=int(of("children")),
            tokens=tuple(self.text(token) for token, _ in read),
            logits=tuple(logit for _, logit in read),
            votes=tuple(Vote(token, self.text(token), count) for token, count in votes),
            cohesion=float(of("cohesion")),
            separation=float(of("separation")),
            width=float(of("width")),
            match=float(of("match")),
            match_min=float(of("match_min")),
            margin=float(of("margin")),
            features=tuple(int(feature) for feature in self.members(level, cluster)[:NEAREST]),
        )
