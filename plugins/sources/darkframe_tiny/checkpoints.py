"""The shipped SAE as it was while it was trained: decoder directions alone, at a few steps."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from darkframe.errors import DataError, ParameterError
from darkframe.interfaces import Dictionary, Fetched, PublishedFigures, Usage
from darkframe.lm.fingerprint import hash_file
from darkframe.lm.settings import SaeSettings, read_settings

FOLDER = "checkpoints"


def checkpoint_file(assets: Path, number: int) -> Path:
    """The file of a checkpoint, counted from 0 in training order.

    Raises:
        ParameterError: There is none of that number; says which there are.
    """
    path = assets / FOLDER / f"{number:02}.safetensors"
    if path.is_file():
        return path
    known = [str(int(file.stem)) for file in sorted((assets / FOLDER).glob("[0-9][0-9].safetensors"))]
    there = f"there are {', '.join(known)} and final" if known else f"{assets} has none, only the final SAE"
    raise ParameterError(f"source.checkpoint: there is no checkpoint {number}; {there}.")


class CheckpointSae:
    """The SAE's dictionary at one step of its training: ``W_dec`` and ``b_dec``, without an encoder.

    Args:
        folder: The finished SAE's, for its site.
        path: The checkpoint's file.
    """

    def __init__(self, folder: Path, path: Path) -> None:
        self._folder, self.path = folder, path

    @property
    def why_not(self) -> str:
        """Why it cannot encode, and what can."""
        return f"Checkpoint {int(self.path.stem)} holds decoder directions alone: set source.checkpoint=final for the whole SAE."

    @cached_property
    def settings(self) -> SaeSettings:
        """Those of the finished SAE."""
        settings = read_settings(self._folder)
        return replace(settings, architecture=f"checkpoint {int(self.path.stem)} of a {settings.architecture}")

    def identity(self) -> dict[str, Any]:
        """Hash of its file."""
        return {"file": hash_file(self.path)}

    def details(self) -> dict[str, Any]:
        """Which step of the training it is, and how many tokens the SAE had seen."""
        try:
            with safe_open(self.path, "numpy") as file:
                said = file.metadata() or {}
        except (SafetensorError, OSError) as error:
            raise DataError(f"The checkpoint {self.path} cannot be read: {error}") from error
        numbers = {name: int(said[name]) for name in ("step", "tokens_seen") if name in said}
        return {"checkpoint": int(self.path.stem), **numbers}

    def open(self, device: str) -> Dictionary:
        """The dictionary, in float32."""
        from darkframe_tiny.directions import Directions

        settings = self.settings
        try:
            with safe_open(self.path, "pt", device=device) as file:
                W_dec, b_dec = (file.get_tensor(name).float() for name in ("W_dec", "b_dec"))
        except (SafetensorError, OSError) as error:
            raise DataError(f"The checkpoint {self.path} cannot be read: {error}") from error
        if W_dec.shape != (settings.d_sae, settings.d_in):
            raise DataError(
                f"The checkpoint {self.path} holds {tuple(W_dec.shape)} directions, but the SAE {settings.d_sae, settings.d_in}."
            )
        return Directions(W_dec, b_dec, self.why_not)

    def stated(self) -> tuple[Usage, ...]:
        """What the finished SAE's metadata say is not said of it."""
        return ()

    def figures(self) -> PublishedFigures | None:
        """Nothing was measured of it."""
        return None

    def fetch(self) -> Fetched | None:
        """Nothing to download."""
        return None
