"""The taxonomy study as a piece of work for ``killing``."""

import tempfile
from pathlib import Path

import numpy as np
from planted_rows import RowsSource, study, unit


def taxonomy_job(folder, *, n=90, d=8, clusterer="smart", **taxonomy):
    """The study of planted rows with an unembedding, begun or gone on with in ``folder``; writes its results."""
    rng = np.random.default_rng(3)
    centres = rng.standard_normal((6, d))
    rows = unit(centres[np.arange(n) % 6] + 0.1 * rng.standard_normal((n, d)))
    rows[5] = 0
    texts = [f" w{i}" for i in range(30)] + ["<|end|>", "\ufffd"]
    source = RowsSource(rows, head=rng.standard_normal((len(texts), d)), texts=texts)
    settings = {"orders": 2, "nulls": 2, "curve": (0.3, 0.8), "pca_dims": 6, "keep_model": True, **taxonomy}
    results, run = study(rows, Path(folder) / "run", clusterer, source=source, **settings)
    run.write_taxonomy(results)
    run.close()


with tempfile.TemporaryDirectory() as warm:  # compiled kernels are loaded once, before the forks
    taxonomy_job(warm, n=40)
