"""The residual stream of the exported model, exactly as `transformers` gives it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from tinykit.packing import BOS_ID, Tokens
from tinykit.runtime import Progress


def load_model(folder: Path) -> Any:
    """Loads the exported model in float32."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@torch.no_grad()
def stream(model: Any, rows: Tokens, layer: int, *, batch: int = 32) -> Iterator[tuple[slice, Tensor]]:
    """Yields slices of rows and the input of block `layer` there: raw, not centred."""
    first_blocks = torch.nn.ModuleList(model.transformer.h[:layer])
    whole, norm = model.transformer.h, model.transformer.ln_f
    for start in range(0, len(rows), batch):
        part = slice(start, start + batch)
        ids = torch.from_numpy(rows[part].astype(np.int64))
        try:
            model.transformer.h, model.transformer.ln_f = first_blocks, torch.nn.Identity()
            states = model.transformer(ids, use_cache=False).last_hidden_state
        finally:
            model.transformer.h, model.transformer.ln_f = whole, norm
        yield part, states


def collect(model: Any, rows: Tokens, layer: int) -> Tensor:
    """Returns the stream at every position whose token is not BOS, float16, in order."""
    keep = torch.from_numpy(rows != BOS_ID)
    out = torch.empty(int(keep.sum()), model.config.n_embd, dtype=torch.float16)
    progress, at = Progress(len(rows), unit="tokens"), 0
    for part, states in stream(model, rows, layer):
        found = states[keep[part]]
        out[at : at + len(found)] = found
        at += len(found)
        progress.show(min(part.stop, len(rows)), "collecting", scale=rows.shape[1])
    return out
