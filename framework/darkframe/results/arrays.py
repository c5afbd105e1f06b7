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
