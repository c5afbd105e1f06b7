"""What a SAELens folder says of its SAE, read from ``cfg.json`` alone: no weights, no torch."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from darkframe.errors import DataError
from darkframe.interfaces import Usage

CONFIG_FILE = "cfg.json"
WEIGHTS_FILE = "sae_weights.safetensors"

_SITE = re.compile(r"blocks\.(\d+)\.hook_resid_(pre|post)")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.\w+)*")
_UNCHANGED_STREAM = {"fold_ln", "fold_value_biases", "center_unembed", "refactor_factored_attn_matrices", "dtype", "device"}
"""Arguments of TransformerLens's loaders that leave the residual stream as it is, or that darkframe sets itself."""


@dataclass(frozen=True)
class Site:
    """A place on the residual stream: before or after a block."""

    layer: int
    after: bool

    @classmethod
    def parse(cls, name: str) -> Site:
        """Read TransformerLens's name of the site.

        Raises:
            DataError: The name is of another kind of site.
        """
        match = _SITE.fullmatch(name)
        if match is None:
            raise DataError(
                f"The SAE reads {name!r}, which is not a site on the residual stream.",
                hint="Expected blocks.L.hook_resid_pre or blocks.L.hook_resid_post.",
            )
        return cls(int(match[1]), match[2] == "post")


@dataclass(frozen=True)
class ModuleSite:
    """The output of a submodule of the base model, named as in transformers: ``layers.12.mlp``, ``h.3``."""

    module: str


def read_site(name: str) -> Site | ModuleSite:
    """A site from its name: TransformerLens's name of a place on the residual stream, or a submodule's path.

    Raises:
        DataError: The name is of another kind of site.
    """
    if _MODULE.fullmatch(name) and not name.startswith("blocks."):
        return ModuleSite(name)
    return Site.parse(name)


@dataclass(frozen=True)
class SaeSettings:
    """How an SAE wants to be used.

    Attributes:
        architecture: SAELens's name, such as ``standard`` or ``topk``.
        d_in, d_sae: d and F.
        hook_name: Site in TransformerLens's words, such as ``blocks.6.hook_resid_pre``.
        model_name: The language model, or ``""`` where the folder does not say.
        context_size: Tokens in a row it was trained on, or None.
        prepend_bos: Whether rows begin with BOS.
        separator: Token between packed documents: ``bos``, ``eos``, ``sep``, an id, or None.
        centre: Whether it was trained on centred writing weights: activations minus their mean over d_model.
        normalize_activations: SAELens's setting.
        loading: Arguments for loading the model that it was trained with (``model_from_pretrained_kwargs``).
        unused: Those of them that darkframe does not know; whoever opens the SAE should say so.
        head: The attention head whose part it reads, or None for all.
    """

    architecture: str
    d_in: int
    d_sae: int
    hook_name: str
    model_name: str
    context_size: int | None
    prepend_bos: bool
    separator: str | int | None
    centre: bool
    normalize_activations: str
    loading: Mapping[str, Any] = field(default_factory=dict)
    unused: Mapping[str, Any] = field(default_factory=dict)
    head: int | None = None

    def usage(self, by: str) -> Usage:
        """The same as a statement of how the SAE is to be used."""
        return Usage(
            by=by,
            model=self.model_name or None,
            hook_point=self.hook_name,
            d_model=self.d_in,
            n_features=self.d_sae,
            context_size=self.context_size,
            bos=self.prepend_bos,
            centred=self.centre,
            normalize_activations=self.normalize_activations,
            loading=self.loading,
            not_applied=self.unused,
        )


def read_settings(folder: Path) -> SaeSettings:
    """Read ``cfg.json`` of a SAELens folder, of version 6 (``metadata``) or before (all keys on one level).

    Raises:
        DataError: No folder, no ``cfg.json``, not JSON, or a necessary entry is missing.
    """
    return parse_settings(read_config(folder / CONFIG_FILE, "SAE"), str(folder / CONFIG_FILE))


def parse_settings(config: Mapping[str, Any], where: str) -> SaeSettings:
    """Settings from the contents of a ``cfg.json``.

    Args:
        config: What it holds.
        where: What to call it in errors.

    Raises:
        DataError: A necessary entry is missing.
    """
    metadata = config.get("metadata")
    about = metadata if isinstance(metadata, dict) else config
    for name in ("d_in", "d_sae"):
        if not isinstance(config.get(name), int):
            raise DataError(f"The SAE's {where} does not give {name}.", hint="Expected a folder saved by SAELens.")
    hook_name = about.get("hook_name") or about.get("hook_point")
    if not isinstance(hook_name, str):
        raise DataError(f"The SAE's {where} does not name its site (hook_name).")
    loading = about.get("model_from_pretrained_kwargs") or {}
    known = _UNCHANGED_STREAM | {"center_writing_weights"}
    return SaeSettings(
        architecture=_architecture(config),
        d_in=config["d_in"],
        d_sae=config["d_sae"],
        hook_name=hook_name,
        model_name=str(about.get("model_name") or ""),
        context_size=about.get("context_size"),
        prepend_bos=bool(about.get("prepend_bos", True)),
        separator=about.get("sequence_separator_token", "bos"),
        centre=bool(loading.get("center_writing_weights", False)),
        normalize_activations=_normalisation(config),
        loading=dict(loading),
        unused={key: value for key, value in loading.items() if key not in known},
        head=about.get("hook_head_index", about.get("hook_point_head_index")),
    )


def read_config(path: Path, what: str) -> dict[str, Any]:
    """Read a JSON object from a folder that should hold one.

    Raises:
        DataError: The file is missing or holds something else.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"The {what} folder {path.parent} has no {path.name}.", hint="Check the folder's path.") from error
    except (OSError, ValueError) as error:
        raise DataError(f"The {what}'s {path} cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise DataError(f"The {what}'s {path} holds no JSON object.")
    return config


def _architecture(config: Mapping[str, Any]) -> str:
    """Architecture by SAELens's rules: older folders mark top-k by their activation function."""
    old_activation = config.get("activation_fn", config.get("activation_fn_str"))
    if "metadata" not in config and old_activation == "topk":
        return "topk"
    return str(config.get("architecture", "standard"))


def _normalisation(config: Mapping[str, Any]) -> str:
    """``normalize_activations``, which older folders give as a bool or not at all."""
    value = config.get("normalize_activations")
    if isinstance(value, bool):
        return "expected_average_only_in" if value else "none"
    return "none" if value is None else str(value)
