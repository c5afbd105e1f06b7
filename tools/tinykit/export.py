"""Export in Hugging Face's format: float16 weights, configuration, tokenizer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save

from tinykit import files
from tinykit.model import LanguageModel, Shape
from tinykit.packing import BOS_ID


def config(shape: Shape) -> dict[str, object]:
    """The configuration that `GPT2Config` reads."""
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": shape.vocabulary,
        "n_positions": shape.context,
        "n_ctx": shape.context,
        "n_embd": shape.width,
        "n_layer": shape.layers,
        "n_head": shape.heads,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "initializer_range": 0.02,
        "attn_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "resid_pdrop": 0.0,
        "bos_token_id": BOS_ID,
        "eos_token_id": BOS_ID,
        "tie_word_embeddings": True,
        "dtype": "float16",
    }


def export_model(model: LanguageModel, shape: Shape, tokenizer: Path, folder: Path) -> None:
    """Writes config.json, model.safetensors and the tokenizer's files."""
    tensors = {
        name: value.detach().to(torch.float16).contiguous() for name, value in model.state_dict().items()
    }
    files.write_bytes(folder / "model.safetensors", save(tensors, metadata={"format": "pt"}))
    files.write_bytes(folder / "config.json", (json.dumps(config(shape), indent=2) + "\n").encode())
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tokenizer / name, folder / name)
