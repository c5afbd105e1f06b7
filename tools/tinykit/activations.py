"""The residual stream of a model, exactly as `transformers` gives it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from tinykit import files
from tinykit.packing import BOS_ID, Tokens
from tinykit.runtime import Progress

PARTS = {"gpt2": ("h", "ln_f"), "llama": ("layers", "norm")}
"""Where each kind of model keeps its blocks and its final norm."""


def load_model(folder: Path) -> Any:
    """Loads a model in float32."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@torch.no_grad()
def stream(
    model: Any, rows: Tokens, layer: int, *, batch: int = 32, bfloat16: bool = False
) -> Iterator[tuple[slice, Tensor]]:
    """Yields slices of rows and the input of block `layer` there: raw, not centred.

    With `bfloat16` the matrix products are in that precision: three times as fast where the processor has it.
    """
    base = model.base_model
    blocks_name, norm_name = PARTS[model.config.model_type]
    whole, norm = getattr(base, blocks_name), getattr(base, norm_name)
    first_blocks = torch.nn.ModuleList(whole[:layer])
    for start in range(0, len(rows), batch):
        part = slice(start, start + batch)
        ids = torch.from_numpy(rows[part].astype(np.int64))
        setattr(base, blocks_name, first_blocks)
        setattr(base, norm_name, torch.nn.Identity())
        try:
            with _precision(bfloat16):
                states = base(ids, use_cache=False).last_hidden_state
        finally:
            setattr(base, blocks_name, whole)
            setattr(base, norm_name, norm)
        yield part, states


def _precision(bfloat16: bool) -> AbstractContextManager[Any]:
    return torch.autocast("cpu", torch.bfloat16) if bfloat16 else nullcontext()


def collect(model: Any, rows: Tokens, layer: int) -> Tensor:
    """Returns the stream at every position whose token is not BOS, float16, in order."""
    keep = torch.from_numpy(rows != BOS_ID)
    out = torch.empty(int(keep.sum()), model.config.hidden_size, dtype=torch.float16)
    progress, at = Progress(len(rows), unit="tokens"), 0
    for part, states in stream(model, rows, layer):
        found = states[keep[part]]
        out[at : at + len(found)] = found
        at += len(found)
        progress.show(min(part.stop, len(rows)), "collecting", scale=rows.shape[1])
    return out


def collect_shards(model: Any, rows: Tokens, layer: int, folder: Path, *, bos: int, shard: int = 640) -> None:
    """Writes the stream at every position whose token is not `bos`, float16, a file for every `shard` rows.

    Shards that are there already are kept, so that an interrupted run goes on. The products are in bfloat16.
    """
    progress = Progress(len(rows), unit="tokens")
    for start in range(0, len(rows), shard):
        path, part = folder / f"{start // shard:05}.npy", rows[start : start + shard]
        if not path.exists():
            states = torch.cat([s.to(torch.float16) for _, s in stream(model, part, layer, bfloat16=True)])
            files.write_array(path, states[torch.from_numpy(part != bos)].numpy())
        progress.show(min(start + shard, len(rows)), "collecting", scale=rows.shape[1])


def shards(folder: Path) -> list[Any]:
    """What `collect_shards` wrote, in order, mapped."""
    return [files.read_array(path) for path in sorted(folder.glob("*.npy"))]


def shard_norms(arrays: list[Any]) -> Any:
    """Norm of every activation, float32."""
    return np.concatenate([np.linalg.norm(array.astype(np.float32), axis=1) for array in arrays])


def gather(arrays: list[Any], keep: Any) -> Tensor:
    """The activations chosen by a mask over all of them, float16; memory holds these alone."""
    out, first, at = torch.empty(int(keep.sum()), arrays[0].shape[1], dtype=torch.float16), 0, 0
    for array in arrays:
        chosen = torch.from_numpy(array[keep[first : first + len(array)]])
        out[at : at + len(chosen)] = chosen
        first, at = first + len(array), at + len(chosen)
    return out
