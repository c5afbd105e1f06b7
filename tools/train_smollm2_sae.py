"""Trains a sparse autoencoder on SmolLM2-135M's middle residual stream.

Run it after collect_smollm2.py with:

    python tools/train_smollm2_sae.py --build build/smollm2

It reads BUILD/activations; it writes BUILD/sae: `state.pt` (to go on from), `curve.csv`, `recipe.json` and
`sae/` in SAELens's format, float16. Batches depend on the seed and the step alone, so that an interrupted run
goes on along the same path.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from darkframe.numerics.massive import NormCut
from torch import Tensor

from tinykit import activations, files
from tinykit.runtime import keep_memory
from tinykit.sae import save_saelens
from tinykit.trainer import Trainer, hook_name, metadata, recipe

MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
BOS_ID = 1


def ordinary(folder: Path) -> tuple[Tensor, dict[str, Any]]:
    """The activations without massive tokens, by the cut on the norm that darkframe's studies use."""
    arrays = activations.shards(folder)
    norms = activations.shard_norms(arrays)
    cut = NormCut.fit(norms)
    keep = norms <= cut.cut
    facts = {
        "collected_activations": len(norms),
        "median_norm": cut.median,
        "largest_norm": float(norms.max()),
        "cut": cut.cut,
        "massive_left_out": int((~keep).sum()),
    }
    return activations.gather(arrays, keep), facts


def parse() -> argparse.Namespace:
    """Reads the command line; the defaults are the shipped SAE's recipe."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", type=Path, default=Path("build/smollm2"), help="folder for what is built")
    parser.add_argument("--name", default="sae", help="folder within BUILD")
    for name, default in (("seed", 0), ("layer", 15), ("expansion", 8), ("steps", 5000), ("batch", 2048)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, default in (("warmup", 100), ("log-every", 50), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, value in (("k", 48.0), ("lr", 8e-4)):
        parser.add_argument(f"--{name}", type=float, default=value)
    parser.add_argument("--checkpoints", type=float, nargs="*", default=[])
    return parser.parse_args()


def main() -> None:
    """Trains, exports."""
    keep_memory()
    args = parse()
    torch.set_num_threads(args.threads)
    x, facts = ordinary(args.build / "activations")
    trainer = Trainer(args, x, args.build / args.name)
    trainer.resume()
    trainer.run()
    save_saelens(trainer.weights(), metadata(args, MODEL, BOS_ID), trainer.folder / "sae", dtype="float16")
    shape = {"d_in": trainer.sae.shape.d_in, "d_sae": trainer.sae.shape.d_sae}
    facts = {"recipe": recipe(args), **shape, **facts, "training_activations": len(x)}
    files.write_json(trainer.folder / "recipe.json", {**facts, "hook_name": hook_name(args)})


if __name__ == "__main__":
    main()
