"""A Llama-architecture GGUF file as a transformers model folder: weights dequantised to float32, tokenizer rebuilt.

What the format's files mean: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Float32 keeps every dequantised value
exact: a Q4_1 weight is a float16 scale times 0…15 plus a float16 minimum, which has more bits than float16 holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VERSION = 1
"""Changes whenever the folder written for a file changes: it is part of a conversion's name."""

CONTROL = 3
"""``tokenizer.ggml.token_type`` of tokens that are no text."""

_BLOCK = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_WHOLE = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}


def convert(gguf: Path, folder: Path, advance: Callable[[], None] = lambda: None) -> None:
    """Write ``config.json``, ``model.safetensors``, ``tokenizer.json`` and ``tokenizer_config.json`` into an empty folder.

    Args:
        gguf: A Llama-architecture model with tied embeddings and a byte-level BPE of the ``smollm`` kind.
        folder: Exists.
        advance: Called after each tensor.

    Raises:
        DataError: The file is no GGUF, or of another architecture or tokenizer.
    """
    from gguf import GGUFReader
    from safetensors.numpy import save_file

    try:
        reader = GGUFReader(gguf)
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise DataError(f"The model file {gguf} is no whole GGUF file: {error}.", hint="Fetch it again.") from error
    fields = {name: field.contents() for name, field in reader.fields.items()}
    _check_kind(gguf, fields)
    config = model_config(fields)
    expected = len(_WHOLE) + len(_BLOCK) * config["num_hidden_layers"]
    if len(reader.tensors) != expected:
        raise DataError(f"The model file {gguf} has {len(reader.tensors)} tensors, expected {expected}.")
    _write_json(folder / "tokenizer.json", tokenizer(fields))
    _write_json(folder / "tokenizer_config.json", tokenizer_config(fields))
    save_file(dict(_weights(reader, config, advance)), folder / "model.safetensors", metadata={"format": "pt"})
    _write_json(folder / "config.json", config)


def _check_kind(gguf: Path, fields: Mapping[str, Any]) -> None:
    """Only what this module was checked on: another rotary layout or pre-tokenizer would give a model that is subtly wrong."""
    expected = {"general.architecture": "llama", "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "smollm"}
    for name, value in expected.items():
        if fields.get(name) != value:
            raise DataError(f"The model file {gguf} has {name} {fields.get(name)!r}, expected {value!r}.")


def model_config(fields: Mapping[str, Any]) -> dict[str, Any]:
    """``config.json`` of ``LlamaForCausalLM`` from GGUF's metadata."""

    def llama(name: str) -> Any:
        return fields[f"llama.{name}"]

    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(fields["tokenizer.ggml.tokens"]),
        "hidden_size": llama("embedding_length"),
        "intermediate_size": llama("feed_forward_length"),
        "num_hidden_layers": llama("block_count"),
        "num_attention_heads": llama("attention.head_count"),
        "num_key_value_heads": llama("attention.head_count_kv"),
        "head_dim": llama("rope.dimension_count"),
        "max_position_embeddings": llama("context_length"),
        "rms_norm_eps": llama("attention.layer_norm_rms_epsilon"),
        "rope_parameters": {"rope_type": "default", "rope_theta": llama("rope.freq_base")},
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": True,
        "bos_token_id": fields["tokenizer.ggml.bos_token_id"],
        "eos_token_id": fields["tokenizer.ggml.eos_token_id"],
        "pad_token_id": fields["tokenizer.ggml.padding_token_id"],
        "dtype": "float32",
    }


def _weights(reader: Any, config: Mapping[str, Any], advance: Callable[[], None]) -> Any:
    """Each tensor under transformers' name, dequantised."""
    from gguf import dequantize

    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    for tensor in reader.tensors:
        weight = dequantize(tensor.data, tensor.tensor_type)
        part = tensor.name.split(".")[2] if tensor.name.startswith("blk.") else ""
        yield weight_name(tensor.name), unrotate(weight, heads[part]) if part in heads else weight.copy()
        advance()


def weight_name(name: str) -> str:
    """Transformers' name of a Llama tensor.

    Raises:
        DataError: It is none that a Llama model with tied embeddings has.
    """
    block = name.split(".")
    if name in _WHOLE:
        return _WHOLE[name]
    if len(block) == 4 and block[0] == "blk" and block[2] in _BLOCK and block[3] == "weight":
        return f"model.layers.{int(block[1])}.{_BLOCK[block[2]]}.weight"
    raise DataError(f"The model file has a tensor {name}, which no Llama model with tied embeddings has.")


def unrotate(weight: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Rows of a query or key projection from GGUF's order to transformers'.

    GGUF keeps the two coordinates that a rotary embedding turns together next to each other (2i, 2i + 1); transformers turns
    i with i + half.

    Args:
        weight: (heads · size, d).
        heads: Number of heads; key projections have their own number.
    """
    import numpy as np

    pairs = weight.reshape(heads, -1, 2, weight.shape[1])
    return np.ascontiguousarray(pairs.swapaxes(1, 2)).reshape(weight.shape)


def tokenizer(fields: Mapping[str, Any]) -> dict[str, Any]:
    """``tokenizer.json``: byte-level BPE with each digit on its own, which is what GGUF's pre-tokenizer ``smollm`` names."""
    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    flags = {"lstrip": False, "rstrip": False, "single_word": False, "normalized": False, "special": True}
    special = [i for i, kind in enumerate(fields["tokenizer.ggml.token_type"]) if kind == CONTROL]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": i, "content": tokens[i], **flags} for i in special],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]},
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": [merge.split(" ") for merge in fields["tokenizer.ggml.merges"]],
        },
    }


def tokenizer_config(fields: Mapping[str, Any]) -> dict[str, Any]:
    """``tokenizer_config.json``: which tokens are special, as the file says."""
    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    names = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"}
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **{name: tokens[fields[f"tokenizer.ggml.{kind}_token_id"]] for name, kind in names.items()},
        "model_max_length": fields["llama.context_length"],
        "clean_up_tokenization_spaces": False,
    }


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
