"""Dictionaries whose rows have known clusters, or none, and the taxonomy study of them.

    python tests/support/planted_rows.py [--runs N] [--clusterer NAME] [KIND …]

prints, for each kind of rows without clusters, how often the study says so; and for planted ones, how often it finds structure
and how well its labels agree with what was planted. The rates of ``docs/taxonomy-nulls.md`` are this script's.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch

from darkframe.api.clusterers import Maker
from darkframe.api.plan import new_plan
from darkframe.config import merge, parse_set
from darkframe.interfaces import SourceCard
from darkframe.numerics.clusters import agreement
from darkframe.progress import QuietProgress
from darkframe.registry import Registry
from darkframe.store.atomic import content_key
from darkframe.store.run import RunDir
from darkframe.studies.taxonomy.run import run_taxonomy


class Weights:
    """A dictionary of nothing but decoder rows."""

    def __init__(self, rows):
        self.W_dec = torch.from_numpy(np.ascontiguousarray(rows, np.float32))
        self.W_enc = self.b_enc = self.b_dec = None


class Head:
    """An unembedding without a norm: the token of largest dot product."""

    def __init__(self, weights):
        self.weights = torch.from_numpy(np.ascontiguousarray(weights, np.float32))
        self.most = 0  # directions asked for at once

    def logits(self, directions):
        self.most = max(self.most, len(directions))
        return directions.float() @ self.weights.T


class RowsSource:
    """A source of decoder rows; ``head`` is (vocabulary, d) or None, ``texts`` what its tokens read."""

    def __init__(self, rows, head=None, texts=None):
        self.rows, self.head, self.texts = np.asarray(rows), None if head is None else Head(head), texts
        self.decoded = []

    def card(self):
        n, d = self.rows.shape
        return SourceCard("rows", "planted", "blocks.0.hook_resid_pre", d, n, 0, "none", "none", content_key([n, d]))

    def lacks(self):
        return (
            {"activations": "None."}
            | ({} if self.head else {"unembedding": "Give one."})
            | ({} if self.texts else {"text": "No."})
        )

    def available_tokens(self):
        return 0

    def batches(self, start=0):
        return iter(())

    def dictionary(self):
        return Weights(self.rows)

    def unembedding(self):
        return self.head

    def decode_tokens(self, tokens):
        self.decoded += list(tokens)
        return [self.texts[token] if self.texts else f" {token}" for token in tokens]


LIGHT = {"embedding_rows": 0, "curve": (), "keep_model": False}


def study(rows, folder, clusterer="smart", *, seed=42, source=None, make=None, progress=None, clusterer_params=(), **taxonomy):
    """The taxonomy study of these rows in a folder of its own: (results, run)."""
    chosen = parse_set([f"clusterer.{name}={value}" for name, value in dict(clusterer_params).items()])
    options = {"run": {"source": "tiny", "clusterer": clusterer, "seed": seed}, "taxonomy": {**LIGHT, **taxonomy}}
    plan = new_plan(merge({}, chosen, options), Registry.discover())
    run = RunDir.open(folder) if (Path(folder) / "manifest.json").exists() else RunDir.create(Path(folder), plan.config.record())
    make = make or Maker(plan.clusterer, plan.config.clustering.params, plan.registry)
    try:
        source = source or RowsSource(rows)
        return run_taxonomy(plan.config, source, make, run, progress=progress or QuietProgress()), run
    finally:
        run.close()


# ------------------------------------------------------------ rows without clusters


def spectrum(d, power):
    """Standard deviations 1, 2^-power, 3^-power, …"""
    return np.arange(1, d + 1) ** -float(power)


def isotropic(rng, n=800, d=48):
    return rng.standard_normal((n, d))


def unit_isotropic(rng, n=800, d=48):
    return unit(isotropic(rng, n, d))


def gaussian(rng, n=800, d=48):
    rotation = np.linalg.qr(rng.standard_normal((d, d)))[0]
    return rng.standard_normal((n, d)) * spectrum(d, 1) @ rotation


def unit_gaussian(rng, n=800, d=48):
    return unit(gaussian(rng, n, d))


def shifted(rng, n=800, d=48):
    """Unit rows about a common mean."""
    return unit(gaussian(rng, n, d) + 1.5 * np.linalg.qr(rng.standard_normal((d, 1)))[0].T)


def elliptical(rng, n=800, d=48):
    """Multivariate t with 3 degrees of freedom."""
    return gaussian(rng, n, d) * np.sqrt(3 / rng.chisquare(3, size=(n, 1)))


def small(rng, n=800):
    """Few rows for the dimensions."""
    return unit_gaussian(rng, n // 4, 64)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


NOTHING = {f.__name__: f for f in (isotropic, unit_isotropic, gaussian, unit_gaussian, shifted, elliptical, small)}

# ------------------------------------------------------------ rows with clusters


def families(rng, count=12, size=40, d=48, spread=0.15):
    """Unit rows about random directions; labels (1, n)."""
    centres = unit(rng.standard_normal((count, d)))
    labels = np.repeat(np.arange(count), size)
    return unit(centres[labels] + spread * rng.standard_normal((len(labels), d)) / np.sqrt(d)), labels[None]


def hierarchy(rng, tops=5, subs=6, size=20, d=48, spread=(0.2, 0.02)):
    """Unit rows in families of families; labels (2, n), coarsest first."""
    coarse = unit(rng.standard_normal((tops, d)))
    fine = np.repeat(coarse, subs, axis=0) + spread[0] * rng.standard_normal((tops * subs, d)) / np.sqrt(d)
    labels = np.repeat(np.arange(tops * subs), size)
    rows = unit(fine[labels] + spread[1] * rng.standard_normal((len(labels), d)) / np.sqrt(d))
    return rows, np.stack([labels // subs, labels])


def mixed(rng, d=48):
    """Families within many rows that belong to none."""
    rows, labels = families(rng, 10, 30, d)
    noise = unit_gaussian(rng, 300, d)
    return np.concatenate([rows, noise]), np.concatenate([labels, np.full((1, 300), -1)], axis=1)


PLANTED = {f.__name__: f for f in (families, hierarchy, mixed)}
MATCHING = {("families", "gpu-fuzzyart"): "0.8", ("mixed", "gpu-fuzzyart"): "0.8", ("hierarchy", "smart"): "0.7,0.95"}
"""Vigilances that the planted levels are found at."""


def planted_agreement(run, truth):
    """Best adjusted Rand index with each planted level over the levels found; rows without a plant are left out."""
    features, labels = np.asarray(run.array("taxonomy_features")), np.asarray(run.array("taxonomy_labels"))
    found = []
    for level in truth[:, features]:
        inside = level >= 0
        found.append(max(agreement(level[inside], own[inside]) for own in labels))
    return found


def main():
    parser = argparse.ArgumentParser(description="How often the taxonomy study calls rows without clusters structure.")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--clusterer", default="smart")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("kinds", nargs="*", help=", ".join([*NOTHING, *PLANTED]))
    options = parser.parse_args()
    sets = dict(text.split("=", 1) for text in options.set)
    for kind in options.kinds or [*NOTHING, *PLANTED]:
        verdicts, levels, agreements = [], [], []
        for i in range(options.runs):
            rng = np.random.default_rng([7, i])
            made = (NOTHING | PLANTED)[kind](rng)
            rows, truth = made if isinstance(made, tuple) else (made, None)
            order = rng.permutation(len(rows))
            with tempfile.TemporaryDirectory() as folder:
                clusterer = {"rho": MATCHING[kind, options.clusterer]} if (kind, options.clusterer) in MATCHING else {}
                clusterer |= {key.removeprefix("clusterer."): v for key, v in sets.items() if key.startswith("clusterer.")}
                taxonomy = {key: v for key, v in sets.items() if not key.startswith("clusterer.")}
                results, run = study(rows[order], Path(folder) / "run", options.clusterer, clusterer_params=clusterer, **taxonomy)
                if truth is not None:
                    agreements.append(planted_agreement(run, truth[:, order]))
            verdicts.append(results.conclusion.verdict)
            levels.append([level.beats_null for level in results.levels])
        counts = {
            verdict: verdicts.count(verdict) for verdict in ("nothing", "some", "structure", "unjudged") if verdict in verdicts
        }
        found = np.mean(levels, axis=0)
        told = f"  ARI {np.round(np.mean(agreements, axis=0), 3)}" if agreements else ""
        sizes = [level.clusters for level in results.levels]
        print(f"{options.clusterer:14} {kind:15} {counts}  by level {np.round(found, 2)}{told}  last sizes {sizes}", flush=True)
        if options.runs <= 3:
            for level in results.levels:
                print("    ", level.vigilance, level.reason)


if __name__ == "__main__":
    main()
