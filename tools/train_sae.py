"""Trains a sparse autoencoder on the middle residual stream of the exported model, and keeps checkpoints.

Run it with:

    python tools/train_sae.py --build build/tiny

It reads BUILD/corpus and BUILD/lm/model; it writes BUILD/sae: `activations.npy` (of the training text, BOS
left out), `state.pt` (to go on from), `curve.csv`, `recipe.json`, `checkpoints/*.safetensors` and `sae/` in
SAELens's format. Batches depend on the seed and the step alone, so that an interrupted run goes on along the
same path.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tinykit import activations, data, files, packing
from tinykit.runtime import keep_memory
from tinykit.sae import save_saelens
from tinykit.trainer import Trainer, hook_name, metadata, recipe


def training_activations(args: argparse.Namespace) -> Tensor:
    """Collects the training text's activations, or maps those of an earlier run."""
    path = args.build / args.name / "activations.npy"
    if not path.exists():
        documents = data.read_documents(args.build / "corpus")
        order = np.random.default_rng([args.seed, 1]).permutation(len(documents))
        rows = packing.pack([documents[i] for i in order])[: args.rows]
        model = activations.load_model(args.build / args.lm / "model")
        files.write_array(path, activations.collect(model, rows, args.layer).numpy())
    return torch.from_numpy(np.load(path, allow_pickle=False))


def parse() -> argparse.Namespace:
    """Reads the command line; the defaults are the shipped SAE's recipe."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", type=Path, default=Path("build/tiny"), help="folder for everything built")
    parser.add_argument("--name", default="sae", help="folder within BUILD")
    parser.add_argument("--lm", default="lm", help="folder of the model within BUILD")
    for name, default in (("seed", 0), ("layer", 3), ("expansion", 12), ("steps", 5000), ("batch", 4096)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, default in (("rows", 30_000), ("warmup", 100), ("log-every", 50), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, value in (("k", 12.0), ("lr", 1e-3)):
        parser.add_argument(f"--{name}", type=float, default=value)
    parser.add_argument("--checkpoints", type=float, nargs="+", default=[0.02, 0.08, 0.25, 0.55, 1.0])
    return parser.parse_args()


def main() -> None:
    """Collects, trains, exports."""
    keep_memory(bind=True)
    args = parse()
    torch.set_num_threads(args.threads)
    trainer = Trainer(args, training_activations(args), args.build / args.name)
    trainer.resume()
    trainer.run()
    save_saelens(trainer.weights(), metadata(args, "darkframe-tiny", packing.BOS_ID), trainer.folder / "sae")
    shape = {"d_in": trainer.sae.shape.d_in, "d_sae": trainer.sae.shape.d_sae}
    facts = {
        "recipe": recipe(args),
        **shape,
        "hook_name": hook_name(args),
        "training_activations": len(trainer.x),
    }
    files.write_json(trainer.folder / "recipe.json", facts)


if __name__ == "__main__":
    main()
