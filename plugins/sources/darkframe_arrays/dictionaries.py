"""The dictionary that ``source.dictionary`` names: a SAELens folder, a sparsify folder, or a file of weights."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from darkframe.errors import DataError, ParameterError
from darkframe.lm.fingerprint import hash_file
from darkframe.lm.folders import FolderSae
from darkframe.lm.settings import CONFIG_FILE, WEIGHTS_FILE, read_config
from darkframe_arrays.sae import Rule, WeightsDictionary
from darkframe_arrays.weights import Weights, load_weights

if TYPE_CHECKING:
    from darkframe.interfaces import Dictionary, SourceContext
    from darkframe_arrays.plugin import ArraysParams

SPARSIFY_FILE = "sae.safetensors"
_RULE = ("activation", "k", "threshold", "apply_b_dec_to_input")


class DictionaryPart(Protocol):
    """A dictionary, before it is used."""

    @property
    def name(self) -> str:
        """What to call it."""

    @property
    def shape(self) -> tuple[int, int]:
        """(F, d)."""

    @property
    def why_not(self) -> str:
        """Why it cannot encode, as a sentence that says what to do; empty: it can."""

    def identity(self) -> dict[str, Any]:
        """Everything codes depend on."""

    def details(self) -> dict[str, Any]:
        """What to record."""

    def open(self, device: str) -> Dictionary:
        """The dictionary, in float32."""


def open_dictionary(params: ArraysParams, d: int | None, context: SourceContext) -> DictionaryPart | None:
    """The dictionary that the parameters name, or None.

    Raises:
        ParameterError: No such file or folder, or parameters that say what the folder says itself.
        DataError: Its files cannot be used.
    """
    path = params.dictionary
    given = [name for name in _RULE if getattr(params, name) is not None]
    if path is None:
        if given:
            raise ParameterError(f"source.{given[0]} is set, but no dictionary.", hint="Set source.dictionary, or leave it out.")
        return None
    if not path.exists():
        raise ParameterError(f"source.dictionary: {path} does not exist.")
    if path.is_dir():
        if given:
            raise ParameterError(f"source.{given[0]} is set, but {path / CONFIG_FILE} says that itself.", hint="Leave it out.")
        return _open_folder(path, context)
    return WeightsFile(path, params, d, context)


def _open_folder(path: Path, context: SourceContext) -> DictionaryPart:
    if (path / WEIGHTS_FILE).is_file():
        return SaeLensFolder(path)
    if (path / SPARSIFY_FILE).is_file():
        return SparsifyFolder(path, context)
    raise ParameterError(
        f"source.dictionary: {path} is no SAE's folder.",
        hint=f"Expected {CONFIG_FILE} with {WEIGHTS_FILE} (SAELens) or {SPARSIFY_FILE} (sparsify), or name a file of weights.",
    )


class SaeLensFolder:
    """A folder saved by SAELens, opened by SAELens."""

    why_not = ""

    def __init__(self, path: Path) -> None:
        self.part = FolderSae(path)
        self.settings = self.part.settings

    @property
    def name(self) -> str:
        """Architecture, size and site."""
        return f"{self.settings.architecture} SAE, {self.settings.d_sae:,} features, {self.settings.hook_name}"

    @property
    def shape(self) -> tuple[int, int]:
        """(F, d)."""
        return self.settings.d_sae, self.settings.d_in

    def identity(self) -> dict[str, Any]:
        """Hashes of its files, and what computes with them."""
        return self.part.identity()

    def details(self) -> dict[str, Any]:
        """What it says of itself."""
        settings = self.settings
        return {"library": "sae-lens", "model": settings.model_name, "hook_point": settings.hook_name} | {
            "centred": settings.centre,
            "normalize_activations": settings.normalize_activations,
        }

    def open(self, device: str) -> Dictionary:
        """The dictionary."""
        return self.part.open(device)


class SparsifyFolder:
    """A folder saved by sparsify: the k largest of max((x − b_dec) W_encᵀ + b_enc, 0), as sparsify computes them."""

    why_not = ""

    def __init__(self, path: Path, context: SourceContext) -> None:
        self._path, self._context = path, context
        config = read_config(path / CONFIG_FILE, "SAE")
        kind = config.get("activation", "topk")
        for name, value in (("transcode", config.get("transcode")), ("skip_connection", config.get("skip_connection"))):
            if value:
                raise DataError(f"The SAE in {path} has {name}: its residual is not defined.")
        if kind != "topk" or not isinstance(config.get("k"), int):
            raise DataError(f"The SAE in {path} activates by {kind!r} with k = {config.get('k')}; topk was expected.")
        self._rule = Rule("topk", config["k"], subtract=True)

    @cached_property
    def _weights(self) -> Weights:
        weights = load_weights(self._path / SPARSIFY_FILE, None, self._context, named_axes=True)
        if weights.W_enc is None:
            raise DataError(f"{self._path / SPARSIFY_FILE} holds no encoder.")
        _check_k(self._rule.k, len(weights.W_dec), self._path)
        return weights

    @property
    def name(self) -> str:
        """Kind and size."""
        return f"topk SAE (k = {self._rule.k}), {self.shape[0]:,} features, {self._path.name}"

    @property
    def shape(self) -> tuple[int, int]:
        """(F, d)."""
        features, d = self._weights.W_dec.shape
        return features, d

    def identity(self) -> dict[str, Any]:
        """Hashes of its files."""
        return {name: hash_file(self._path / name) for name in (CONFIG_FILE, SPARSIFY_FILE)}

    def details(self) -> dict[str, Any]:
        """How it encodes."""
        return {"format": "sparsify", "activation": "topk", "k": self._rule.k, "apply_b_dec_to_input": True}

    def open(self, device: str) -> Dictionary:
        """The dictionary."""
        return WeightsDictionary(self._weights, self._rule, "", device)


class WeightsFile:
    """A file of weights; how it encodes is told by the parameters, where the weights do not."""

    def __init__(self, path: Path, params: ArraysParams, d: int | None, context: SourceContext) -> None:
        self._path, self._params = path, params
        self._weights = load_weights(path, d, context)
        if params.threshold is not None:
            self._set_threshold(params.threshold)
        activation = params.activation or ("jumprelu" if self._weights.threshold is not None else None)
        self.why_not = self._missing(activation)
        subtract = bool(params.apply_b_dec_to_input) and self._weights.b_dec is not None
        self._rule = Rule(activation, params.k, subtract) if activation and not self.why_not else None
        self._check(activation)

    def _set_threshold(self, threshold: float) -> None:
        import dataclasses

        import numpy as np

        if self._weights.threshold is not None:
            raise ParameterError(f"source.threshold is set, but {self._path} holds thresholds.", hint="Leave it out.")
        everywhere = np.full(len(self._weights.W_dec), threshold, np.float32)
        self._weights = dataclasses.replace(self._weights, threshold=everywhere)

    def _missing(self, activation: str | None) -> str:
        """What is missing to encode, as a sentence."""
        weights = self._weights
        if weights.W_enc is None:
            return f"The dictionary {self._path} has no encoder (W_enc), so that it cannot encode activations."
        if activation is None:
            return (
                f"The dictionary {self._path} does not say how its features activate: set source.activation to relu, topk "
                "(with source.k) or jumprelu (with source.threshold)."
            )
        if weights.b_dec is not None and weights.b_dec.any() and self._params.apply_b_dec_to_input is None:
            return (
                f"The dictionary {self._path} does not say whether b_dec is subtracted before encoding: set "
                "source.apply_b_dec_to_input to true (SAELens's ReLU and TopK, sparsify) or false (Gemma Scope)."
            )
        return ""

    def _check(self, activation: str | None) -> None:
        """See that the parameters and the weights agree."""
        k = self._params.k
        if (activation == "topk") != (k is not None):
            if k is None:
                raise ParameterError("source.activation=topk needs source.k.")
            raise ParameterError(f"source.k is set, but features activate by {activation or 'nothing that was said'}.")
        _check_k(k, len(self._weights.W_dec), self._path)
        if activation == "jumprelu" and self._weights.threshold is None:
            raise ParameterError(f"source.activation=jumprelu needs source.threshold: {self._path} holds no threshold.")
        if activation != "jumprelu" and self._weights.threshold is not None:
            raise ParameterError(f"There are thresholds, but source.activation is {activation}.", hint="Leave it out.")
        if self._params.apply_b_dec_to_input and self._weights.b_dec is None:
            raise ParameterError(f"source.apply_b_dec_to_input is true, but {self._path} holds no b_dec.")

    @property
    def name(self) -> str:
        """Kind and size."""
        kind = "directions alone" if self._rule is None else f"{self._rule.activation} SAE"
        return f"{kind}, {self.shape[0]:,} features, {self._path.name}"

    @property
    def shape(self) -> tuple[int, int]:
        """(F, d)."""
        features, d = self._weights.W_dec.shape
        return features, d

    def identity(self) -> dict[str, Any]:
        """Hash of the file, and how it is used."""
        return {"file": hash_file(self._path)} | {name: getattr(self._params, name) for name in _RULE}

    def details(self) -> dict[str, Any]:
        """How it encodes, and how its axes were read where only a name tells."""
        rule = self._rule
        told = {"activation": rule.activation, "k": rule.k, "apply_b_dec_to_input": rule.subtract} if rule else {}
        return {"format": "weights", **told} | ({"axes": self._weights.read_as} if self._weights.read_as else {})

    def open(self, device: str) -> Dictionary:
        """The dictionary."""
        return WeightsDictionary(self._weights, self._rule, self.why_not, device)


def _check_k(k: int | None, features: int, path: Path) -> None:
    if k is not None and k > features:
        raise ParameterError(f"k = {k} features cannot be active at once: the dictionary {path} has {features}.")
