"""Settings of the Hugging Face libraries: nothing is sent to, or fetched from, anywhere but the hub's endpoint."""

from __future__ import annotations

import os
import sys

_SETTINGS = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_UPDATE_DOWNLOAD_COUNTS": "0",  # datasets: a request to another host
    "HF_HUB_DISABLE_XET": "1",  # another protocol, with hosts of its own
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "DISABLE_SAFETENSORS_CONVERSION": "1",  # transformers: asks the hub for a converted copy of what it has just read
}
_LATE = {  # what libraries imported before copied from the environment: (module, attribute, variable)
    ("huggingface_hub.constants", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY"),
    ("huggingface_hub.constants", "HF_HUB_DISABLE_XET", "HF_HUB_DISABLE_XET"),
    ("huggingface_hub.constants", "HF_HUB_DISABLE_UPDATE_CHECK", "HF_HUB_DISABLE_UPDATE_CHECK"),
    ("datasets.config", "HF_UPDATE_DOWNLOAD_COUNTS", "HF_UPDATE_DOWNLOAD_COUNTS"),
}
_TRUE = {"1", "ON", "YES", "TRUE"}


def prepare() -> None:
    """Set what the user has not set, for libraries imported from now on and for those imported already."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    for module, attribute, variable in _LATE:
        loaded = sys.modules.get(module)
        if loaded is not None and hasattr(loaded, attribute):
            setattr(loaded, attribute, os.environ[variable].upper() in _TRUE)
