"""Which files of a repository an SAE consists of, for each format that SAELens converts."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from darkframe.errors import DataError
from darkframe_saelens.directory import NATIVE, Published

_FILES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    NATIVE: (("{path}/cfg.json", "{path}/sae_weights.safetensors"), ("{path}/sparsity.safetensors",)),
    "connor_rob_hook_z": (("{path}", "{stem}_cfg.json"), ()),
    "gemma_2": (("{path}/params.npz",), ()),
    "gemma_3": (("{path}/params.safetensors",), ("{path}/config.json",)),
    "llama_scope": (("{path}/hyperparams.json", "{path}/checkpoints/final.safetensors"), ()),
    "llama_scope_r1_distill": (("{path}/config.json", "{path}/sae_weights.safetensors"), ()),
    "dictionary_learning_1": (("{path}/config.json", "{path}/ae.pt"), ()),
    "deepseek_r1": (("{path}",), ()),
    "qwen_scope": (("{path}",), ()),
    "goodfire": (("{path}",), ()),
}
"""Format → names of the files it needs, and of those it can do without. Pickled ones (.pt) are read with weights_only."""

_UNKNOWN = (("{path}*",), ())
"""A format that a later SAELens has brought: the file itself, or everything in the folder."""


def wanted_files(published: Published) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files an SAE needs, and those it can do without.

    Raises:
        DataError: A transcoder or the like, which has no residual.
    """
    _refuse_others(published)
    stem = published.path.split(".pt")[0]
    wanted, optional = _FILES.get(published.converter, _UNKNOWN)
    return tuple(n.format(path=published.path, stem=stem) for n in wanted), tuple(n.format(path=published.path) for n in optional)


def _refuse_others(published: Published) -> None:
    kind, path = published.converter, published.path
    crosses = "transcoder" in kind or (kind == "gemma_3" and ("transcoder" in path or "clt" in path))
    if crosses:
        raise DataError(f"{published} is a transcoder: it reconstructs another site than it reads, so it has no residual.")
    if kind == "temporal":
        raise DataError(f"{published} is a temporal SAE: it decodes only part of its reconstruction, so it has no residual.")


@contextlib.contextmanager
def shapes_from_cache() -> Iterator[None]:
    """Inside, SAELens reads the shapes in a safetensors file from the downloaded file, where it would ask the hub anew."""
    from huggingface_hub import hf_hub_download
    from sae_lens.loading import pretrained_sae_loaders as loaders

    def shapes(repo_id: str, filename: str) -> dict[str, list[int]]:
        return read_shapes(Path(hf_hub_download(repo_id, filename)))

    asking = loaders.get_safetensors_tensor_shapes
    loaders.get_safetensors_tensor_shapes = shapes
    try:
        yield
    finally:
        loaders.get_safetensors_tensor_shapes = asking


def read_shapes(path: Path) -> dict[str, list[int]]:
    """Shapes of the tensors in a safetensors file, by name."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    return {name: list(about["shape"]) for name, about in header.items() if name != "__metadata__"}
