"""Which model an SAE is read in, and which library runs it."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from darkframe.errors import DataError, ParameterError
from darkframe.lm.hub_model import named_folder
from darkframe.lm.settings import SaeSettings, Site
from darkframe_saelens.directory import near

LENS = "transformer-lens"
TRANSFORMERS = "transformers"
FOLDER_ARGUMENTS = {
    "fold_ln",
    "center_writing_weights",
    "center_unembed",
    "fold_value_biases",
    "refactor_factored_attn_matrices",
    "dtype",
    "device",
}
"""Loading arguments that mean something for weights in a folder."""


@dataclass(frozen=True)
class Choice:
    """A model and what runs it.

    Attributes:
        name: What to call it.
        backend: ``transformer-lens`` or ``transformers``.
        official: TransformerLens's own name, where it knows the model.
        folder: Where it lies, if it is a local one.
    """

    name: str
    backend: str
    official: str | None = None
    folder: Path | None = None

    @property
    def repository(self) -> str:
        """Where it lies on the hub."""
        return self.official or self.name

    def adapt(self, settings: SaeSettings) -> SaeSettings:
        """Settings of an SAE with the loading arguments that this backend applies taken out of the unused ones."""
        if self.backend != LENS:
            return settings
        kept = settings.unused if self.folder else {}
        return replace(settings, unused={key: value for key, value in kept.items() if key not in FOLDER_ARGUMENTS})


def choose(model: str | None, backend: str, settings: SaeSettings, name: str = "") -> Choice:
    """The model for an SAE.

    Args:
        model: What the user named: a folder, or a name; None: what the SAE names.
        backend: ``transformer-lens``, ``transformers`` or ``auto``.
        settings: The SAE's.
        name: What to call a model in a folder; empty: as the SAE calls it, or as the folder is called.

    Raises:
        ParameterError: Nobody names the model, or there is no such folder.
        DataError: TransformerLens shall run a model that it does not know.
    """
    folder = as_folder(model) if model else None
    called = name or settings.model_name or (folder.name if folder else "")
    if folder is not None:
        auto = TRANSFORMERS if on_the_stream(settings) else LENS
        return Choice(called, auto if backend == "auto" else backend, folder=folder)
    called = model or called
    if not called:
        raise ParameterError("The SAE does not name its language model.", hint="Set source.model to a name or a folder.")
    official = official_name(called)
    if backend == LENS and official is None:
        raise DataError(
            f"TransformerLens does not know the model {called!r}.{near(called, _aliases())}",
            hint="Set source.backend=transformers for SAEs on the residual stream.",
        )
    return Choice(called, (LENS if official else TRANSFORMERS) if backend == "auto" else backend, official)


def as_folder(model: str) -> Path | None:
    """The folder that ``model`` names, or None for a name.

    A name that TransformerLens knows is that model, whatever lies in the working directory: ``./gpt2`` is a folder.

    Raises:
        ParameterError: It is written as a path, and no folder is there, or it may be either.
    """
    return None if official_name(model) is not None else named_folder(model, "source.model")


def on_the_stream(settings: SaeSettings) -> bool:
    """Whether an SAE reads the whole residual stream before or after a block."""
    try:
        Site.parse(settings.hook_name)
    except DataError:
        return False
    return settings.head is None


def official_name(name: str) -> str | None:
    """TransformerLens's own name of a model, which is its repository's on the hub; None: it does not know it."""
    return _aliases().get(name.lower())


@cache
def _aliases() -> Mapping[str, str]:
    """Every name that TransformerLens knows, in lower case, and its own for it; imports nothing of it, which takes seconds."""
    spec = find_spec("transformer_lens")
    table = Path(spec.origin).with_name("supported_models.py") if spec and spec.origin else None
    if table is None or not table.is_file():
        raise DataError("TransformerLens 3 is not installed.", hint="Install it: pip install 'transformer-lens>=3,<4'.")
    names: dict[str, Any] = runpy.run_path(str(table))
    aliases: dict[str, list[str]] = names["MODEL_ALIASES"]
    official = {name.lower(): name for name in names["OFFICIAL_MODEL_NAMES"]}
    return {**{alias.lower(): name for name, known in aliases.items() for alias in known}, **official}
