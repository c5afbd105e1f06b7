"""Trains the language model on the corpus, on a CPU, and exports it in Hugging Face's format.

Run it with:

    python tools/train_lm.py --build build/tiny

The number of steps is fixed up front, batches depend on the seed and the step alone, and nothing else is
random: an interrupted run, started again with the same command, goes on from its checkpoint along the same
path. It writes BUILD/lm: `checkpoint.pt`, `curve.csv`, `recipe.json`, and at the end `model/`.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from tinykit import data, files, packing
from tinykit.export import export_model
from tinykit.model import LanguageModel, Shape
from tinykit.optim import make_optimizers, schedule
from tinykit.runtime import Progress, keep_memory

CURVE = ("step", "tokens", "learning_rate_factor", "train_nats", "heldout_nats", "seconds")


class Trainer:
    """Everything that moves during training."""

    def __init__(self, args: argparse.Namespace) -> None:
        torch.manual_seed(args.seed)
        self.args = args
        self.folder: Path = args.build / args.name
        self.model = LanguageModel(Shape(width=args.width, layers=args.layers, heads=args.heads))
        self.optimizers = make_optimizers(
            self.model, muon_lr=args.muon_lr, adam_lr=args.adam_lr, weight_decay=args.weight_decay
        )
        self.rates = [[group["lr"] for group in o.param_groups] for o in self.optimizers]
        corpus = args.build / "corpus"
        self.batches = data.Batches(data.read_documents(corpus), batch=args.batch, seed=args.seed)
        self.monitor = monitor_rows(corpus, rows=256)
        self.forward = torch.compile(self.model) if args.compile else self.model
        self.step, self.seconds, self.curve, self.losses = 0, 0.0, list[list[float]](), list[float]()

    def loss(self, rows: packing.Tokens) -> torch.Tensor:
        """Mean nats a token, in bfloat16 where that is safe."""
        with torch.autocast("cpu", torch.bfloat16):
            loss: torch.Tensor = self.forward(torch.from_numpy(rows.astype(np.int64)))
        return loss

    def advance(self) -> None:
        """Takes one step."""
        args = self.args
        factor = schedule(self.step, steps=args.steps, warmup=args.warmup, cooldown=args.cooldown)
        loss = self.loss(self.batches.at(self.step))
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer, rates in zip(self.optimizers, self.rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            optimizer.step()
            optimizer.zero_grad()
        self.losses.append(loss.item())
        self.step += 1
        if self.step % args.log_every == 0 or self.step == args.steps:
            self.record(factor)

    @torch.no_grad()
    def record(self, factor: float) -> None:
        """Adds a point to the loss curve."""
        batch = self.args.batch
        parts = [self.loss(self.monitor[i : i + batch]).item() for i in range(0, len(self.monitor), batch)]
        tokens = self.step * batch * packing.CONTEXT
        train, held = float(np.mean(self.losses)), float(np.mean(parts))
        self.losses.clear()
        self.curve.append(
            [self.step, tokens, round(factor, 5), round(train, 4), round(held, 4), round(self.seconds)]
        )

    def save(self) -> None:
        """Writes the checkpoint and the curve."""
        state = {
            "model": self.model.state_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers],
            "recipe": recipe(self.args),
            **{key: getattr(self, key) for key in ("step", "seconds", "curve", "losses")},
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        files.write_bytes(self.folder / "checkpoint.pt", buffer.getvalue())
        lines = io.StringIO()
        csv.writer(lines, lineterminator="\n").writerows([CURVE, *self.curve])
        files.write_bytes(self.folder / "curve.csv", lines.getvalue().encode())

    def resume(self) -> None:
        """Goes back to the checkpoint, if there is one of the same recipe."""
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        if state["recipe"] != recipe(self.args):
            raise SystemExit(f"{path} belongs to another recipe; choose another --name or remove it")
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        for key in ("step", "seconds", "curve", "losses"):
            setattr(self, key, state[key])

    def run(self) -> None:
        """Trains to the last step."""
        progress, saved = Progress(self.args.steps, unit="tokens"), time.monotonic()
        while self.step < self.args.steps:
            begin = time.monotonic()
            self.advance()
            self.seconds += time.monotonic() - begin
            last = self.losses[-1] if self.losses else self.curve[-1][3]
            progress.show(self.step, f"{last:.3f} nats", scale=self.args.batch * packing.CONTEXT)
            if time.monotonic() - saved > self.args.checkpoint_seconds:
                self.save()
                saved = time.monotonic()
        self.save()


def recipe(args: argparse.Namespace) -> dict[str, Any]:
    """What decides the result."""
    ignored = ("build", "name", "threads", "checkpoint_seconds")
    return {key: value for key, value in vars(args).items() if key not in ignored}


def monitor_rows(corpus: Path, *, rows: int) -> packing.Tokens:
    """A fixed sample of held-out rows, for the curve alone: nothing is chosen by it."""
    tokenizer = Tokenizer.from_file(str(corpus / "tokenizer" / "tokenizer.json"))
    texts = [record["text"] for record in files.read_jsonl_gz(corpus / "heldout.jsonl.gz")]
    packed = packing.pack(packing.encode_all(tokenizer, texts))
    return packed[np.random.default_rng(0).permutation(len(packed))[:rows]]


def parse() -> argparse.Namespace:
    """Reads the command line; the defaults are the shipped model's recipe."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", type=Path, default=Path("build/tiny"), help="folder for everything built")
    parser.add_argument("--name", default="lm", help="folder within BUILD")
    for name, default in (("seed", 0), ("steps", 4000), ("batch", 64), ("warmup", 150), ("log-every", 250)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, default in (("width", 160), ("layers", 6), ("heads", 5), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, rate in (("muon-lr", 0.004), ("adam-lr", 0.004), ("weight-decay", 0.1), ("cooldown", 0.7)):
        parser.add_argument(f"--{name}", type=float, default=rate)
    parser.add_argument("--checkpoint-seconds", type=float, default=120.0)
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    return parser.parse_args()


def main() -> None:
    """Trains and exports."""
    keep_memory(bind=True)
    args = parse()
    torch.set_num_threads(args.threads)
    trainer = Trainer(args)
    trainer.resume()
    trainer.run()
    shape = trainer.model.transformer.shape
    export_model(trainer.model, shape, args.build / "corpus" / "tokenizer", trainer.folder / "model")
    facts = {
        "recipe": recipe(args),
        "shape": dataclasses.asdict(shape),
        "parameters": sum(p.numel() for p in trainer.model.parameters()),
        "training_tokens": args.steps * args.batch * packing.CONTEXT,
        "epochs": args.steps / trainer.batches.per_epoch,
        "seconds": trainer.seconds,
    }
    files.write_json(trainer.folder / "recipe.json", facts)


if __name__ == "__main__":
    main()
