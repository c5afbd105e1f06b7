"""Parameters of the taxonomy study."""

from __future__ import annotations

from dataclasses import dataclass

from darkframe.plugin import param

_MOST_DRAWS = 1000


@dataclass(frozen=True)
class TaxonomyParams:
    """Parameters of the taxonomy study itself, ``--set taxonomy.NAME=VALUE``."""

    pca_dims: int | None = param(None, help="Dimensions to keep by PCA; none: cluster the decoder rows as they are.", ge=1)
    sample: int | None = param(None, help="Features to draw at random after the junk filter; none: all of them.", ge=1)
    lens_tokens: int = param(5, help="Tokens a feature is read by, through the logit lens.", ge=1, le=100)
    junk_tokens: int = param(
        3, help="Junk tokens among them from which on a feature is left out; 0: none is left out.", ge=0, le=100
    )
    cluster_tokens: int = param(10, help="Tokens a cluster is read by, through the differential logit lens.", ge=1, le=1000)
    lens_clusters: int = param(
        5000, help="Largest clusters of each level to read tokens for; those of the drill-down are always read.", ge=0
    )
    drill: int = param(3, help="Largest clusters of level 0 to drill into.", ge=0)
    children: int = param(10, help="Largest children of each to show.", ge=0)
    orders: int = param(3, help="Row orders compared for order stability; 1: none.", ge=1, le=_MOST_DRAWS)
    nulls: int = param(3, help="Data sets of each null put through the clusterer; 0: none.", ge=0, le=_MOST_DRAWS)
    check_rows: int | None = param(
        None,
        help="Rows that orders and nulls use, a random sample that the real rows are clustered on too; none: all of them.",
        ge=2,
    )
    silhouette_rows: int = param(5000, help="Rows the silhouette is taken over at most, at random.", ge=2)
    curve: tuple[float, ...] = param(
        (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9), help="Vigilances of the vigilance curve; empty: no curve.", ge=0, le=1
    )
    curve_rows: int = param(2000, help="Rows of the vigilance curve at most, at random.", ge=2)
    embedding_rows: int = param(20_000, help="Rows of the UMAP scatter at most, at random; 0: no scatter.", ge=0)
    keep_model: bool = param(True, help="Keep the fitted model in the run, for 'darkframe track' and to place other vectors.")

    def __post_init__(self) -> None:
        if self.junk_tokens > self.lens_tokens:
            raise ValueError(f"taxonomy.junk_tokens ({self.junk_tokens}) is above taxonomy.lens_tokens ({self.lens_tokens})")
