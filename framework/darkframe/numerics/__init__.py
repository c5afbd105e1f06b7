"""Pure functions on arrays: moments, covariance, whitening, matching, nulls, stability, top-k."""
