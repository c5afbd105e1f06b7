"""Measures the language model and the SAE on the held-out text and writes metrics.json.

Run it with:

    python tools/evaluate.py --build build/tiny

Every figure of the model card comes from here. Each held-out document is cut into runs of 127 tokens, each
led by BOS, so that every token of the text is predicted exactly once, from BOS and at most 126 tokens before
it; BOS itself is never counted.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer

from tinykit import activations, data, files, metrics, packing
from tinykit.runtime import keep_memory

HEADLINES = {
    "language_model": ("nats_per_token", "perplexity", "bits_per_byte", "unigram_perplexity"),
    "sae": ("explained_variance", "l0", "recovered_against_zero", "recovered_against_mean", "dead_share"),
}


def held_out(corpus: Path, model: Path) -> tuple[list[dict[str, str]], list[packing.Tokens]]:
    """Reads the held-out documents and encodes them with the shipped tokenizer."""
    records = files.read_jsonl_gz(corpus / "heldout.jsonl.gz")
    tokenizer = AutoTokenizer.from_pretrained(model)
    encoded = tokenizer([r["text"] for r in records], add_special_tokens=False, verbose=False)["input_ids"]
    return records, [np.asarray(ids, dtype=np.uint16) for ids in encoded]


def language_model(
    model: Any, records: list[dict[str, str]], documents: list[packing.Tokens], train: packing.Tokens
) -> dict[str, Any]:
    """Nats a token, perplexity and bits a byte, in all and by source; the unigram model beside it."""
    rows, mask = packing.document_rows(documents)
    nats = metrics.token_nats(model, rows)
    owner = np.asarray([-(-len(d) // (packing.CONTEXT - 1)) for d in documents])
    by_document = np.add.reduceat((nats * mask).sum(1, dtype=np.float64), np.cumsum(owner) - owner)
    tokens = np.asarray([len(d) for d in documents])
    sizes = np.asarray([len(r["text"].encode()) for r in records])
    sources = np.asarray([r["source"] for r in records])
    unigram = metrics.unigram_nats(train, np.concatenate(documents), vocabulary=model.config.vocab_size)

    def figures(chosen: Any) -> dict[str, float]:
        total, count, size = (
            float(by_document[chosen].sum()),
            int(tokens[chosen].sum()),
            int(sizes[chosen].sum()),
        )
        return {
            "documents": int(chosen.sum()),
            "tokens": count,
            "bytes": size,
            "nats_per_token": total / count,
            "perplexity": float(np.exp(total / count)),
            "bits_per_byte": metrics.bits_a_byte(total, size),
        }

    return {
        **figures(np.ones(len(records), dtype=bool)),
        "unigram_nats_per_token": unigram,
        "unigram_perplexity": float(np.exp(unigram)),
        "unigram_bits_per_byte": metrics.bits_a_byte(unigram * tokens.sum(), int(sizes.sum())),
        "by_source": {str(s): figures(sources == s) for s in sorted(set(sources))},
    }


def autoencoder(model: Any, folder: Path, layer: int, documents: list[packing.Tokens]) -> dict[str, Any]:
    """Reconstruction and splicing, over the same rows."""
    from sae_lens import SAE

    sae = SAE.load_from_disk(folder).eval()
    rows, mask = packing.document_rows(documents)
    with torch.no_grad():
        found = metrics.reconstruct(sae, activations.stream(model, rows, layer), mask)
        mean = (found.first / found.count).float()
        spliced = metrics.splice_losses(model, sae, layer, mean, rows, mask)
    lengths = sae.W_dec.detach().norm(dim=1)
    return {
        "architecture": sae.cfg.architecture(),
        "hook_name": sae.cfg.metadata.hook_name,
        "layer": layer,
        "d_in": sae.cfg.d_in,
        "d_sae": sae.cfg.d_sae,
        "decoder_row_lengths": [float(lengths.min()), float(lengths.max())],
        **found.summary(),
        **spliced,
    }


def main() -> None:
    """Measures and writes."""
    keep_memory()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", type=Path, default=Path("build/tiny"), help="folder for everything built")
    parser.add_argument("--lm", default="lm")
    parser.add_argument("--sae", default="sae")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--every", type=int, default=1, help="use every n-th document only (to try the script)"
    )
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model = activations.load_model(args.build / args.lm / "model")
    records, documents = held_out(args.build / "corpus", args.build / args.lm / "model")
    records, documents = records[:: args.every], documents[:: args.every]
    train = np.concatenate(data.read_documents(args.build / "corpus"))
    layer = files.read_json(args.build / args.sae / "recipe.json")["recipe"]["layer"]
    found = {
        "language_model": language_model(model, records, documents, train),
        "sae": autoencoder(model, args.build / args.sae / "sae", layer, documents),
    }
    files.write_json(args.build / f"metrics-{args.sae}.json", found)
    for part, names in HEADLINES.items():
        print(part, {name: round(found[part][name], 4) for name in names})


if __name__ == "__main__":
    main()
