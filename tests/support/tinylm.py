"""A minute language model, SAE and text with random weights, in the layout of a local source."""

import gzip
import json
from pathlib import Path

import torch
from sae_lens.saes.gated_sae import GatedSAE, GatedSAEConfig
from sae_lens.saes.jumprelu_sae import JumpReLUSAE, JumpReLUSAEConfig
from sae_lens.saes.sae import SAEMetadata
from sae_lens.saes.standard_sae import StandardSAE, StandardSAEConfig
from sae_lens.saes.topk_sae import TopKSAE, TopKSAEConfig
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

BOS = "<|endoftext|>"
CONTEXT = 16
WIDTH = 24
FEATURES = 96
SAES = {
    "standard": (StandardSAE, StandardSAEConfig, {}),
    "topk": (TopKSAE, TopKSAEConfig, {"k": 5}),
    "topk-rescaled": (TopKSAE, TopKSAEConfig, {"k": 5, "rescale_acts_by_decoder_norm": True}),
    "jumprelu": (JumpReLUSAE, JumpReLUSAEConfig, {}),
    "gated": (GatedSAE, GatedSAEConfig, {}),
}
WORDS = [
    "the",
    "whale",
    "sea",
    "ship",
    "captain",
    "deck",
    "storm",
    "night",
    "crew",
    "boat",
    "oil",
    "white",
    "wind",
    "sail",
    "eye",
]


def make_documents(n=40, seed=0):
    """Documents of 1 to 60 words; some are under 20 characters."""
    generator = torch.Generator().manual_seed(seed)
    documents = []
    for _ in range(n):
        length = int(torch.randint(1, 60, (1,), generator=generator))
        documents.append(" ".join(WORDS[i] for i in torch.randint(len(WORDS), (length,), generator=generator)) + ".")
    return documents


def write_jsonl(path, documents, field="text"):
    lines = "".join(json.dumps({"id": f"doc/{i}", field: text}, ensure_ascii=False) + "\n" for i, text in enumerate(documents))
    path.write_bytes(gzip.compress(lines.encode()) if path.suffix == ".gz" else lines.encode())
    return path


def make_tokenizer(folder):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=[BOS], initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(make_documents(seed=1), trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=BOS, eos_token=BOS, model_max_length=CONTEXT)
    fast.save_pretrained(folder)
    return fast


def make_model(folder, layers=4):
    """A GPT-2 with random weights of realistic size, saved in fp16."""
    config = GPT2Config(
        vocab_size=300, n_positions=CONTEXT, n_embd=WIDTH, n_layer=layers, n_head=3, bos_token_id=0, eos_token_id=0
    )
    torch.manual_seed(0)
    model = GPT2LMHeadModel(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model.half().save_pretrained(folder)


def make_sae(kind="standard", *, metadata=None, seed=0, **config):
    """An SAE with random weights, about a quarter of its features active."""
    made, config_class, extra = SAES[kind]
    about = {
        "model_name": "fixture",
        "hook_name": "blocks.2.hook_resid_pre",
        "context_size": CONTEXT,
        "prepend_bos": True,
        "model_from_pretrained_kwargs": {},
        **(metadata or {}),
    }
    sae = made(config_class(d_in=WIDTH, d_sae=FEATURES, metadata=SAEMetadata(**about), **extra, **config))
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sae.named_parameters():
        scale = 0.05 if name == "r_mag" else 0.3
        parameter.data = torch.randn(parameter.shape, generator=generator) * scale
        if name == "threshold":
            parameter.data = parameter.data.abs()
    return sae


def make_assets(folder, *, kind="standard", documents=None, **sae):
    """model/, sae/ and heldout.jsonl.gz in one folder."""
    folder = Path(folder)
    (folder / "model").mkdir(parents=True)
    make_tokenizer(folder / "model")
    make_model(folder / "model")
    make_sae(kind, **sae).save_model(folder / "sae")
    write_jsonl(folder / "heldout.jsonl.gz", make_documents() if documents is None else documents)
    return folder
