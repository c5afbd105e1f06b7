"""Tokens and rows: the tokenizer, BOS-led packed rows, and the rows that evaluation uses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from tinykit import files

BOS = "<|endoftext|>"
BOS_ID = 0
CONTEXT = 128
Tokens = npt.NDArray[np.uint16]


def train_tokenizer(texts: Iterable[str], *, vocabulary: int) -> Tokenizer:
    """Trains a byte-level BPE with one special token, which is the first of the vocabulary."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[BOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def encode_all(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Tokens]:
    """Encodes documents, without special tokens."""
    encodings = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    return [np.asarray(encoding.ids, dtype=np.uint16) for encoding in encodings]


def pack(documents: Sequence[Tokens], *, context: int = CONTEXT, bos: int = BOS_ID) -> Tokens:
    """Packs documents into rows exactly as SAELens does.

    Documents are joined with BOS between them; every row begins with BOS (a separator that would begin a row
    serves as that BOS); the unfinished last row is left out.

    Returns:
        Rows × context.
    """
    joined: list[Tokens] = []
    for document in documents:
        joined += [np.asarray([bos], dtype=np.uint16), document]
    stream = np.concatenate(joined[1:])
    rows, at = list[Tokens](), 0
    while True:
        at += int(at < len(stream) and at > 0 and stream[at] == bos)
        part = stream[at : at + context - 1]
        if len(part) < context - 1:
            return np.stack(rows)
        rows.append(np.concatenate([np.asarray([bos], dtype=np.uint16), part]))
        at += context - 1


def document_rows(
    documents: Sequence[Tokens], *, context: int = CONTEXT, bos: int = BOS_ID
) -> tuple[Tokens, npt.NDArray[np.bool_]]:
    """Cuts each document into runs of context - 1 tokens, each led by BOS and padded with BOS.

    Returns:
        Rows × context, and a mask of the same shape that is true at the text's own tokens.
    """
    rows, masks = [], []
    for document in documents:
        for start in range(0, len(document), context - 1):
            part = document[start : start + context - 1]
            row = np.full(context, bos, dtype=np.uint16)
            row[1 : 1 + len(part)] = part
            rows.append(row)
            masks.append((np.arange(context) >= 1) & (np.arange(context) <= len(part)))
    return np.stack(rows), np.stack(masks)


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Writes the tokenizer so that `AutoTokenizer.from_pretrained(folder)` reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    files.write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": BOS,
            "eos_token": BOS,
            "model_max_length": CONTEXT,
            "clean_up_tokenization_spaces": False,
        },
    )
