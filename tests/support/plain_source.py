"""A source that keeps its contract, of a few weights and no library but torch. Tests break it in one way at a time."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import torch

from darkframe import DataError
from darkframe.interfaces import Batch, Codes, Fetched, SourceCard, Usage, Wiring

WIDTH, FEATURES, VOCABULARY, SLOTS, ROWS = 8, 12, 20, 6, 12


def weights(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class PlainDictionary:
    """A ReLU SAE."""

    def __init__(self):
        self.W_enc, self.W_dec = weights(WIDTH, FEATURES, seed=1), weights(FEATURES, WIDTH, seed=2)
        self.b_enc, self.b_dec = torch.full((FEATURES,), -0.5), torch.zeros(WIDTH)

    def encode(self, x):
        return Codes.from_dense(torch.relu(x @ self.W_enc + self.b_enc))

    def decode(self, codes):
        return codes.to_dense() @ self.W_dec + self.b_dec


class Plain:
    """Two rows a batch, BOS first; every two rows are a document."""

    rows = ROWS

    def __init__(self, params, context):
        self.context = context
        self.sae = PlainDictionary()
        self.embedding, self.head = weights(VOCABULARY, WIDTH, seed=3), weights(WIDTH, VOCABULARY, seed=4)
        with context.progress.task("Opening", 2, "files") as task:
            task.advance()
            task.note("weights")
            task.advance()

    def card(self):
        return SourceCard(
            model="plain",
            dictionary="plain SAE",
            hook_point="blocks.0.hook_resid_pre",
            d_model=WIDTH,
            n_features=FEATURES,
            context_size=SLOTS,
            packing="two rows a document",
            text="numbers",
            fingerprint="plain",
        )

    def lacks(self):
        return {}

    def available_tokens(self):
        return self.rows * (SLOTS - 1)

    def batches(self, start=0):
        for first in range(2 * start, self.rows, 2):
            tokens = np.random.default_rng(first).integers(1, VOCABULARY, (2, SLOTS)).astype(np.int32)
            tokens[:, 0] = 0
            yield self._batch(first, tokens)

    def _batch(self, first, tokens):
        special = tokens == 0
        positions = np.arange(2 * (SLOTS - 1)).reshape(2, -1)
        positions = np.concatenate([np.full((2, 1), -1), positions], axis=1)
        return Batch(
            tokens=tokens.ravel(),
            documents=np.full(tokens.size, first // 2, np.int32),
            positions=positions.ravel().astype(np.int32),
            context_positions=np.tile(np.arange(SLOTS, dtype=np.int32), 2),
            special=special.ravel(),
            x=self.embedding[torch.from_numpy(tokens.ravel()).long()],
        )

    def dictionary(self):
        return self.sae

    def unembedding(self):
        return SimpleNamespace(logits=lambda directions: directions @ self.head)

    def decode_tokens(self, tokens):
        return [f" word{token}" for token in tokens]

    def wiring(self):
        card = self.card()
        sizes = {name: getattr(card, name) for name in ("d_model", "n_features", "context_size", "hook_point")}
        return Wiring(Usage(by="this source", **sizes), (Usage(by="its maker", model="plain"),))

    def losses(self, tokens, patch=None):
        x = self.embedding[torch.from_numpy(tokens.ravel()).long()]
        logits = (x if patch is None else patch(x)) @ self.head
        told = logits.log_softmax(-1).view(*tokens.shape, -1)[:, :-1]
        return -told.gather(2, torch.from_numpy(tokens[:, 1:]).long()[..., None])[..., 0]

    def fetch(self, tokens):
        return [Fetched("model", "plain", "c0ffee", 1, 100, self.context.cache)]


def refuse(*_):
    """What is not given."""
    raise DataError("The plain source does not have that.")


def each_batch(change):
    """The source with its batches changed by ``change(batch, number, start)``."""

    class Changed(Plain):
        def batches(self, start=0):
            for number, batch in enumerate(super().batches(start), start):
                yield change(batch, number, start)

    return Changed


def with_card(**changed):
    """The source with some of its card changed."""

    class Changed(Plain):
        def card(self):
            return replace(super().card(), **changed)

    return Changed


def with_dictionary(**changed):
    """The source with some of its dictionary changed: values, or functions of the dictionary."""

    class Dictionary(PlainDictionary):
        def __init__(self):
            super().__init__()
            for name, value in changed.items():
                setattr(self, name, value.__get__(self) if callable(value) else value)

    class Changed(Plain):
        def __init__(self, params, context):
            super().__init__(params, context)
            self.sae = Dictionary()

    return Changed


def having(**methods):
    """The source with some methods changed."""
    return type("Changed", (Plain,), methods)
