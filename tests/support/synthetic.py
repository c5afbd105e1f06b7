"""A source of planted activations: known dictionary, known residual, any size, the same bytes from any batch on.

In a rotated basis of d dimensions, the first ``firing`` coordinates carry sparse positive activations that the SAE encodes and
decodes exactly (JumpReLU). The others carry the residual: heavy-tailed sources along ``known`` directions that are rows of W_dec
whose features never fire, and along ``novel`` directions that are not, plus Gaussian noise. So e is the planted residual, up to
float32 rounding.

``install(folder)`` makes a fake installed distribution ``synthetic`` in ``folder`` (put it and this file's folder on the path).
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import darkframe
from darkframe.interfaces import Batch, Codes, SourceCard

ENTRY_POINTS = "[darkframe]\nsynthetic = synthetic\n"
METADATA = "Metadata-Version: 2.1\nName: synthetic\nVersion: 1.0\n"


@dataclass(frozen=True)
class SyntheticParams:
    held: int = darkframe.param(20_000, help="Tokens the text holds.", ge=0)
    d_model: int = darkframe.param(24, help="Dimensions.", ge=2)
    n_features: int = darkframe.param(64, help="Features of the dictionary.", ge=1)
    firing: int = darkframe.param(8, help="Features that fire (and coordinates they take).", ge=0)
    rate: float = darkframe.param(0.2, help="How often each of them fires.", ge=0, le=1)
    known: int = darkframe.param(4, help="Residual sources along decoder directions.", ge=0)
    novel: int = darkframe.param(4, help="Residual sources along directions the dictionary lacks.", ge=0)
    gaussian: bool = darkframe.param(False, help="Make the residual Gaussian: nothing to find.")
    noise: float = darkframe.param(0.1, help="Standard deviation of the residual's Gaussian noise.", ge=0)
    mean: float = darkframe.param(0.0, help="Mean of every dimension of x (b_dec).")
    residual_mean: float = darkframe.param(0.0, help="Mean of every residual dimension.")
    massive: float = darkframe.param(0.0, help="Share of tokens whose residual and activation are 1000 times larger.", ge=0, le=1)
    nan_token: int = darkframe.param(-1, help="Number of a token whose activation is NaN; -1: none.")
    document: int = darkframe.param(50, help="Mean document length.", ge=1)
    context: int = darkframe.param(32, help="Tokens in a row, BOS included.", ge=2)
    rows: int = darkframe.param(8, help="Rows in a batch.", ge=1)
    known_length: bool = darkframe.param(True, help="Whether available_tokens() says how many tokens there are.")
    pause: float = darkframe.param(0.0, help="Seconds every batch takes.", ge=0)
    seed: int = darkframe.param(0, help="Seed of the plant and of the data.", ge=0)


class Plant:
    """The planted basis: rotated coordinates, dictionary and residual mixing."""

    def __init__(self, params):
        p, generator = params, np.random.default_rng(params.seed)
        d, k = p.d_model, p.known + p.novel
        if p.firing + k > d or p.firing + p.known > p.n_features:
            raise ValueError("the synthetic source needs firing + known + novel <= d_model and firing + known <= n_features")
        self.basis = np.linalg.qr(generator.standard_normal((d, d)))[0].astype(np.float32)  # rows: orthonormal directions
        rest = self.basis[p.firing :]
        directions = generator.standard_normal((k, len(rest))) * 0.3 + np.eye(k, len(rest))  # identifiable, not orthogonal
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        self.directions = (directions @ rest).astype(np.float32)  # (k, d) unit rows; the first `known` are in the dictionary
        self.scales = np.linspace(2.0, 1.0, k, dtype=np.float32) if k else np.zeros(0, np.float32)
        self.known, self.novel = self.directions[: p.known], self.directions[p.known :]
        decoder = generator.standard_normal((p.n_features, d)).astype(np.float32)
        decoder[:, :] -= (decoder @ self.directions.T) @ np.linalg.pinv(self.directions).T if k else 0.0  # away from the sources
        decoder /= np.maximum(np.linalg.norm(decoder, axis=1, keepdims=True), 1e-6)
        decoder[: p.firing] = self.basis[: p.firing]
        decoder[p.firing : p.firing + p.known] = self.known
        self.decoder = decoder


class SyntheticDictionary:
    def __init__(self, params, plant, device):
        self.W_dec = torch.from_numpy(plant.decoder).to(device)
        self.W_enc = self.W_dec.T.contiguous()
        self.b_enc = None
        self.b_dec = torch.full((params.d_model,), params.mean, device=device)
        self._firing = params.firing

    def encode(self, x):
        pre = (x - self.b_dec) @ self.W_enc[:, : self._firing]
        active = torch.where(pre > 0.5, pre, torch.zeros_like(pre))
        dense = active.new_zeros((len(x), len(self.W_dec)))
        dense[:, : self._firing] = active
        return Codes.from_dense(dense)

    def decode(self, codes):
        return codes.to_dense()[:, : self._firing] @ self.W_dec[: self._firing] + self.b_dec


class SyntheticSource:
    """Built as ``SyntheticSource(SyntheticParams(...), context)``; ``context`` may be None."""

    def __init__(self, params=None, context=None):
        self.params = params or SyntheticParams()
        self.device = context.device if context is not None else "cpu"
        self.plant = Plant(self.params)
        self.batches_encoded = 0
        lengths = np.random.default_rng([self.params.seed, 1]).integers(
            max(1, self.params.document // 2),
            self.params.document * 3 // 2 + 1,
            size=max(1, 3 * self.params.held // self.params.document + 2),
        )
        self._starts = np.concatenate([[0], np.cumsum(lengths)])

    def card(self):
        p = self.params
        described = {k: v for k, v in vars(p).items() if k not in ("pause", "known_length")}
        from darkframe.store.atomic import content_key

        return SourceCard(
            "synthetic",
            "planted",
            "blocks.1.hook_resid_pre",
            p.d_model,
            p.n_features,
            p.context,
            "packed",
            "random",
            content_key(described),
        )

    def available_tokens(self):
        return self.params.held if self.params.known_length else None

    def dictionary(self):
        return SyntheticDictionary(self.params, self.plant, self.device)

    def unembedding(self):
        return None

    def decode_tokens(self, tokens):
        return [f" w{t}" if t else "<bos>" for t in tokens]

    def residual(self, generator, n):
        """Planted residual (n, d) and its sources (n, k)."""
        p, plant = self.params, self.plant
        k = len(plant.directions)
        sources = (generator.standard_normal((n, k)) if p.gaussian else generator.laplace(size=(n, k)) / np.sqrt(2)).astype(
            np.float32
        )
        noise = generator.standard_normal((n, p.d_model), dtype=np.float32) * np.float32(p.noise)
        noise -= (noise @ plant.basis[: p.firing].T) @ plant.basis[: p.firing]
        offset = np.float32(p.residual_mean) * plant.basis[p.firing :].sum(axis=0)
        return (sources * plant.scales) @ plant.directions + noise + offset, sources

    def batch(self, number):
        p = self.params
        width = p.context - 1
        first = number * p.rows * width
        n = min(p.rows * width, p.held - first)
        generator = np.random.default_rng([p.seed, 2, number])
        codes = generator.exponential(size=(n, p.firing)).astype(np.float32) + 1.0
        codes *= generator.random((n, p.firing)) < p.rate
        residual, _ = self.residual(generator, n)
        signal = codes @ self.plant.basis[: p.firing]
        big = generator.random(n) < p.massive
        x = np.float32(p.mean) + np.where(big[:, None], np.float32(1000), np.float32(1)) * (signal + residual)
        tokens = generator.integers(1, 1000, size=n).astype(np.int32)
        numbers = first + np.arange(n)
        if first <= p.nan_token < first + n:
            x[p.nan_token - first] = np.nan
        documents = (np.searchsorted(self._starts, numbers, side="right") - 1).astype(np.int32)
        positions = (numbers - self._starts[documents]).astype(np.int32)
        return self._with_bos(tokens, documents, positions, x.astype(np.float32), width)

    def _with_bos(self, tokens, documents, positions, x, width):
        n = len(tokens)
        rows = -(-n // width)
        kept = np.arange(n) + np.arange(n) // width + 1  # where each token lands once every row begins with BOS
        total = n + rows
        special = np.ones(total, bool)
        special[kept] = False

        def spread(values, fill):
            out = np.full((total, *values.shape[1:]), fill, values.dtype)
            out[kept] = values
            return out

        bos = np.float32(self.params.mean) + 30 * self.plant.basis.sum(axis=0)
        wide = spread(x, 0)
        wide[special] = bos
        context = np.arange(total, dtype=np.int32) % (width + 1)
        return Batch(
            tokens=spread(tokens, 0),
            documents=spread(documents, -1),
            positions=spread(positions, -1),
            context_positions=context,
            special=special,
            x=torch.tensor(wide, device=self.device),  # torch's own memory: its alignment decides the last bit of a product
            skipped=3,
        )

    def batches(self, start=0):
        per_batch = self.params.rows * (self.params.context - 1)
        for number in range(start, -(-self.params.held // per_batch)):
            if self.params.pause:
                time.sleep(self.params.pause)
            self.batches_encoded += 1
            yield self.batch(number)


@darkframe.hookimpl
def darkframe_sources():
    yield darkframe.SourceInfo(
        name="synthetic",
        target="synthetic:SyntheticSource",
        summary="Planted activations with a known dictionary and residual.",
        params=SyntheticParams,
        default_tokens=None,
    )


def install(folder):
    """Make ``folder`` hold the metadata of an installed distribution ``synthetic``; returns the paths to put on PYTHONPATH."""
    info = Path(folder) / "synthetic-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return [str(folder), str(Path(__file__).parent)]
