"""PCA of the residual."""
