"""GPT-2 small and ``gpt2-small-res-jb`` as the hub serves them: true names, keys, formats and (where asked for) shapes.

The weights are made so that there is something to find. Each token's embedding is the sum of ``ACTIVE`` atoms of an orthonormal
basis of what is left of d_model without its mean, and the SAE's first features read and write those atoms: on centred activations
it explains most of the variance with about as many active features as its publisher states for layer 6. The embeddings also
carry a large random amount of the mean direction, which the SAE knows nothing of: without centred writing weights it fails.
"""

import json
import math
import tempfile
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from darkframe.lm.text import TextFile
from darkframe.lm.texts import shipped_text

MODEL = "openai-community/gpt2"  # "gpt2" is its old name, and redirected
SAES = "jbloom/GPT2-Small-SAEs-Reformatted"
EOT = "<|endoftext|>"
VOCABULARY = 50257
ACTIVE = 48
"""Atoms in a token's embedding."""


@cache
def _folder():
    keep = tempfile.TemporaryDirectory(prefix="darkframe-hub-gpt2-")
    _KEPT.append(keep)  # until the process ends
    return Path(keep.name)


_KEPT = []


def publish(hub, *, full=False, layers=(6, 8), tags=()):
    """Put GPT-2 and its SAEs on the hub.

    Args:
        hub: A ``support.hub.Hub``.
        full: GPT-2 small's true shape (548 MB, some seconds once in a session) and 24,576 features, or minute ones.
        layers: Sites ``blocks.N.hook_resid_pre`` that have an SAE; 12 is the last block's ``hook_resid_post``.
        tags: Further names of the model's commit.
    """
    commit = hub.add(MODEL, model_files(full=full), tags=tags)
    hub.alias("gpt2", MODEL)
    return commit, hub.add(SAES, {name: f for layer in layers for name, f in sae_files(layer, full=full).items()})


# ------------------------------------------------------------ the tokenizer


@cache
def tokenizer_files():
    """A byte-level BPE in GPT-2's layout: 256 bytes, merges learnt from the shipped prose, EOT last as 50256."""
    texts = [d.text for d in TextFile(shipped_text()).documents() if not isinstance(d, int)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=12_000, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    learnt = json.loads(tokenizer.to_str())["model"]
    vocabulary = dict(sorted(learnt["vocab"].items(), key=lambda item: item[1]))
    merges = [" ".join(pair) if isinstance(pair, list) else pair for pair in learnt["merges"]]
    vocabulary |= {f"Ġunused{i}": i for i in range(len(vocabulary), VOCABULARY - 1)}  # no merge leads there
    vocabulary[EOT] = VOCABULARY - 1
    config = {"add_prefix_space": False, "bos_token": EOT, "eos_token": EOT, "unk_token": EOT, "model_max_length": 1024}
    return {
        "vocab.json": json.dumps(vocabulary, ensure_ascii=False),
        "merges.txt": "#version: 0.2\n" + "\n".join(merges) + "\n",
        "tokenizer.json": _fast(vocabulary, merges),
        "tokenizer_config.json": json.dumps(config | {"tokenizer_class": "GPT2Tokenizer"}),
    }


def _fast(vocabulary, merges):
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[tuple(m.split(" ")) for m in merges]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.add_special_tokens([EOT])
    return tokenizer.to_str()


# ------------------------------------------------------------ the model


def shape(full):
    """d_model, layers, heads, positions."""
    return (768, 12, 12, 1024) if full else (96, 12, 4, 256)


def model_files(*, full=False):
    """Files of ``openai-community/gpt2``: keys without ``transformer.``, float32, the causal masks among them as there."""
    return _model_files(full)


@cache
def _model_files(full):
    d, layers, heads, positions = shape(full)
    folder = _folder() / f"gpt2-{d}"
    folder.mkdir()
    save_file(dict(_weights(d, layers, positions)), folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1, "bos_token_id": 50256,
        "embd_pdrop": 0.1, "eos_token_id": 50256, "initializer_range": 0.02, "layer_norm_epsilon": 1e-05, "model_type": "gpt2",
        "n_ctx": positions, "n_embd": d, "n_head": heads, "n_layer": layers, "n_positions": positions, "resid_pdrop": 0.1,
        "summary_activation": None, "summary_first_dropout": 0.1, "summary_proj_to_labels": True,
        "summary_type": "cls_index", "summary_use_proj": True, "vocab_size": VOCABULARY,
        "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}},
    }  # fmt: skip
    generation = {"_from_model_config": True, "bos_token_id": 50256, "eos_token_id": 50256, "transformers_version": "4.26.0"}
    return {
        "README.md": "---\nlanguage: en\nlicense: mit\n---\n# GPT-2 (random weights)\n",
        "config.json": json.dumps(config, indent=2),
        "generation_config.json": json.dumps(generation),
        "model.safetensors": folder / "model.safetensors",
        **tokenizer_files(),
    }


@cache
def atoms(d):
    """(d − 1, d) float32 orthonormal rows without a mean, the dictionary that embeddings are made of."""
    drawn = torch.randn(d, d - 1, generator=torch.Generator().manual_seed(1))
    return torch.linalg.qr(drawn - drawn.mean(dim=0))[0].T.contiguous()


def _active(d):
    return min(ACTIVE, d // 2)


def _embeddings(d, generator):
    """(VOCABULARY, d): a sum of atoms with positive coefficients, and some of the mean direction."""
    chosen = torch.rand(VOCABULARY, d - 1, generator=generator).topk(_active(d), dim=1).indices
    amounts = 0.5 + torch.rand(VOCABULARY, _active(d), generator=generator)
    coefficients = torch.zeros(VOCABULARY, d - 1).scatter_(1, chosen, amounts)
    common = 12.0 * torch.randn(VOCABULARY, 1, generator=generator) / math.sqrt(d)
    return coefficients @ atoms(d) + common


def _weights(d, layers, positions):
    generator = torch.Generator().manual_seed(2)

    def normal(*size, std):
        return torch.randn(*size, generator=generator).mul_(std)

    yield "wte.weight", _embeddings(d, generator)
    yield "wpe.weight", normal(positions, d, std=1.0 / math.sqrt(d))
    mask = torch.ones(positions, positions).tril().view(1, 1, positions, positions)
    written = 0.022  # per coordinate, by each half of a block: what blocks add is noise beside the embeddings
    for layer in range(layers):
        stem = f"h.{layer}"
        for norm in ("ln_1", "ln_2"):
            yield f"{stem}.{norm}.weight", 1 + normal(d, std=0.05)
            yield f"{stem}.{norm}.bias", normal(d, std=0.02)
        yield f"{stem}.attn.bias", mask.clone()
        for name, rows, columns, std in (
            ("attn.c_attn", d, 3 * d, 2 / math.sqrt(d)),
            ("attn.c_proj", d, d, written / math.sqrt(d)),
            ("mlp.c_fc", d, 4 * d, 1 / math.sqrt(d)),
            ("mlp.c_proj", 4 * d, d, written / math.sqrt(d)),
        ):
            yield f"{stem}.{name}.weight", normal(rows, columns, std=std)
            yield f"{stem}.{name}.bias", normal(columns, std=0.01)
    yield "ln_f.weight", 0.8 / math.sqrt(d) * (1 + normal(d, std=0.05))  # predictions near chance, and no surer
    yield "ln_f.bias", normal(d, std=0.002)


# ------------------------------------------------------------ its SAEs


def site_of(layer):
    """TransformerLens's name of the release's site."""
    return f"blocks.{layer}.hook_resid_pre" if layer < 12 else "blocks.11.hook_resid_post"


def sae_files(layer, *, full=False):
    """Files of one site of ``jbloom/GPT2-Small-SAEs-Reformatted``, in the format that SAELens wrote before version 6."""
    return _sae_files(layer, full)


@cache
def _sae_files(layer, full):
    d = shape(full)[0]
    site = site_of(layer)
    folder = _folder() / f"sae-{d}" / site
    folder.mkdir(parents=True)
    weights = sae_weights(d, layer)
    save_file(weights, folder / "sae_weights.safetensors")
    sparsity = torch.where(weights["b_enc"] < -0.5, -6.0, math.log10(_active(d) / d))
    save_file({"sparsity": sparsity}, folder / "sparsity.safetensors")
    files = {name: folder / name for name in ("sae_weights.safetensors", "sparsity.safetensors")}
    config = json.dumps(sae_config(d, layer, len(weights["b_enc"])))
    return {f"{site}/{name}": file for name, file in {"cfg.json": config, **files}.items()}


def sae_config(d, layer, features):
    """``cfg.json`` of the real repository, with this shape."""
    return {
        "model_name": "gpt2-small", "hook_point": site_of(layer), "hook_point_layer": min(layer, 11),
        "hook_point_head_index": None, "dataset_path": "Skylion007/openwebtext", "is_dataset_tokenized": False,
        "context_size": 128, "use_cached_activations": False,
        "cached_activations_path": f"activations/Skylion007_openwebtext/gpt2-small/{site_of(layer)}",
        "d_in": d, "n_batches_in_buffer": 128, "total_training_tokens": 300_000_000, "store_batch_size": 32, "device": "cpu",
        "seed": 42, "dtype": "torch.float32", "b_dec_init_method": "geometric_median", "expansion_factor": 32,
        "from_pretrained_path": None, "l1_coefficient": 8e-05, "lr": 0.0004, "lr_scheduler_name": None,
        "lr_warm_up_steps": 5000, "train_batch_size": 4096, "use_ghost_grads": False, "feature_sampling_window": 1000,
        "feature_sampling_method": None, "resample_batches": 1028, "feature_reinit_scale": 0.2, "dead_feature_window": 5000,
        "dead_feature_estimation_method": "no_fire", "dead_feature_threshold": 1e-08, "log_to_wandb": True,
        "wandb_project": "mats_sae_training_gpt2_small_resid_pre_5", "wandb_entity": None, "wandb_log_frequency": 100,
        "n_checkpoints": 10, "checkpoint_path": "checkpoints/y1t51byy", "d_sae": features, "tokens_per_buffer": 67_108_864,
        "run_name": f"{features}-L1-8e-05-LR-0.0004-Tokens-3.000e+08",
    }  # fmt: skip


def sae_weights(d, layer):
    """Features that read and write the atoms; after them, ones that hardly ever fire."""
    features = 32 * d
    generator = torch.Generator().manual_seed(layer)
    directions = torch.randn(features, d, generator=generator)
    directions /= directions.norm(dim=1, keepdim=True)
    directions[: d - 1] = atoms(d)
    spread = math.sqrt(1.1 * _active(d) / d)  # of what a random direction reads off the stream
    thresholds = -spread * (3.7 + torch.rand(features, generator=generator))
    thresholds[: d - 1] = -0.3
    return {
        "W_dec": directions,
        "W_enc": directions.T.contiguous(),
        "b_dec": torch.zeros(d),
        "b_enc": thresholds,
    }
