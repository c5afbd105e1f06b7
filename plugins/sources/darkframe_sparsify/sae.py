"""A sparsify SAE as a part of a source."""

from __future__ import annotations

from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from darkframe.errors import ParameterError
from darkframe.interfaces import Fetched, PublishedFigures, Usage
from darkframe.lm.parts import ModelPart
from darkframe.lm.settings import SaeSettings
from darkframe_sparsify.config import CoderConfig, Training, parse_coder, transformer_lens_name
from darkframe_sparsify.places import Place

if TYPE_CHECKING:
    from darkframe_sparsify.dictionary import SparsifyDictionary


class SparsifySae:
    """An SAE trained with sparsify.

    Args:
        place: Where it lies.
        model: The language model it is used with.
        training: How it was trained.
        named: Whether the user says himself which site is read, so that the SAE need not.
    """

    def __init__(self, place: Place, model: ModelPart, training: Training, *, named: bool = False) -> None:
        self._place, self._model, self._training, self._named = place, model, training, named

    @cached_property
    def _coder(self) -> CoderConfig:
        return parse_coder(self._place.coder, f"{self._place.hookpoint or ''}/cfg.json".lstrip("/"))

    @cached_property
    def settings(self) -> SaeSettings:
        """How it wants to be used: read the submodule's output, on rows as sparsify makes them."""
        if self._place.hookpoint is None and not self._named:
            raise ParameterError(
                "Nothing says which submodule's output the SAE reads.", hint="Set source.hookpoint, such as layers.12.mlp."
            )
        return SaeSettings(
            architecture=self._coder.activation,
            d_in=self._coder.d_in,
            d_sae=self._coder.latents,
            hook_name=self._place.hookpoint or "",
            model_name=self._model.name,
            context_size=self._context_size,
            prepend_bos=self._bos,
            separator="eos",
            centre=False,
            normalize_activations="none",
        )

    @property
    def _context_size(self) -> int:
        """As in training, where the model takes so many: nothing keeps a run's rows from being longer than the model's."""
        return min(self._training.context_size, self._model.longest() or self._training.context_size)

    @cached_property
    def _bos(self) -> bool:
        if self._training.bos is not None:
            return self._training.bos
        return self._model.tokenizer().leads_with_bos

    def identity(self) -> dict[str, Any]:
        """Where it is from or what it holds, and what computes with it."""
        return {**self._place.identity(), "eai-sparsify": version("eai-sparsify")}

    def details(self) -> dict[str, Any]:
        """Where it is from, what it is, and who says how it was trained."""
        hookpoint = self._place.hookpoint
        return {
            "library": "sparsify",
            **self._place.details(),
            "hookpoint": hookpoint,
            "transformer_lens": transformer_lens_name(hookpoint) if hookpoint else None,
            "k": self._coder.k,
            "trained_as_said_by": self._training.by,
        }

    def open(self, device: str) -> SparsifyDictionary:
        """The dictionary, in float32."""
        from darkframe_sparsify.dictionary import load_dictionary

        self._coder  # noqa: B018 (refuses what is no SAE)
        return load_dictionary(self._place.folder(), device)

    def stated(self) -> tuple[Usage, ...]:
        """What its ``cfg.json`` says, and whoever says how it was trained."""
        training = self._training
        own = Usage(
            by="the SAE's cfg.json and its folder's name",
            hook_point=self._place.hookpoint,
            d_model=self._coder.d_in,
            n_features=self._coder.latents,
            centred=False,
            normalize_activations="none",
        )
        trained = Usage(by=training.by, model=training.model, context_size=self._context_size, bos=self._bos)
        return (own, trained)

    def figures(self) -> PublishedFigures:
        """The k of its top-k; nothing else is published."""
        return PublishedFigures(by="the SAE's cfg.json (k)", l0=float(self._coder.k))

    def fetch(self) -> Fetched | None:
        """Download what is missing."""
        return self._place.fetch()
