"""What a plugin may give beyond what its kind must, by the names that checks need it under."""

from __future__ import annotations

from collections.abc import Mapping

CAPABILITIES: Mapping[str, tuple[str, ...]] = {
    "source": (
        "activations",
        "dictionary",
        "encoder",
        "unembedding",
        "text",
        "lacks",
        "wiring",
        "losses",
        "fetch",
    ),
    "decomposer": (),
    "clusterer": ("partial_fit", "predict", "matches", "state", "restore", "boxes"),
}
"""Of a source, the parts that it declares and, as it is set, does not lack, and its optional methods; of a clusterer, its
optional methods (``darkframe.interfaces``: ``Grows``, ``Assigns``, ``Matches``, ``Keeps``, ``Boxed``)."""
