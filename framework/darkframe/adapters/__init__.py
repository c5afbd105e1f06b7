"""Scikit-learn estimators as plugins: name the class, declare its parameters, done.

    class FactorAnalysis(SklearnDecomposer):
        estimator = "sklearn.decomposition:FactorAnalysis"

    class DBSCAN(SklearnClusterer):
        estimator = "sklearn.cluster:DBSCAN"

Importing this package imports neither numpy nor scikit-learn, so the classes may stand in a plugin's own light module.
"""

from __future__ import annotations

from darkframe.adapters.clusterers import SklearnClusterer
from darkframe.adapters.decomposers import SklearnDecomposer

__all__ = ["SklearnClusterer", "SklearnDecomposer"]
