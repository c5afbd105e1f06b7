"""Which of artlib's public classes and functions are which clusterer, and why the others are none. Imports nothing."""

from __future__ import annotations

from collections.abc import Mapping

OFFERED: Mapping[str, str] = {
    "ART1": "art1",
    "ART2A": "art2a",
    "BayesianART": "bayesianart",
    "BinaryFuzzyART": "binaryfuzzyart",
    "CVIART": "cviart",
    "DeepARTMAP": "deepartmap",
    "DualVigilanceART": "dualvigilanceart",
    "EllipsoidART": "ellipsoidart",
    "FusionART": "fusionart",
    "FuzzyART": "fuzzyart",
    "GaussianART": "gaussianart",
    "HypersphereART": "hypersphereart",
    "QuadraticNeuronART": "quadraticneuronart",
    "TopoART": "topoart",
    "iCVIFuzzyART": "icvifuzzyart",
}
"""Clusterer of each class of artlib that is one."""

_LABELS = "It is a classifier: it needs a label for every row, and a dictionary has none."
_COMPILED = f"{_LABELS} Given one label for all rows it is artlib's compiled form of"

LEFT_OUT: Mapping[str, str] = {
    "ART1MAP": _LABELS,
    "ARTMAP": "It maps the clusters of one set of rows to those of another and needs both; over one set it is deepartmap at two "
    "levels.",
    "AlphaART": "It needs pyalphashape, which artlib does not install, and Delaunay triangulations, whose size is exponential in "
    "the dimensions: out of reach above about eight.",
    "BARTMAP": "A biclusterer: it groups rows and columns together and has no one label for a row.",
    "BaseART": "The abstract class of the modules.",
    "BaseARTMAP": "The abstract class of the classifiers.",
    "BinaryFuzzyARTMAP": _LABELS,
    "BinaryFuzzyARTMAPFactory": _LABELS,
    "FALCON": "Reinforcement learning: it needs states, actions and rewards.",
    "FuzzyARTMAP": _LABELS,
    "FuzzyARTMAPFactory": _LABELS,
    "GaussianARTMAP": f"{_COMPILED} gaussianart, which uses it so.",
    "GaussianARTMAPFactory": f"{_COMPILED} gaussianart, which uses it so.",
    "HypersphereARTMAP": f"{_COMPILED} hypersphereart, which uses it so.",
    "HypersphereARTMAPFactory": f"{_COMPILED} hypersphereart, which uses it so.",
    "SMART": "darkframe's smart is the same hierarchy over any module here with vigilance; artlib's own, whose match tracking "
    "splits the last level into single rows, is deepartmap with its defaults.",
    "SeqART": "It aligns strings of symbols; the digits of real numbers written out are no sequence.",
    "SimpleARTMAP": _LABELS,
    "SphericalAlphaART": "It takes latitudes and longitudes, two columns, and needs pyalphashape, which artlib does not install.",
    "TD_FALCON": "Reinforcement learning: it needs states, actions and rewards.",
    "VAT": "A function that orders a matrix of distances for a picture; it gives no clusters.",
    "iCVI_CH": "The incremental validity index that icvifuzzyart uses, not a clusterer.",
}
"""Why each other public class of artlib is no clusterer here."""
