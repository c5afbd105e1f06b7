"""Where a study was computed: versions of what its numbers depend on."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = (
    "darkframe",
    "numpy",
    "scipy",
    "numba",
    "torch",
    "scikit-learn",
    "transformers",
    "transformer-lens",
    "sae-lens",
    "eai-sparsify",
    "datasets",
    "huggingface-hub",
)


def environment(*more: str, packages: Sequence[str] = PACKAGES) -> Mapping[str, Any]:
    """Python, the platform and the versions of the packages that are installed."""
    found = {}
    for package in (*packages, *more):
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return {"python": platform.python_version(), "platform": platform.platform(), "packages": found}
