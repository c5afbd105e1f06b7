"""Measures SmolLM2-135M's SAE on the held-out text, as darkframe opens it, and writes metrics.json.

Run it after assemble_smollm2.py has put the SAE into the plugin:

    python tools/evaluate_smollm2.py --build build/smollm2

Reconstruction is measured on every token of the held-out text, in rows as the source packs them by default;
the cross-entropies, which need the whole model, on every n-th batch of eight rows, spread over all documents.
Each part is kept in BUILD/evaluate and not computed again; a part that does not depend on the SAE can be had
before it is trained (`--only clean zero mean`).
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from darkframe.interfaces import SourceContext
from darkframe.lm.fingerprint import hash_file
from darkframe.lm.packing import RowBatch, row_batches
from darkframe.numerics.massive import NormCut
from darkframe.numerics.onepass import OnePass, token_groups
from darkframe.numerics.statistics import Statistics
from darkframe.studies.pieces import Piece, make_piece
from darkframe_smollm2.plugin import SmolLM2Params
from darkframe_smollm2.source import SmolLM2Source
from torch import Tensor

from tinykit import activations, files
from tinykit.runtime import Progress, keep_memory

ASSETS = Path(__file__).resolve().parent.parent / "plugins" / "sources" / "darkframe_smollm2" / "assets"
VARIANTS = ("clean", "zero", "mean", "sae", "sae_ordinary")
PILOT = 8192
ROWS = 8


def pilot(source: SmolLM2Source) -> tuple[list[Piece], NormCut]:
    """The first pieces of the text, with `PILOT` tokens or more, and the cut on the norm from them."""
    pieces = list[Piece]()
    for number, batch in enumerate(source.batches()):
        piece = make_piece(number, batch, source.dictionary(), None)
        pieces += [piece] if piece is not None else []
        if sum(p.n_kept for p in pieces) >= PILOT:
            break
    return pieces, NormCut.fit(np.concatenate([p.norms[p.kept] for p in pieces])[:PILOT])


def mean_of(pieces: list[Piece], cut: NormCut, name: str) -> Tensor:
    """Mean of x or e over the pieces' tokens that are not massive."""
    rows = [getattr(p, name)[torch.from_numpy(p.kept & (p.norms <= cut.cut))] for p in pieces]
    return torch.cat(rows).double().mean(0).float()


def reconstruction(source: SmolLM2Source) -> dict[str, Any]:
    """The ledger of the whole text, with the code that a run uses."""
    pieces, cut = pilot(source)
    shifts = [mean_of(pieces, cut, name).numpy() for name in ("x", "e")]
    sums = OnePass(shifts[0], shifts[1], source.card().n_features, torch.device("cpu"))
    progress, norms = Progress(source.available_tokens() or 1, unit="tokens"), list[Any]()
    for number, batch in enumerate(source.batches()):
        piece = make_piece(number, batch, source.dictionary(), None)
        assert piece is not None
        massive = piece.norms > cut.cut
        groups = token_groups(np.zeros(len(massive), np.uint8), massive, piece.kept)
        sums.update(piece.x, piece.e, piece.reconstruction, piece.codes, groups)
        norms.append(piece.norms[piece.kept])
        progress.show(sum(map(len, norms)), "reconstructing")
    return summary(Statistics(sums.state(), exclude_massive=True, pilot=PILOT), cut, np.concatenate(norms))


def summary(statistics: Statistics, cut: NormCut, norms: Any) -> dict[str, Any]:
    """What the card states of the reconstruction."""
    ledger = {entry.name: entry for entry in statistics.ledger}
    ordinary = statistics.activation("ordinary")
    fires = statistics._ledger_sums("ordinary").fire_count / statistics.count("ordinary")
    return {
        "tokens": statistics.count("all"),
        "massive_tokens": statistics.count("massive"),
        "massive_cut": cut.cut,
        "median_norm": float(np.median(norms)),
        "largest_norm": float(norms.max()),
        "massive_share_of_variance": statistics.massive_shares()[0],
        "explained_variance": ledger["ev_pooled"].ordinary,
        "l0": ledger["l0"].ordinary,
        "dead_features": int(ledger["dead_features"].ordinary),
        "dense_features_above_10_percent": int((fires > 0.1).sum()),
        "median_firing_rate": float(np.median(fires)),
        "largest_dimension_share_of_variance": float(ordinary.variance.max() / ordinary.variance.sum()),
        "ledger": {
            e.name: {"title": e.title, "formula": e.formula, "ordinary": e.ordinary, "all": e.all}
            for e in statistics.ledger
        },
    }


def patches(
    source: SmolLM2Source, batch: RowBatch, mean: Tensor, cut: float
) -> dict[str, Callable[[Tensor], Tensor] | None]:
    """What each variant puts in the stream's place, as darkframe's doctor does: special tokens get no SAE."""
    content = torch.from_numpy(~batch.special.ravel())

    def spliced(x: Tensor, where: Tensor, new: Tensor) -> Tensor:
        return torch.where(where[:, None], new, x)

    def sae(x: Tensor) -> Tensor:
        return source.dictionary().decode(source.dictionary().encode(x))

    return {
        "clean": None,
        "zero": torch.zeros_like,
        "mean": lambda x: mean.expand_as(x),
        "sae": lambda x: spliced(x, content, sae(x)),
        "sae_ordinary": lambda x: spliced(x, content & (x.norm(dim=1) <= cut), sae(x)),
    }


def spread(source: SmolLM2Source, every: int) -> list[RowBatch]:
    """Every n-th batch of `ROWS` rows of the text."""
    rows = row_batches(lambda: source._tokenizer.stream(source._text), source._rule, ROWS)
    return list(itertools.islice(rows, 0, None, every))


def losses(
    source: SmolLM2Source, batches: list[RowBatch], name: str, mean: Tensor, cut: float, folder: Path
) -> Any:
    """Nats of every content token of the batches under one variant, each row's first from BOS alone."""
    path = folder / f"{name}.npy"
    if path.exists():
        return files.read_array(path)
    progress, found = Progress(len(batches), unit="batches"), list[Any]()
    for number, batch in enumerate(batches, start=1):
        nats = source.losses(batch.tokens, patches(source, batch, mean, cut)[name])
        found.append(nats.numpy()[~batch.special[:, 1:]])
        progress.show(number, name)
    files.write_array(path, np.concatenate(found).astype(np.float64))
    return files.read_array(path)


def costs(found: dict[str, Any], size: int) -> dict[str, Any]:
    """Mean nats of every variant, what the SAE recovers, and how sure that is."""
    nats = {name: float(values.mean()) for name, values in found.items()}
    paired = found["sae"] - found["clean"]
    recovered = {
        f"recovered_against_{base}{suffix}": (nats[base] - nats[f"sae{suffix}"])
        / (nats[base] - nats["clean"])
        for base in ("zero", "mean")
        for suffix in ("", "_ordinary")
    }
    return {
        "loss_tokens": len(paired),
        "bits_per_byte": float(found["clean"].sum()) / math.log(2) / size,
        **{f"nats_{name}": value for name, value in nats.items()},
        "nats_sae_less_clean_standard_error": float(paired.std(ddof=1) / math.sqrt(len(paired))),
        **recovered,
    }


def content_bytes(source: SmolLM2Source, batches: list[RowBatch]) -> int:
    """UTF-8 bytes of the content tokens; a byte-level vocabulary writes each byte as one character."""
    vocabulary = source._tokenizer._tokenizer.convert_ids_to_tokens
    return sum(len(token) for batch in batches for token in vocabulary(batch.tokens[~batch.special].tolist()))


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", type=Path, default=Path("build/smollm2"), help="folder for what is built")
    parser.add_argument("--every", type=int, default=15, help="which batches the losses are measured on")
    parser.add_argument("--only", nargs="*", choices=VARIANTS, help="measure these losses, and nothing else")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    """Measures and writes."""
    keep_memory()
    args = parse()
    torch.set_num_threads(args.threads)
    weights = hash_file(ASSETS / "sae" / "sae_weights.safetensors")
    whole, own = args.build / "evaluate", args.build / "evaluate" / weights[:12]
    context = SourceContext(cache=args.build / "cache")
    source = SmolLM2Source(SmolLM2Params(), context)
    part = activations.shards(args.build / "activations")[:4]
    norms = activations.shard_norms(part)
    cut = NormCut.fit(norms).cut
    mean = activations.gather(part, norms <= cut).float().mean(0)
    batches = spread(source, args.every)
    found = {
        name: losses(source, batches, name, mean, cut, own if name.startswith("sae") else whole)
        for name in args.only or VARIANTS
    }
    if args.only:
        return
    if not (own / "reconstruction.json").exists():
        files.write_json(own / "reconstruction.json", reconstruction(source))
    measured = files.read_json(own / "reconstruction.json") | costs(found, content_bytes(source, batches))
    files.write_json(args.build / "metrics.json", {"weights_sha256": weights, "sae": measured})
    for name in (
        "explained_variance",
        "l0",
        "dead_features",
        "nats_clean",
        "nats_sae",
        "recovered_against_zero",
    ):
        print(name, round(measured[name], 4))


if __name__ == "__main__":
    main()
