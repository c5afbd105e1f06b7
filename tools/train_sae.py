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
import csv
import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from tinykit import activations, data, files, packing
from tinykit.optim import schedule
from tinykit.runtime import Progress, keep_memory
from tinykit.sae import WINDOW, BatchTopK, SaeShape, raw_weights, save_saelens, scale_of, threshold_for


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


class Trainer:
    """Everything that moves during training."""

    def __init__(self, args: argparse.Namespace, x: Tensor) -> None:
        torch.manual_seed(args.seed)
        self.args, self.x, self.folder = args, x, args.build / args.name
        sample = x[np.random.default_rng(args.seed).permutation(len(x))[:100_000]].float()
        self.scale = scale_of(sample)
        self.sample = sample[:16_384] * self.scale
        shape = SaeShape(x.shape[1], args.expansion * x.shape[1], args.k)
        self.sae = BatchTopK(shape, sample.mean(0) * self.scale)
        self.optimizer = torch.optim.Adam(self.sae.parameters(), lr=args.lr, betas=(0.9, 0.999))
        self.marks = {max(1, round(share * args.steps)): i for i, share in enumerate(args.checkpoints)}
        self.step, self.curve = 0, list[list[float]]()

    def batch(self) -> Tensor:
        """The batch of the present step."""
        per_epoch = len(self.x) // self.args.batch
        epoch, within = divmod(self.step, per_epoch)
        if within == 0 or not hasattr(self, "order"):
            self.order = np.random.default_rng([self.args.seed, 2, epoch]).permutation(len(self.x))
        chosen = self.order[within * self.args.batch : (within + 1) * self.args.batch]
        return self.x[np.sort(chosen)].float() * self.scale

    def sparsity(self) -> float:
        """k, coming down from four times its value over the first tenth of the steps."""
        done = self.step / int(self.args.steps)
        return float(self.args.k) * max(1.0, 4.0 - 30.0 * done)

    def advance(self) -> None:
        """Takes one step."""
        args = self.args
        factor = schedule(self.step, steps=args.steps, warmup=args.warmup, cooldown=0.5)
        self.optimizer.param_groups[0]["lr"] = args.lr * factor
        with torch.autocast("cpu", torch.bfloat16):
            loss, unexplained = self.sae.loss(self.batch(), self.sparsity())
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.sae.fix_gradient()
        torch.nn.utils.clip_grad_norm_(self.sae.parameters(), 1.0)
        self.optimizer.step()
        self.sae.normalise()
        self.step += 1
        if self.step % args.log_every == 0 or self.step in self.marks:
            dead = int((self.sae.idle > WINDOW).sum())
            self.curve.append([self.step, self.step * args.batch, round(1 - unexplained, 5), dead])
        if self.step in self.marks:
            self.mark(self.marks[self.step])

    def weights(self) -> dict[str, Tensor]:
        """The present weights, for raw activations."""
        return raw_weights(self.sae, self.scale, threshold_for(self.sae, self.sample, self.args.k))

    def mark(self, number: int) -> None:
        """Keeps a checkpoint dictionary."""
        weights = self.weights()
        tensors = {key: weights[key].to(torch.float16).contiguous() for key in ("W_dec", "b_dec")}
        facts = {
            "step": self.step,
            "tokens_seen": self.step * self.args.batch,
            "hook_name": hook_name(self.args),
        }
        metadata = {key: str(value) for key, value in facts.items()}
        files.write_bytes(
            self.folder / "checkpoints" / f"{number:02}.safetensors", save(tensors, metadata=metadata)
        )

    def save(self) -> None:
        """Writes the state and the curve."""
        state = {
            "sae": self.sae.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "recipe": recipe(self.args),
            "step": self.step,
            "curve": self.curve,
        }
        buffer, lines = io.BytesIO(), io.StringIO()
        torch.save(state, buffer)
        files.write_bytes(self.folder / "state.pt", buffer.getvalue())
        csv.writer(lines, lineterminator="\n").writerows(
            [("step", "tokens", "explained_variance_of_batch", "dead_features"), *self.curve]
        )
        files.write_bytes(self.folder / "curve.csv", lines.getvalue().encode())

    def resume(self) -> None:
        """Goes back to the saved state, if there is one of the same recipe."""
        path = self.folder / "state.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        if state["recipe"] != recipe(self.args):
            raise SystemExit(f"{path} belongs to another recipe; choose another --name or remove it")
        self.sae.load_state_dict(state["sae"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.curve = state["step"], state["curve"]

    def run(self) -> None:
        """Trains to the last step."""
        progress, saved = Progress(self.args.steps, unit="tokens"), time.monotonic()
        while self.step < self.args.steps:
            self.advance()
            text = f"explained {self.curve[-1][2]:.3f}, dead {self.curve[-1][3]}" if self.curve else ""
            progress.show(self.step, text, scale=self.args.batch)
            if time.monotonic() - saved > 120:
                self.save()
                saved = time.monotonic()
        self.save()


def recipe(args: argparse.Namespace) -> dict[str, Any]:
    """What decides the result."""
    return {key: value for key, value in vars(args).items() if key not in ("build", "name", "lm", "threads")}


def hook_name(args: argparse.Namespace) -> str:
    """The site, as TransformerLens calls it."""
    return f"blocks.{args.layer}.hook_resid_pre"


def metadata(args: argparse.Namespace) -> dict[str, Any]:
    """What SAELens keeps about an SAE's site; the stream is raw, as `transformers` gives it."""
    return {
        "model_name": "darkframe-tiny",
        "hook_name": hook_name(args),
        "hook_layer": args.layer,
        "context_size": packing.CONTEXT,
        "prepend_bos": True,
        "exclude_special_tokens": [packing.BOS_ID],
        "sequence_separator_token": "bos",
        "model_from_pretrained_kwargs": {"center_writing_weights": False},
        "seed": args.seed,
        "training_tokens": args.steps * args.batch,
    }


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
    trainer = Trainer(args, training_activations(args))
    trainer.resume()
    trainer.run()
    save_saelens(trainer.weights(), metadata(args), trainer.folder / "sae")
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
