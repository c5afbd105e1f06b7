"""What a plugin may give beyond what its kind must, by the names that checks need it under."""

from __future__ import annotations

from collections.abc import Mapping

PARTS = ("activations", "dictionary", "encoder", "unembedding", "text")
"""What a source gives; every source has the methods, so that they say nothing of what it gives."""

CAPABILITIES: Mapping[str, tuple[str, ...]] = {
    "source": (*PARTS, "lacks", "wiring", "losses", "fetch"),
    "decomposer": (),
    "clusterer": ("partial_fit", "predict", "matches", "state", "restore", "boxes"),
}
"""Of a source, the parts that it declares and, as it is set, does not lack, and its optional methods; of a clusterer, its
optional methods (``darkframe.interfaces``: ``Grows``, ``Assigns``, ``Matches``, ``Keeps``, ``Boxed``)."""
