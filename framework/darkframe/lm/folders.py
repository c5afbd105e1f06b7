"""Parts of a source that lie in local folders: a transformers model and a SAELens SAE."""

from __future__ import annotations

from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.interfaces import Fetched, PublishedFigures, Usage
from darkframe.lm.fingerprint import hash_files
from darkframe.lm.settings import SaeSettings, read_config, read_settings, read_site

if TYPE_CHECKING:
    from darkframe.lm.parts import Model
    from darkframe.lm.sae import SaeDictionary
    from darkframe.lm.tokens import Tokenizer

MODEL_FILES = ("*.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt")
SAE_FILES = ("sae_weights.safetensors", "cfg.json")


def longest_row(config: dict[str, Any]) -> int | None:
    """Tokens in the longest row that a model's ``config.json`` allows, or None if it does not say."""
    longest = config.get("n_positions") or config.get("max_position_embeddings")
    return None if longest is None else int(longest)


class FolderModel:
    """A transformers causal language model in a local folder, with its tokenizer.

    Args:
        folder: Holds ``config.json``, safetensors weights and the tokenizer.
        name: What to call it; empty: the folder's name.
        dtype: ``float32`` or ``bfloat16``.
    """

    def __init__(self, folder: Path, name: str = "", dtype: str = "float32") -> None:
        self.folder, self._dtype = folder, dtype
        self.name = name or folder.name

    @cached_property
    def config(self) -> dict[str, Any]:
        """The model's ``config.json``."""
        return read_config(self.folder / "config.json", "model")

    def longest(self) -> int | None:
        """Tokens in the longest row the model takes, or None if it does not say."""
        return longest_row(self.config)

    def identity(self) -> dict[str, Any]:
        """Hashes of the weights and the tokenizer, and what computes with them."""
        return {"files": hash_files(self.folder, MODEL_FILES), "dtype": self._dtype, "transformers": version("transformers")}

    def details(self) -> dict[str, Any]:
        """Where it lies and what it computes in."""
        return {"name": self.name, "library": "transformers", "dtype": self._dtype}

    def tokenizer(self) -> Tokenizer:
        """The tokenizer in the folder."""
        from darkframe.lm.tokens import Tokenizer

        return Tokenizer(self.folder)

    def check(self, settings: SaeSettings) -> None:
        """See that the site is on the residual stream, or a submodule's output."""
        read_site(settings.hook_name)

    def open(self, settings: SaeSettings, device: str) -> Model:
        """The model, hooked where ``settings`` say."""
        from darkframe.lm.hooked import HookedModel, load_model

        return HookedModel(load_model(self.folder, device, self._dtype), read_site(settings.hook_name), centre=settings.centre)

    def fetch(self) -> Fetched | None:
        """Nothing to download."""
        return None


class FolderSae:
    """An SAE in a folder saved by SAELens.

    Args:
        folder: Holds ``cfg.json`` and ``sae_weights.safetensors``.
        published: What its publisher measured, if known.
    """

    def __init__(self, folder: Path, published: PublishedFigures | None = None) -> None:
        self.folder, self._published = folder, published

    @cached_property
    def settings(self) -> SaeSettings:
        """How it wants to be used."""
        return read_settings(self.folder)

    def identity(self) -> dict[str, Any]:
        """Hashes of its files, and what computes with them."""
        return {"files": hash_files(self.folder, SAE_FILES), "sae-lens": version("sae-lens")}

    def details(self) -> dict[str, Any]:
        """What reads it, and the one site there is an SAE of."""
        return {"library": "sae-lens", "sites": [self.settings.hook_name]}

    def open(self, device: str) -> SaeDictionary:
        """The dictionary, in float32."""
        from darkframe.lm.sae import load_sae

        return load_sae(self.folder, device)

    def stated(self) -> tuple[Usage, ...]:
        """What its ``cfg.json`` says."""
        return (self.settings.usage("the SAE's cfg.json"),)

    def figures(self) -> PublishedFigures | None:
        """What its publisher measured, if known."""
        return self._published

    def fetch(self) -> Fetched | None:
        """Nothing to download."""
        return None


def read_figures(path: Path, by: str) -> PublishedFigures | None:
    """What was measured when an SAE was made, from the ``metrics.json`` beside it; None where there is none.

    Args:
        path: The file, as ``tools/`` writes it.
        by: What to call it, such as ``"the model card"``.
    """
    if not path.is_file():
        return None
    measured = read_config(path, "SAE")["sae"]
    return PublishedFigures(
        by=by,
        l0=measured["l0"],
        explained_variance=measured["explained_variance"],
        definition="pooled",
        cross_entropy=measured["nats_clean"],
        cross_entropy_spliced=measured["nats_sae"],
        recovered=measured["recovered_against_zero"],
    )
