"""Copies what was built into the plugin and writes the model card from the measurements.

Run it with:

    python tools/assemble.py --build build/tiny
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from safetensors import safe_open

from tinykit import card, files

ASSETS = Path(__file__).resolve().parent.parent / "plugins" / "sources" / "darkframe_tiny" / "assets"
TEXTS = Path(__file__).resolve().parent.parent / "framework" / "darkframe" / "texts"
MODEL_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
SAE_FILES = ("cfg.json", "sae_weights.safetensors")


def checkpoint_facts(folder: Path) -> list[dict[str, Any]]:
    """Name, step and tokens of every checkpoint dictionary, in order."""
    facts = []
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="np") as tensors:
            facts.append({"file": path.name, **tensors.metadata()})
    return facts


def _copy(source: Path, target: Path) -> None:
    files.write_bytes(target, source.read_bytes())
    target.chmod(0o644)


def assemble(build: Path, lm: Path, sae: Path, assets: Path, texts: Path) -> None:
    """Writes the whole folder ``assets`` anew, and the held-out text to ``texts``."""
    shutil.rmtree(assets, ignore_errors=True)
    for name in MODEL_FILES:
        _copy(lm / "model" / name, assets / "model" / name)
    for name in SAE_FILES:
        _copy(sae / "sae" / name, assets / "sae" / name)
    for path in sorted((sae / "checkpoints").glob("*.safetensors")):
        _copy(path, assets / "checkpoints" / path.name)
    _copy(build / "corpus" / "heldout.jsonl.gz", texts / "heldout.jsonl.gz")
    measured = files.read_json(build / f"metrics-{sae.name}.json")
    corpus, curve = files.read_json(build / "corpus" / "corpus.json"), card.read_curve(lm / "curve.csv")
    recipes = {
        "language_model": files.read_json(lm / "recipe.json"),
        "sae": files.read_json(sae / "recipe.json"),
    }
    marks = checkpoint_facts(assets / "checkpoints")
    known = {**measured, "corpus": corpus, "recipes": recipes, "loss_curve": curve, "checkpoints": marks}
    files.write_json(assets / "metrics.json", known)
    files.write_bytes(assets / "loss.svg", card.curve_svg(curve).encode())
    text = card.card(corpus, recipes["language_model"], recipes["sae"], measured, curve, marks)
    files.write_bytes(assets / "MODEL_CARD.md", text.encode())


def main() -> None:
    """Reads the command line, assembles, says how large it is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", type=Path, default=Path("build/tiny"), help="folder for everything built")
    parser.add_argument("--lm", default="lm")
    parser.add_argument("--sae", default="sae")
    parser.add_argument("--assets", type=Path, default=ASSETS)
    args = parser.parse_args()
    assemble(args.build, args.build / args.lm, args.build / args.sae, args.assets, TEXTS)
    sizes = {
        p.relative_to(args.assets).as_posix(): p.stat().st_size for p in args.assets.rglob("*") if p.is_file()
    }
    for name, size in sorted(sizes.items()):
        print(f"{size:10,}  {name}")
    print(f"{sum(sizes.values()):10,}  in all")


if __name__ == "__main__":
    main()
