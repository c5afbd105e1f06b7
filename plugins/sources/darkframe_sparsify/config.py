"""What sparsify writes beside an SAE's weights: ``cfg.json``, and the run's ``config.json`` where there is one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from darkframe.errors import DataError

CONTEXT = 2048
"""sparsify's ``ctx_len`` where nothing else is said."""

_ACTIVATIONS = ("topk", "groupmax")
_TRANSFORMER_LENS = {"": "hook_resid_post", "mlp": "hook_mlp_out", "attention": "hook_attn_out", "attn": "hook_attn_out"}
_MODULE = re.compile(r"(?:layers|h)\.(\d+)(?:\.(mlp|attention|attn|self_attn))?")


@dataclass(frozen=True)
class CoderConfig:
    """An SAE's ``cfg.json``.

    Attributes:
        d_in: d.
        latents: F.
        k: Most features active at once.
        activation: ``topk``, the k largest of all; or ``groupmax``, the largest in each of k groups.
    """

    d_in: int
    latents: int
    k: int
    activation: str


def parse_coder(config: Mapping[str, Any], where: str) -> CoderConfig:
    """Read a ``cfg.json``, as sparsify and its predecessor ``sae`` write it.

    Args:
        config: What it holds.
        where: What to call it in errors.

    Raises:
        DataError: It is none of sparsify's, or of a coder that does not reconstruct what it reads from its codes.
    """
    for name in ("d_in", "k"):
        if not isinstance(config.get(name), int):
            raise DataError(f"The SAE's {where} does not give {name}.", hint="Expected a cfg.json written by sparsify.")
    _check_reconstructs(config, where)
    activation = str(config.get("activation", "topk"))
    if activation not in _ACTIVATIONS:
        raise DataError(f"The SAE's {where} says activation {activation!r}.", hint=f"Expected {' or '.join(_ACTIVATIONS)}.")
    latents = config.get("num_latents") or config["d_in"] * int(config.get("expansion_factor", 32))
    return CoderConfig(config["d_in"], int(latents), config["k"], activation)


def _check_reconstructs(config: Mapping[str, Any], where: str) -> None:
    refused = {
        "transcode": "is a transcoder: it reconstructs another site than it reads, so its residual is not defined",
        "skip_connection": "has a linear skip connection, so its codes alone do not give its reconstruction",
        "signed": "has signed latents, which sparsify no longer reads as such",
    }
    for name, reason in refused.items():
        if config.get(name):
            raise DataError(f"The sparse coder of {where} {reason}.", hint="Choose an SAE.")


@dataclass(frozen=True)
class Training:
    """How an SAE was trained, as far as somebody says.

    Attributes:
        by: Who says so.
        model: Name of the language model, or None.
        revision: Of the model, or None.
        context_size: Tokens in a row.
        bos: Whether rows began with BOS; None: as the tokenizer does it (``chunk_and_tokenize`` leaves it to that).
    """

    by: str
    model: str | None
    revision: str | None
    context_size: int
    bos: bool | None


def parse_training(run: Mapping[str, Any] | None) -> Training:
    """Read the ``config.json`` that sparsify writes into a run's folder; None: there is none, and its defaults hold.

    Rows of a text data set come from ``sparsify.data.chunk_and_tokenize``: documents joined by EOS and cut into rows, with BOS
    where the tokenizer puts it by itself. Rows of a ``.bin`` file are what another program tokenised, as it was.
    """
    if run is None or "sae" not in run:  # a config.json of something else
        return Training("sparsify's defaults", None, None, CONTEXT, None)
    model, revision, length = run.get("model"), run.get("revision"), run.get("ctx_len")
    return Training(
        by="the SAE's config.json",
        model=model if isinstance(model, str) and model else None,
        revision=revision if isinstance(revision, str) and revision else None,
        context_size=length if isinstance(length, int) and length > 1 else CONTEXT,
        bos=False if str(run.get("dataset", "")).endswith(".bin") else None,
    )


def transformer_lens_name(hookpoint: str) -> str | None:
    """TransformerLens's name of a site, where it has one: ``layers.3`` is ``blocks.3.hook_resid_post``."""
    match = _MODULE.fullmatch(hookpoint)
    if match is None:
        return None
    part = "attention" if match[2] == "self_attn" else match[2] or ""
    return f"blocks.{match[1]}.{_TRANSFORMER_LENS[part]}"
