"""Ratios against the notebook's own steps and against other libraries: ``python -m benchmarks [--quick]``."""
