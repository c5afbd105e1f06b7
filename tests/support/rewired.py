"""The embedded model rewired for tests of the doctor: copies of its assets changed in closed form, and sources that say less."""

import gzip
import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from darkframe import SourceContext
from darkframe.interfaces import Batch
from darkframe.lm.texts import shipped_text
from darkframe_tiny.plugin import TinyParams
from darkframe_tiny.source import TinySource

ASSETS = Path(sys.modules[TinySource.__module__].__file__).parent / "assets"


def few_documents(path):
    """Beginnings of some documents of the shipped text: the tokenizer need not read half a megabyte for each source."""
    with gzip.open(shipped_text(), "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["text"][:4000] for line in file]
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts[::12]), encoding="utf-8")
    return str(path)


def tiny(**params):
    return TinySource(TinyParams(**({"batch_size": 4} | params)), SourceContext())


def copy_assets(folder, *, weights=None, sae=None, metadata=None, figures=None):
    """A copy of the shipped assets: ``weights`` and ``sae`` change the tensors in place, the others the JSON."""
    folder = Path(folder)
    for part in ("model", "sae"):
        shutil.copytree(ASSETS / part, folder / part)
    for change, file in ((weights, folder / "model/model.safetensors"), (sae, folder / "sae/sae_weights.safetensors")):
        if change is not None:
            tensors = {name: tensor.float() for name, tensor in load_file(file).items()}
            change(tensors)
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, file, metadata={"format": "pt"})
    config = json.loads((folder / "sae/cfg.json").read_text())
    config["metadata"] |= metadata or {}
    (folder / "sae/cfg.json").write_text(json.dumps(config))
    measured = json.loads((ASSETS / "metrics.json").read_text())
    measured["sae"] |= figures or {}
    (folder / "metrics.json").write_text(json.dumps(measured))
    return str(folder)


def shift_stream(weights):
    """Let block 0 write along the all-ones direction, a constant and something of its own for each token.

    Every LayerNorm takes it away again: the model's function does not change, its raw residual stream does.
    """
    generator = torch.Generator().manual_seed(0)
    weight, bias = (
        next(t for name, t in weights.items() if name.endswith(f"h.0.mlp.c_proj.{kind}")) for kind in ("weight", "bias")
    )
    bias += 1.0
    weight += 0.05 * torch.randn((len(weight), 1), generator=generator)


def shift_constant(weights):
    """The same, the constant alone."""
    next(t for name, t in weights.items() if name.endswith("h.0.mlp.c_proj.bias")).add_(2.0)


def centre_sae(sae):
    """What training on centred activations makes of an SAE: nothing in it lies along the all-ones direction."""
    for name in ("W_dec", "b_dec"):
        sae[name] -= sae[name].mean(-1, keepdim=True)
    sae["W_enc"] -= sae["W_enc"].mean(0, keepdim=True)


def offset_sae(sae):
    """The SAE of a stream that was shifted by the constant alone."""
    sae["b_dec"] += 2.0


CENTRED = {"model_from_pretrained_kwargs": {"center_writing_weights": True}}


class Wrapped:
    """A source with only the methods of the contract, so that numbers alone speak; its activations may be scaled."""

    def __init__(self, source, scale=1.0):
        self._source, self._scale = source, scale
        for name in ("card", "available_tokens", "dictionary", "unembedding", "decode_tokens"):
            setattr(self, name, getattr(source, name))

    def batches(self, start=0):
        for batch in self._source.batches(start):
            yield Batch(**(vars(batch) | {"x": batch.x * self._scale}))


class Mute(Wrapped):
    """The same, but it predicts."""

    def losses(self, tokens, patch=None):
        return self._source.losses(tokens, patch)
