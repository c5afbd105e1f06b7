"""Sparse PCA as a decomposer of darkframe."""
