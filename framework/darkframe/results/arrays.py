"""The arrays that a finished run keeps beside its results."""

from __future__ import annotations

from collections.abc import Mapping

ARRAYS: Mapping[str, str] = {
    "directions": "(k, d) float64: unit directions of the components in activation space (patterns scaled to length 1)",
    "patterns": "(k, d) float64: mixing, what a unit of each source adds to the residual",
    "filters": "(k, d) float64: unmixing, what reads each source off a centred residual",
    "residual_mean": "(d,) float64: the mean the filters are applied after",
    "component_explained": "(k,) float64: share of the residual's variance each component explains",
    "sources": "(N, k) float32: activation of every component on every kept token",
    "residual_kurtosis": "(d,) float64: excess kurtosis of each residual dimension",
    "residual_kurtosis_all": "(d,) float64: the same with massive tokens",
    "pca_variances": "(d,) float64: eigenvalues of the residual's covariance, largest first",
    "pca_variances_all": "(d,) float64: the same with massive tokens",
    "pca_components": "(d, d) float64: eigenvectors, one row each",
    "component_kurtosis": "(k,) float64: excess kurtosis of each component's source",
    "component_kurtosis_all": "(k,) float64: the same with massive tokens",
    "component_kurtosis_halves": "(2, k) float64: the same over either half of the documents",
    "top_values": "(k, t) float64: sources of largest magnitude, signed; nan where there are fewer",
    "top_rows": "(k, t) int64: the tokens they belong to, as rows of the collection; -1 where there are fewer",
    "stability_index": "(k,) float64: Icasso's Iq over seeds and document halves",
    "replication": "(k,) float64: agreement of the document halves' own components",
    "match_cosines": "(k,) float64: max |cos| of each direction with a decoder row",
    "match_features": "(k,) int64: the feature it is reached at",
    "null_isotropic_cosines": "(m,) float64: max |cos| of isotropic random directions",
    "null_rotation_cosines": "(m,) float64: max |cos| of random rotations within the whitened space",
    "null_elliptical_cosines": "(m,) float64: max |cos| of the components of the elliptical null's fits",
    "null_isotropic_kurtosis": "(m,) float64: excess kurtosis of the residual along isotropic random directions",
    "null_rotation_kurtosis": "(m,) float64: excess kurtosis of the residual along random rotations within the whitened space",
    "null_elliptical_kurtosis": "(m,) float64: excess kurtosis of the sources of the elliptical null's fits",
    "null_isotropic_stability": "(m,) float64: Icasso's Iq of unrelated sets of isotropic random directions",
    "null_rotation_stability": "(m,) float64: Icasso's Iq of unrelated random rotations within the whitened space",
    "null_elliptical_stability": "(m,) float64: Icasso's Iq of the components of the elliptical null's fits",
    "active_features": "(a,) int64: features that fire on more than the active rate of tokens",
    "feature_kurtosis": "(a,) float64: excess kurtosis of their activations over all tokens, zeros included",
    "active_features_all": "(b,) int64: the same with massive tokens",
    "feature_kurtosis_all": "(b,) float64: the same with massive tokens",
}
"""Arrays a finished run keeps beside its results, and what each holds; k components, d dimensions, N tokens."""

TAXONOMY_ARRAYS: Mapping[str, str] = {
    "taxonomy_features": "(n,) int64: ids of the clustered features in the SAE, in the order they were clustered in",
    "taxonomy_labels": "(levels, n) int64: cluster of each of them at each level, coarsest first; -1 is noise",
    "taxonomy_match": "(levels, n) float64: how well each matches its cluster; nan where the method has no match",
    "taxonomy_margin": "(levels, n) float64: activation margin; nan where there is none",
    "taxonomy_cosine": "(levels, n) float32: cosine of each one's decoder row with its cluster's direction; nan for noise",
    "taxonomy_lower": "(e,) float64: least value of each dimension that was clustered (e: dims, or d without PCA)",
    "taxonomy_upper": "(e,) float64: greatest value of each; boxes are scaled by the two",
    "taxonomy_axes": "(dims, d) float64: PCA axes of the clustered rows; (0, d) without PCA",
    "taxonomy_axes_mean": "(d,) float64: what is subtracted before them; zeros without PCA",
    "taxonomy_variances": "(m,) float64: variances along all principal axes of the clustered rows, largest first",
    "feature_tokens": "(F, top) int32: each feature's top tokens by the logit lens; -1 where there are none",
    "feature_junk": "(F,) int8: how many of them are junk; -1 for dead features, and where that cannot be told",
    "cluster_level": "(K,) int64: level of each cluster, all levels one after another, by id",
    "cluster_id": "(K,) int64: its id in its level",
    "cluster_parent": "(K,) int64: id of its parent in the level above; -1 at level 0",
    "cluster_size": "(K,) int64: members",
    "cluster_children": "(K,) int64: clusters of the next level in it",
    "cluster_cohesion": "(K,) float64: mean pairwise cosine of its members; nan for one member",
    "cluster_separation": "(K,) float64: 1 - largest cosine of its direction with another cluster's of the level; nan alone",
    "cluster_width": "(K,) float64: mean box width; nan without boxes",
    "cluster_match": "(K,) float64: mean match of its members; nan without",
    "cluster_match_min": "(K,) float64: least match of its members; nan without",
    "cluster_margin": "(K,) float64: mean activation margin of its members; nan without",
    "cluster_directions": "(K, d) float32: mean of its members' decoder rows scaled to length 1",
    "cluster_tokens": "(K, t) int32: top tokens by the differential logit lens; -1 where there are none",
    "cluster_logits": "(K, t) float32: their logits",
    "cluster_votes": "(K, v) int32: tokens most often among the members' own; -1 where there are fewer",
    "cluster_vote_counts": "(K, v) int32: members that have them",
    "placement_clusters": "(k, levels) int64: nearest cluster of each dark component, where the run has both studies",
    "placement_cosines": "(k, levels) float64: |cos| of the component with that cluster's direction",
    "embedding": "(m, 2) float32: UMAP of the clustered rows",
    "embedding_rows": "(m,) int64: which rows they are, as places in taxonomy_features",
}
"""Arrays a run with a taxonomy keeps; n features clustered of F, d dimensions, K clusters over all levels.

The fitted model lies beside them as ``model_<name>``, as the clusterer's own ``state()`` names it.
"""

TRACKING_ARRAYS: Mapping[str, str] = {
    "track_features": "(n,) int64: ids of the tracked features in the SAE, in the order they are presented in",
    "track_labels": "(steps, levels, n) int64: category of each at each step; -1 is noise, -2 a zero row, left out of that step",
    "track_match": "(steps, levels, n) float64: how well each matches its category once the step was learned; nan without",
    "track_lower": "(dims,) float64: least value of each dimension, over all checkpoints, that rows are scaled by",
    "track_upper": "(dims,) float64: greatest value of each dimension",
    "track_axes": "(dims, d) float64: PCA axes; (0, d) without PCA",
    "track_axes_mean": "(d,) float64: what is subtracted before them; zeros without PCA",
    "track_level": "(K,) int64: level of each category, all levels one after another, by id",
    "track_id": "(K,) int64: its id in its level",
    "track_parent": "(K,) int64: id of its parent in the level above; -1 at level 0",
    "track_born": "(K,) int64: step it was made at; -1 came with the model",
    "track_last": "(K,) int64: last step it received rows at; -1 at none",
    "track_before": "(K,) int64: rows it had in the model that tracking began from; 0 without",
    "track_sizes": "(steps, K) int64: rows it received at each step",
    "track_tokens": "(K, t) int32: top tokens by the differential logit lens at the last step; -1 where there are none",
    "track_nearest": "(K, m) int64: ids of its members at the last step nearest to their mean direction; -1 for none",
}
"""Arrays that ``darkframe track`` keeps; n features tracked, K categories over all levels after the last step.

The model after the last step lies beside them as ``model_<name>``, as the clusterer's own ``state()`` names it.
"""
