"""The model card: every figure comes from the files that the scripts wrote."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tinykit.sources import PACKAGES

Facts = Mapping[str, Any]


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in (header, *rows)]
    lines.insert(1, "|" + "---|" * len(header))
    return "\n".join(lines)


def read_curve(path: Path) -> list[dict[str, float]]:
    """Reads a loss curve."""
    with path.open(encoding="utf-8", newline="") as lines:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(lines)]


def _polyline(points: Sequence[tuple[float, float]], colour: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{path}"/>'


def curve_svg(curve: Sequence[Mapping[str, float]]) -> str:
    """Draws training and held-out loss against tokens."""
    most = max(row["tokens"] for row in curve)
    values = [row[key] for row in curve for key in ("train_nats", "heldout_nats")]
    low, high = min(values) - 0.1, min(max(values), 6.0)

    def place(tokens: float, nats: float) -> tuple[float, float]:
        return 60 + 560 * tokens / most, 20 + 260 * (high - min(nats, high)) / (high - low)

    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 340" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="640" height="340" fill="white"/>',
    ]
    for tick in range(int(low * 2) + 1, int(high * 2) + 1):
        y = place(0, tick / 2)[1]
        parts.append(f'<line x1="60" x2="620" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="52" y="{y + 4:.1f}" text-anchor="end">{tick / 2:.1f}</text>')
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = place(share * most, low)[0]
        parts.append(f'<text x="{x:.1f}" y="298" text-anchor="middle">{share * most / 1e6:.0f} M</text>')
    for key, colour, label, y in (
        ("train_nats", "#8899aa", "training text", 40),
        ("heldout_nats", "#cc5500", "held-out text", 58),
    ):
        parts.append(_polyline([place(row["tokens"], row[key]) for row in curve], colour))
        parts.append(f'<text x="610" y="{y}" text-anchor="end" fill="{colour}">{label}</text>')
    parts.append(
        '<text x="340" y="325" text-anchor="middle">tokens seen; vertical: nats a token</text></svg>'
    )
    return "\n".join(parts) + "\n"


def corpus_section(corpus: Facts) -> str:
    """Packages, licences, sizes, split."""
    licences = [
        (p.source, f"`{p.spec}` ({p.client})", f'"{p.licence_quote}" (`{Path(p.licence_file).name}`)', p.note)
        for p in PACKAGES
    ]
    sizes = list[tuple[str, ...]]()
    for source, row in corpus["train"].items():
        held = corpus["heldout"][source]
        shared = corpus["heldout_shingles_seen_in_training"][source]
        sizes.append(
            (
                source,
                f"{row['documents']:,}",
                f"{row['tokens']:,}",
                f"{held['documents']:,}",
                f"{held['tokens']:,}",
                f"{shared:.1%}",
            )
        )
    totals = [
        sum(r[k] for r in corpus[p].values()) for p in ("train", "heldout") for k in ("documents", "tokens")
    ]
    sizes.append(("all", *(f"{total:,}" for total in totals), ""))
    header = (
        "text",
        "training documents",
        "tokens",
        "held-out documents",
        "tokens",
        "8-word runs seen in training",
    )
    return f"""## Text

{table(("text", "package", "its own words", "beside that"), licences)}

A document is an address, a chapter, a country's section or a page. Typographic quotes, dashes and spaces are
written in ASCII; code, navigation, notes, headings and entries that are mostly numbers are left out.
Paragraphs that repeat are kept once. Of each text {corpus["share"]:.1%} is held out, whole documents in the
order of a hash (seed {corpus["seed"]}); neither tokenizer, nor language model, nor SAE has seen them.
Training paragraphs that share more than 30 % of their 8-word runs with held-out text are dropped from
training ({sum(corpus["dropped_from_training_as_leaks"].values()):,} characters); the last column says what
overlap is left.

{table(header, sizes)}

Tokenizer: byte-level BPE, {corpus["vocabulary"]:,} entries, trained on the training documents;
`<|endoftext|>` (id 0) is BOS and EOS.
"""


def lm_section(recipe: Facts, found: Facts, curve: Sequence[Mapping[str, float]]) -> str:
    """Shape, training, loss."""
    shape, how = recipe["shape"], recipe["recipe"]
    step = max(1, len(curve) // 8)
    points = [*curve[step - 1 :: step]]
    if points[-1] is not curve[-1]:
        points.append(curve[-1])
    shown = [
        (
            f"{r['step']:.0f}",
            f"{r['tokens'] / 1e6:.1f} M",
            f"{r['train_nats']:.3f}",
            f"{r['heldout_nats']:.3f}",
        )
        for r in points
    ]
    sources = [
        (
            s,
            f"{f['tokens']:,}",
            f"{f['nats_per_token']:.3f}",
            f"{f['perplexity']:.1f}",
            f"{f['bits_per_byte']:.3f}",
        )
        for s, f in (("all", found), *found["by_source"].items())
    ]
    return f"""## Language model

GPT-2: {shape["layers"]} layers, d_model {shape["width"]}, {shape["heads"]} heads, context {shape["context"]},
{recipe["parameters"]:,} parameters (embeddings tied), shipped in float16.

Trained for {how["steps"]:,} steps of {how["batch"]} rows ({recipe["training_tokens"] / 1e6:.1f} M tokens,
{recipe["epochs"]:.1f} epochs, {recipe["seconds"] / 60:.0f} minutes on two cores shared with other work).
Rows are 128 tokens, led by BOS, packed as SAELens packs, packed anew and shuffled every epoch. Muon for the
blocks' matrices (learning rate {how["muon_lr"]}), AdamW for the rest ({how["adam_lr"]}), weight decay
{how["weight_decay"]}, {how["warmup"]} steps of warm-up, linear decay to 0 over the last
{how["cooldown"]:.0%}, bfloat16 products, no dropout, seed {how["seed"]}.

    python tools/train_lm.py --build build/tiny

On held-out text. Each document is cut into runs of 127 tokens, each led by BOS; every token of the text is
predicted exactly once, BOS is not counted; bits a byte are total nats / ln 2 / UTF-8 bytes. Measured with
the shipped float16 weights, computing in float32.

{table(("held-out text", "tokens", "nats a token", "perplexity", "bits a byte"), sources)}

A unigram model (training counts plus one): {found["unigram_nats_per_token"]:.3f} nats a token, perplexity
{found["unigram_perplexity"]:.0f}, {found["unigram_bits_per_byte"]:.3f} bits a byte.

{table(("step", "tokens", "training nats", "held-out nats (256 packed rows)"), shown)}

![loss](loss.svg)
"""


def sae_section(recipe: Facts, found: Facts, marks: Sequence[Facts]) -> str:
    """Shape, training, measurements, checkpoints."""
    how = recipe["recipe"]
    rows = [
        (
            "explained variance, 1 − Σ‖x − x̂‖² / Σ‖x − mean‖²",
            f"{found['explained_variance']:.4f}",
        ),
        ("L0, mean features that fire", f"{found['l0']:.2f}"),
        ("cross-entropy, clean", f"{found['nats_clean']:.4f}"),
        ("cross-entropy, SAE spliced in", f"{found['nats_sae']:.4f}"),
        ("cross-entropy, stream set to zero", f"{found['nats_zero']:.4f}"),
        ("cross-entropy, stream set to its mean", f"{found['nats_mean']:.4f}"),
        ("cross-entropy recovered, against zero", f"{found['recovered_against_zero']:.4f}"),
        ("cross-entropy recovered, against the mean", f"{found['recovered_against_mean']:.4f}"),
        (
            "features that never fire",
            f"{found['dead_features']} of {found['d_sae']} ({found['dead_share']:.2%})",
        ),
        ("features that fire on more than 10 % of tokens", found["dense_features_above_10_percent"]),
        ("median firing rate", f"{found['median_firing_rate']:.5f}"),
        ("norm of x: median, largest", f"{found['median_norm']:.1f}, {found['largest_norm']:.1f}"),
        ("tokens with a norm above 5 medians", f"{found['share_of_norms_above_5_medians']:.5f}"),
        ("largest dimension's share of the variance", f"{found['largest_dimension_share_of_variance']:.4f}"),
        ("mean's share of the squared norm", f"{found['mean_share_of_squared_norm']:.4f}"),
    ]
    points = [(m["file"], m["step"], f"{int(m['tokens_seen']):,}") for m in marks]
    return f"""## Sparse autoencoder

Site `{found["hook_name"]}`: the input of block {found["layer"]}, `hidden_states[{found["layer"]}]` of
`transformers`, raw, **not centred**. {found["d_sae"]} features ({found["d_sae"] // found["d_in"]} times
{found["d_in"]}), trained as BatchTopK with k = {how["k"]:g} and an auxiliary loss for dead features, saved
as SAELens's {found["architecture"]} with one threshold for all features (chosen on training activations so
that k fire in the mean). Decoder rows have length one; `b_dec` began at the mean.
{recipe["training_activations"]:,} activations of the training text, BOS positions left out; {how["steps"]:,}
steps of {how["batch"]:,}; Adam at {how["lr"]}, bfloat16 products; seed {how["seed"]}.

    python tools/train_sae.py --build build/tiny

On all held-out text, BOS left out ({found["positions"]:,} positions, the rows described above);
cross-entropies are in nats a token, with the stream replaced at every position but BOS:

{table(("held-out text", "value"), rows)}

`checkpoints/` holds decoder dictionaries (`W_dec`, `b_dec`, float16) of the same run, in order; the last is
the final SAE.

{table(("file", "step", "tokens seen"), points)}
"""


def limits() -> str:
    """What the model is not."""
    return """## Limits

A model of this size writes fluent nonsense. It has read old speeches, novels, scripture, almanac entries and
a database's manual, and knows nothing else; their views and errors are theirs. It is a subject for studying
representations, small enough to ship, and says little about how large models represent things. Its stream
may lack what large models have, massive activations above all (see the table). Addresses of one president,
and chapters of one book, are on both sides of the split: the held-out figures are for new documents of known
authors, not for new authors.
"""


def card(
    corpus: Facts, lm: Facts, sae: Facts, metrics: Facts, curve: Sequence[Any], marks: Sequence[Facts]
) -> str:
    """The whole card."""
    intro = """# darkframe-tiny

A small language model and a sparse autoencoder of its middle layer, both trained for darkframe on
public-domain English, so that every study can run at once, offline, on a CPU. Every figure below was
measured by `python tools/evaluate.py` and is in `metrics.json`; `tools/README.md` says how to rebuild
everything.
"""
    sections = (
        intro,
        corpus_section(corpus),
        lm_section(lm, metrics["language_model"], curve),
        sae_section(sae, metrics["sae"], marks),
        limits(),
    )
    return "\n".join(sections)
