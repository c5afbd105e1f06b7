"""Training an SAE on activations that are already collected: seeded, going on from where it was stopped."""

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

from tinykit import files
from tinykit.optim import schedule
from tinykit.packing import CONTEXT
from tinykit.runtime import Progress
from tinykit.sae import WINDOW, BatchTopK, SaeShape, raw_weights, scale_of, threshold_for

PLACES = ("build", "corpus", "name", "lm", "threads")
"""Arguments that say where things lie or how fast they go, and decide nothing."""


class Trainer:
    """Everything that moves during training.

    Args:
        args: The recipe: seed, layer, expansion, steps, batch, k, lr, warmup, log_every, checkpoints.
        x: Activations, n × d_in.
        folder: Where the state, the curve and the checkpoints go.
    """

    def __init__(self, args: argparse.Namespace, x: Tensor, folder: Path) -> None:
        torch.manual_seed(args.seed)
        self.args, self.x, self.folder = args, x, folder
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
            text = f"explained {self.curve[-1][2]:.3f}, dead {self.curve[-1][3]:.0f}" if self.curve else ""
            progress.show(self.step, text, scale=self.args.batch)
            if time.monotonic() - saved > 120:
                self.save()
                saved = time.monotonic()
        self.save()


def recipe(args: argparse.Namespace) -> dict[str, Any]:
    """What decides the result."""
    return {key: value for key, value in vars(args).items() if key not in PLACES}


def hook_name(args: argparse.Namespace) -> str:
    """The site, as TransformerLens calls it."""
    return f"blocks.{args.layer}.hook_resid_pre"


def metadata(args: argparse.Namespace, model: str, bos: int) -> dict[str, Any]:
    """What SAELens keeps about an SAE's site; the stream is raw, as `transformers` gives it."""
    return {
        "model_name": model,
        "hook_name": hook_name(args),
        "hook_layer": args.layer,
        "context_size": CONTEXT,
        "prepend_bos": True,
        "exclude_special_tokens": [bos],
        "sequence_separator_token": "bos",
        "model_from_pretrained_kwargs": {"center_writing_weights": False},
        "seed": args.seed,
        "training_tokens": args.steps * args.batch,
    }
