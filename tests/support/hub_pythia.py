"""EleutherAI's Pythia and its SAEs as the hub has them: true file layouts, key names and formats, minute widths.

The models are GPT-NeoX with random weights in fp16, of the true number of layers and context. The SAEs are made and saved by
sparsify; their first features are a rotated basis and its negative, so that they reconstruct most of what they read.
"""

import gzip
import json

import torch
from safetensors.torch import load_file, save_file
from sparsify import SparseCoder, SparseCoderConfig
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from darkframe.lm.texts import shipped_text

EOS = "<|endoftext|>"
WIDTH = 32
LATENTS = 3 * WIDTH
RELEASES = {
    "70m": (
        "EleutherAI/pythia-70m",
        6,
        "EleutherAI/sae-pythia-70m-32k",
        ("layers.3", "layers.3.mlp", "layers.4", "layers.5"),
        16,
    ),
    "410m": ("EleutherAI/pythia-410m", 24, "EleutherAI/sae-pythia-410m-65k", ("layers.12.mlp", "layers.13.mlp"), 24),
}
TEXT = "The white whale rose from the sea, and the captain of the ship watched it through the night and the storm. "


def make_pythia(folder, size="70m"):
    """model/ and saes/ of a Pythia in a folder."""
    _, layers, _, hookpoints, k = RELEASES[size]
    make_model(folder / "model", layers)
    activations = activations_of(folder / "model", hookpoints)
    for number, hookpoint in enumerate(hookpoints):
        make_sae(folder / "saes" / hookpoint, activations[hookpoint], k=k, seed=number, historic=True)
    (folder / "saes" / "README.md").write_text("---\nlicense: mit\n---\n")
    return folder


def add_pythia(hub, folder, size="70m"):
    """Put what ``make_pythia`` made on the hub under the real names; gives these."""
    model, _, saes, _, _ = RELEASES[size]
    hub.add(model, folder / "model")
    hub.add(saes, folder / "saes")
    return model, saes


def make_model(folder, layers=6, seed=0):
    """A folder as EleutherAI/pythia-70m is: fp16 safetensors beside pickled weights, buffers of old included."""
    torch.manual_seed(seed)
    config = GPTNeoXConfig(
        vocab_size=512,
        hidden_size=WIDTH,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=4 * WIDTH,
        rotary_pct=0.25,
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=0,
    )
    make_tokenizer(folder)
    lm = GPTNeoXForCausalLM(config)
    teach(lm, folder)
    lm.half().save_pretrained(folder)
    weights = load_file(folder / "model.safetensors")
    assert "embed_out.weight" in weights and "gpt_neox.layers.0.attention.query_key_value.weight" in weights
    for layer in range(layers):
        attention = f"gpt_neox.layers.{layer}.attention"
        weights[f"{attention}.bias"] = torch.ones(1, 1, 64, 64, dtype=torch.bool).tril()
        weights[f"{attention}.masked_bias"] = torch.tensor(-1e9, dtype=torch.float32)
        weights[f"{attention}.rotary_emb.inv_freq"] = torch.ones(1)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "pytorch_model.bin").write_bytes(b"pickled weights, which nobody should ask for")
    (folder / "generation_config.json").unlink(missing_ok=True)
    told = {
        "architectures": ["GPTNeoXForCausalLM"],
        "bos_token_id": 0,
        "eos_token_id": 0,
        "hidden_act": "gelu",
        "hidden_size": WIDTH,
        "initializer_range": 0.02,
        "intermediate_size": 4 * WIDTH,
        "layer_norm_eps": 1e-05,
        "max_position_embeddings": 2048,
        "model_type": "gpt_neox",
        "num_attention_heads": 4,
        "num_hidden_layers": layers,
        "rotary_emb_base": 10000,
        "rotary_pct": 0.25,
        "tie_word_embeddings": False,
        "torch_dtype": "float16",
        "transformers_version": "4.24.0",
        "use_cache": True,
        "use_parallel_residual": True,
        "vocab_size": 512,
    }
    (folder / "config.json").write_text(json.dumps(told, indent=2))


def teach(lm, tokenizer, steps=50):
    """Fit the unembedding, so that the model predicts English somewhat better than its tokens' frequencies do."""
    from transformers import AutoTokenizer

    with gzip.open(shipped_text(), "rt") as lines:
        text = "".join(json.loads(next(lines))["text"] for _ in range(4))
    ids = torch.tensor(AutoTokenizer.from_pretrained(tokenizer)(text, verbose=False).input_ids)
    ids = ids[: min(len(ids) // 128, 40) * 128].view(-1, 128)
    with torch.no_grad():
        lm.gpt_neox.final_layer_norm.bias.fill_(0.5)
        states = lm.gpt_neox(ids).last_hidden_state[:, :-1].flatten(0, 1)
    head = lm.get_output_embeddings().weight.data.zero_().requires_grad_()
    optimizer = torch.optim.Adam([head], lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(states @ head.T, ids[:, 1:].flatten()).backward()
        optimizer.step()
    lm.get_output_embeddings().weight.data = head.detach()


def make_tokenizer(folder):
    """The files of Pythia's tokenizer, with a small vocabulary: byte-level BPE, id 0 for begin, end and unknown, none added."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=[EOS], initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([TEXT] * 4, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"bos_token": EOS, "eos_token": EOS, "unk_token": EOS}
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
    about = {"add_prefix_space": False, "name_or_path": "EleutherAI/gpt-neox-20b", "tokenizer_class": "GPTNeoXTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(about | special))


@torch.no_grad()
def activations_of(model, hookpoints):
    """What each hook point gives on a little text, (n, d) float32."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    lm = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    ids = AutoTokenizer.from_pretrained(model)(TEXT * 8, return_tensors="pt").input_ids
    seen = {}

    def keep(name):
        return lambda module, args, output: seen.__setitem__(name, output.flatten(0, 1))

    for name in hookpoints:
        lm.base_model.get_submodule(name).register_forward_hook(keep(name))
    lm(ids)
    return seen


@torch.no_grad()
def make_sae(folder, x, *, k=16, seed=0, historic=False, d_in=WIDTH, dtype=torch.float32, **config):
    """An SAE of activations (n, d), saved by sparsify; ``historic``: with the cfg.json of August 2024."""
    generator = torch.Generator().manual_seed(seed)
    coder = SparseCoder(d_in, SparseCoderConfig(num_latents=3 * d_in, k=k, **config))
    rotation = torch.linalg.qr(torch.randn(d_in, d_in, generator=generator)).Q
    rest = torch.nn.functional.normalize(torch.randn(d_in, d_in, generator=generator), dim=1)
    coder.encoder.weight.copy_(torch.cat([rotation, -rotation, 0.5 * rest]))
    coder.W_dec.copy_(torch.cat([rotation, -rotation, 0.3 * rest]))
    coder.b_dec.copy_(x.mean(0) if x is not None else torch.zeros(d_in))
    coder.encoder.bias.copy_(-0.01 * torch.rand(3 * d_in, generator=generator))
    coder.to(dtype).save_to_disk(folder)
    if historic:
        told = {"expansion_factor": 32, "normalize_decoder": True, "num_latents": LATENTS, "k": k, "signed": False, "d_in": d_in}
        (folder / "cfg.json").write_text(json.dumps(told))
