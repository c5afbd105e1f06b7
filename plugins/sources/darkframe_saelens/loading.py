"""Loads models into TransformerLens, as an SAE was trained on them: with its own loading arguments, and nothing printed."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.errors import DataError
from darkframe.hub import Snapshot, opened
from darkframe.lm.quiet import quiet_transformers
from darkframe.lm.settings import SaeSettings, read_config

if TYPE_CHECKING:
    from sae_lens import HookedSAETransformer

_OWN = {"dtype", "torch_dtype", "device", "center_writing_weights"}
"""Arguments that darkframe sets itself: the SAE's word on centring has gone into the settings."""

_PROCESSING = ("fold_ln", "center_unembed", "fold_value_biases", "refactor_factored_attn_matrices")
_PLACE = "model"


def loading_arguments(settings: SaeSettings) -> dict[str, Any]:
    """What TransformerLens's ``from_pretrained_no_processing`` is called with for an SAE."""
    rest = {key: value for key, value in settings.loading.items() if key not in _OWN}
    return {**rest, "center_writing_weights": settings.centre}


def load_named(snapshot: Snapshot, name: str, settings: SaeSettings, device: str, dtype: str) -> HookedSAETransformer:
    """A model that TransformerLens knows, from a snapshot of its repository.

    Args:
        snapshot: The repository's files.
        name: TransformerLens's own name for it.
        settings: The SAE's: ``loading`` and ``centre``.
        device: Where to put it.
        dtype: What it computes in.

    Raises:
        DataError: TransformerLens cannot load it, or not as the SAE wants it.
    """
    import torch

    with _reading(name), opened(snapshot), _empty_folder():
        from sae_lens import HookedSAETransformer

        model = HookedSAETransformer.from_pretrained_no_processing(
            name,
            device=device,
            dtype=getattr(torch, dtype),
            default_padding_side="right",  # or rows with padding would be shifted
            **loading_arguments(settings),
        )
    return _finished(model, settings)


def load_folder(folder: Path, settings: SaeSettings, device: str, dtype: str) -> HookedSAETransformer:
    """A model from a local folder in transformers' layout.

    TransformerLens takes what a model is from its path ("llama" in it, "bert"), so that it is shown a folder of a neutral name
    with the configuration alone; transformers reads the weights.

    Raises:
        DataError: The folder is no model's, or of a kind that TransformerLens does not convert.
    """
    import torch

    from darkframe.lm.hooked import load_model

    whole = load_model(folder, "cpu", dtype)
    arguments = loading_arguments(settings)
    flags = {key: bool(arguments.get(key, False)) for key in _PROCESSING}
    with _reading(str(folder)), _empty_folder() as place:
        from sae_lens import HookedSAETransformer
        from transformer_lens import loading_from_pretrained as loading

        _show_configuration(folder, place / _PLACE)
        target = getattr(torch, dtype)
        config = loading.get_pretrained_model_config(_PLACE, fold_ln=flags["fold_ln"], device=device, dtype=target)
        config.tokenizer_name = None  # darkframe has one of its own
        state = loading.get_pretrained_state_dict(_PLACE, config, whole, dtype=target)
        del whole
        model = HookedSAETransformer(config, move_to_device=False)
        model.load_and_process_state_dict(state, center_writing_weights=settings.centre, **flags)
        model.move_model_modules_to_device()
    return _finished(model, settings)


def _finished(model: HookedSAETransformer, settings: SaeSettings) -> HookedSAETransformer:
    norm = model.cfg.normalization_type
    if settings.centre and (norm not in ("LN", "LNPre") or getattr(model.cfg, "final_rms", False)):
        raise DataError("The SAE wants centred activations, which only models with LayerNorm allow.")
    return model.eval().requires_grad_(False)


@contextlib.contextmanager
def _reading(what: str) -> Iterator[None]:
    from safetensors import SafetensorError

    try:
        with quiet_transformers():
            yield
    except (OSError, ValueError, KeyError, AttributeError, RuntimeError, TypeError, AssertionError, SafetensorError) as error:
        raise DataError(f"TransformerLens cannot load {what}: {error}", hint="Try source.backend=transformers.") from error


@contextlib.contextmanager
def _empty_folder() -> Iterator[Path]:
    """Work in an empty folder: a folder named as the model in the working directory would be taken for it."""
    before = os.getcwd()  # noqa: PTH109
    with tempfile.TemporaryDirectory(prefix="darkframe-") as name:
        os.chdir(name)
        try:
            yield Path(name)
        finally:
            os.chdir(before)


def _show_configuration(folder: Path, place: Path) -> None:
    config = read_config(folder / "config.json", "model")
    if "n_positions" in config:
        config.setdefault("n_ctx", config["n_positions"])  # an old name, which TransformerLens asks for and new folders lack
    place.mkdir()
    (place / "config.json").write_text(json.dumps(config), encoding="utf-8")
