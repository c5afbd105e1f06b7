"""What the numbers alone say of the wiring, whatever the metadata say."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from darkframe.results import SplicedLoss
from darkframe.results.doctor import DOUBTFUL, PASS, UNKNOWN, WRONG, Check
from darkframe.studies.doctor.figures import FVU_DOUBTFUL
from darkframe.studies.doctor.measured import Starts, Sums
from darkframe.studies.doctor.scale import CentringTrial, ScaleScan

if TYPE_CHECKING:
    from darkframe.interfaces import Dictionary, PublishedFigures

LEAST_TOKENS = 100
CENTRED = 1e-6  # of 1/d: what float32 leaves of a mean that was taken away
NOTHING = 0.1  # of 1/d: far fewer than directions that care nothing for 1̂ have
COST_DOUBTFUL, COST_WRONG = 0.005, 0.05  # of the FVU
LEAST_START_TOKENS = 16
STARTS_DOUBTFUL, STARTS_WRONG = 1.25, 3.0
SCALE_DOUBTFUL, SCALE_WRONG = 0.8, 0.5
SCALE_RANGE, SCALE_RANGE_OF_A_FIT = (0.8, 1.25), (0.5, 2.0)
MEAN_MATTERS, BIAS_COSINE, BIAS_RATIO = 0.01, 0.3, (0.25, 4.0)


def ones_check(sums: Sums | None, dictionary: Dictionary, fvu: float, trial: CentringTrial | None) -> Check:
    """Whether activations and SAE agree on the all-ones direction 1̂, which centring takes away.

    What disagreement costs is Σ(1̂·e)² / Σ‖x − x̄‖², the part of the FVU that lies along 1̂; or, where centring the activations
    can be tried, what that takes off the FVU.
    """
    name, title = "all-ones", "all-ones direction"
    if sums is None or sums.n < LEAST_TOKENS or not sums.hh or not sums.ee:
        return Check(name, title, UNKNOWN, "too few tokens")
    d = sums.d
    x, h, decoder = sums.ones_x / sums.xx, sums.ones_h / sums.hh, _decoder_share(dictionary)
    cost, gain = sums.ones_e / sums.ee * fvu, _gain(trial)
    found = f"{x * d:.2g} of x's energy, {decoder * d:.2g} of W_dec's (× 1/d)"
    if x * d > NOTHING and (gain >= COST_DOUBTFUL or (decoder * d < NOTHING and h < NOTHING * x)):
        tried = f" Centred, they give an FVU of {trial.centred:.3g}, not {trial.as_given:.3g}." if trial and gain else ""
        cause = f"The SAE looks trained on centred activations, and these are not: set source.centre=true.{tried}"
        cost = max(cost, gain)
    elif x * d < CENTRED and h * d > NOTHING and cost >= COST_DOUBTFUL:
        cause = (
            "Activations are centred, but the SAE reconstructs what centring takes away, which alone makes "
            f"{cost:.3g} of the FVU: set source.centre=false."
        )
    else:
        return Check(name, title, PASS, found, value=cost)
    verdict = WRONG if cost >= COST_WRONG else DOUBTFUL
    return Check(name, title, verdict, found, "both or neither", "the numbers", cause, value=cost)


def _gain(trial: CentringTrial | None) -> float:
    """What centring takes off the FVU, where it takes off a fifth or more."""
    if trial is None or not trial.centred <= SCALE_DOUBTFUL * trial.as_given:
        return 0.0
    return trial.as_given - trial.centred


def _decoder_share(dictionary: Dictionary) -> float:
    decoder = dictionary.W_dec
    total = float(decoder.double().square().sum())
    return float(decoder.double().sum(1).square().sum()) / decoder.shape[1] / total if total else 0.0


def starts_check(starts: Starts | None, stated_bos: bool | None) -> Check:
    """Whether rows begin with a special token, and if not, whether their starts are reconstructed as well as the rest."""
    name, title = "row-starts", "row starts"
    if starts is None or not starts.rows:
        return Check(name, title, UNKNOWN, "no row's start was seen")
    led = starts.special == starts.rows
    ratio = starts.fvu(0) / starts.fvu(1) if min(starts.tokens) >= LEAST_START_TOKENS else float("nan")
    told = f", FVU there {starts.fvu(0):.2f}, later {starts.fvu(1):.2f}" if math.isfinite(ratio) else ""
    found = f"{'BOS first' if led else 'no BOS'}{told}"
    sinks = starts.massive > starts.rows / 2
    if led or stated_bos is False or not (ratio >= STARTS_DOUBTFUL or sinks):
        return Check(name, title, PASS if math.isfinite(ratio) or led else UNKNOWN, found, value=_number(ratio))
    what = (
        "the first token of a row is massive, as a BOS would be" if sinks else "row starts are reconstructed worse than the rest"
    )
    cause = f"Rows do not begin with BOS, and {what}: the SAE may have been trained with it. Set source.bos=true."
    return Check(
        name, title, WRONG if ratio >= STARTS_WRONG else DOUBTFUL, found, "BOS first", "the numbers", cause, _number(ratio)
    )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def scale_check(scan: ScaleScan | None) -> Check:
    """Whether the SAE would fit better if its input were scaled."""
    name, title = "scale", "input scale"
    if scan is None or not math.isfinite(scan.fvu_unscaled):
        return Check(name, title, UNKNOWN, "not tried")
    found = f"best at × {scan.best:.3g}: FVU {scan.fvu:.3f}, not {scan.fvu_unscaled:.3f}"
    gain = scan.fvu / scan.fvu_unscaled if scan.fvu_unscaled else 1.0
    fits = scan.fvu_unscaled <= FVU_DOUBTFUL  # then features that reconstruct too small, as L1 makes them, explain a small factor
    low, high = SCALE_RANGE_OF_A_FIT if fits else SCALE_RANGE
    if low <= scan.best <= high or gain > SCALE_DOUBTFUL:
        return Check(name, title, PASS, f"best at × {scan.best:.3g}", "about 1", "the numbers", value=scan.best)
    sure = not fits and gain <= SCALE_WRONG and scan.fvu <= FVU_DOUBTFUL
    how = " (which brings E‖x‖ to √d, as SAELens's expected_average_only_in does)" if scan.is_root_d else ""
    cause = (
        f"The SAE wants activations {scan.best:.3g} times as large{how}: a normalisation of activations was forgotten or applied "
        "twice." + ("" if sure else " Another layer or site would do that too.")
    )
    return Check(name, title, WRONG if sure else DOUBTFUL, found, "about 1", "the numbers", cause, value=scan.best)


def bias_check(sums: Sums | None, dictionary: Dictionary) -> Check:
    """Whether b_dec lies where the activations' mean lies."""
    name, title = "bias", "b_dec and mean of x"
    if sums is None or sums.n < LEAST_TOKENS or dictionary.b_dec is None:
        return Check(name, title, UNKNOWN, "no b_dec" if dictionary.b_dec is None else "too few tokens")
    bias, mean = dictionary.b_dec.detach().double().cpu().numpy(), sums.mean
    length = float(np.linalg.norm(mean))
    ratio = float(np.linalg.norm(bias)) / length if length else float("inf")
    if length**2 < MEAN_MATTERS * sums.xx / sums.n or ratio < BIAS_RATIO[0]:
        return Check(name, title, UNKNOWN, "no mean to speak of" if ratio >= BIAS_RATIO[0] else f"b_dec is short ({ratio:.2g})")
    cosine = float(bias @ mean / (length * np.linalg.norm(bias)))
    found = f"cosine {cosine:.2f}, lengths {ratio:.2g} : 1"
    if cosine < BIAS_COSINE:
        cause = "The SAE's offset points elsewhere than the activations' mean: another site, layer or model would do that."
        return Check(name, title, DOUBTFUL, found, f"cosine over {BIAS_COSINE:g}", "the numbers", cause, value=cosine)
    if ratio > BIAS_RATIO[1]:
        cause = "The SAE's offset is far longer than the activations' mean: a normalisation of activations may be forgotten."
        return Check(name, title, DOUBTFUL, found, f"under {BIAS_RATIO[1]:g} : 1", "the numbers", cause, value=ratio)
    return Check(name, title, PASS, found, value=cosine)


def prediction_check(losses: SplicedLoss | None, figures: PublishedFigures | None) -> Check:
    """Whether the model knows the tokens it is given."""
    name, title = "prediction", "model's own loss"
    if losses is None:
        return Check(name, title, UNKNOWN, "the source predicts no tokens")
    found, uniform = f"{losses.clean:.2f} nats", math.log(losses.vocabulary) if losses.vocabulary else float("inf")
    published = figures.cross_entropy if figures else None
    expected = f"{published:.2f}" if published is not None else f"below {min(losses.unigram, uniform):.2f}"
    by = figures.by if figures and published is not None else "the tokens' own frequencies"
    cause = "The tokenizer does not belong to the model, the weights are not the model's, or the text is of another language."
    if losses.clean >= uniform:
        cause = f"The model predicts worse than by chance among {losses.vocabulary:,} tokens. {cause}"
        return Check(name, title, WRONG, found, expected, by, cause, value=losses.clean, reference=published)
    if losses.clean >= losses.unigram:
        cause = f"The model predicts no better than the tokens' own frequencies would. {cause}"
        return Check(name, title, DOUBTFUL, found, expected, by, cause, value=losses.clean, reference=published)
    return Check(name, title, PASS, found, expected, by, value=losses.clean, reference=published)
