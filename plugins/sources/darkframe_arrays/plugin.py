"""Declares the source ``arrays``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from darkframe import SourceInfo, hookimpl, param


@dataclass(frozen=True)
class ArraysParams:
    """Parameters of ``arrays``; files are .npy, .npz or .safetensors.

    Several files of one kind are joined along their first axis, in the order given; a name with ``*``, ``?`` or ``[`` stands for
    all files it matches, in natural order (``part-2`` before ``part-10``).
    """

    activations: tuple[Path, ...] = param(
        (), help="Activations (n, d), or (rows, slots, d): a file, several, or a pattern such as shards/x-*.npy."
    )
    key: str | None = param(
        None, help="Name of the activations inside .npz or .safetensors; none: 'activations', or the only array there."
    )
    context_size: int | None = param(
        None,
        help="Tokens in one of the model's input rows, where activations are flat (n, d); none: not known.",
        ge=1,
        unit="tokens",
    )
    tokens: tuple[Path, ...] = param((), help="Token ids, one for each activation; none: activations are known by their row.")
    documents: tuple[Path, ...] = param(
        (), help="Each token's document, any integers, a document's tokens together; none: see document_rows."
    )
    positions: tuple[Path, ...] = param((), help="Each token's place in its document; none: counted.")
    document_rows: int = param(
        1024, help="So many consecutive tokens count as a document where neither documents nor input rows are known.", ge=1
    )
    special: tuple[Path, ...] = param((), help="Which tokens are BOS, EOS or padding (true or 1), to be left out.")
    special_ids: tuple[int, ...] | None = param(
        None, help="Token ids to be left out; none: the tokenizer's BOS, EOS, padding and the like."
    )
    tokenizer: Path | None = param(None, help="Folder of a tokenizer, or its tokenizer.json, to show tokens as text.")
    dictionary: Path | None = param(
        None, help="The SAE: a folder saved by SAELens or sparsify, or a file of its weights under their usual names."
    )
    activation: Literal["relu", "topk", "jumprelu"] | None = param(
        None, help="How features activate, where the dictionary is a file of weights; jumprelu wherever it holds a threshold."
    )
    k: int | None = param(None, help="Features active at once, with activation=topk.", ge=1)
    threshold: float | None = param(None, help="Threshold of all features, with activation=jumprelu; none: the file's.", ge=0)
    apply_b_dec_to_input: bool | None = param(
        None, help="Whether b_dec is subtracted before encoding (SAELens's ReLU and TopK, sparsify: true; Gemma Scope: false)."
    )
    unembedding: Path | None = param(
        None, help="File with W_U and the final norm's weights, such as the model's own safetensors: for the logit lens."
    )
    final_norm: Literal["none", "layer", "rms"] | None = param(
        None, help="Final norm before W_U; none: layer where the file has its weight and bias, no norm where it has neither."
    )
    model: str = param("not said", help="What to call the model in results.")
    hook_point: str = param("not said", help="Where activations were read, such as blocks.6.hook_resid_pre.")
    batch_size: int = param(4096, help="Tokens in a batch; whole input rows where those are known.", ge=1, unit="tokens")


@hookimpl
def darkframe_sources() -> Iterable[SourceInfo]:
    """Offer activations from files."""
    yield SourceInfo(
        name="arrays",
        target="darkframe_arrays.source:ArraysSource",
        summary="Your own activations, tokens and dictionary, from .npy, .npz or .safetensors files.",
        params=ArraysParams,
        partial=True,
        default_tokens=None,
        docs="own-activations.html",
    )
