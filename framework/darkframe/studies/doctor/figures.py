"""L0, explained variance and spliced loss, against what the publisher measured, and against what any SAE should do."""

from __future__ import annotations

import math

from darkframe.interfaces import PublishedFigures
from darkframe.results import LedgerEntry, SplicedLoss
from darkframe.results.doctor import DOUBTFUL, PASS, UNKNOWN, WRONG, Check
from darkframe.studies.doctor.measured import Measured

L0_DOUBTFUL, L0_STOP = 0.25, 0.5
FVU_DOUBTFUL, FVU_STOP = 0.5, 0.9
VARIANCE_DOUBTFUL, VARIANCE_WRONG = 0.1, 0.2
RECOVERED_DOUBTFUL, RECOVERED_WRONG = 0.05, 0.15
RECOVERED_POOR = 0.8
LEAST_AT_STAKE = 0.05
LEAST_TOKENS = 100
ELSEWHERE = "Another site or layer, scale, model or text than the SAE was trained on does that"
_DEFINITIONS = ("ev_pooled", "ev_variances", "ev_per_token", "ev_about_zero", "ev_per_token_about_zero")


def figure_checks(measured: Measured, figures: PublishedFigures | None) -> list[Check]:
    """FVU by itself; L0 and explained variance against the publisher's."""
    if measured.ordinary < LEAST_TOKENS:
        found = f"only {measured.ordinary} tokens"
        names = (("fvu", "FVU"), ("l0", "L0"), ("explained-variance", "explained variance"))
        return [Check(name, title, UNKNOWN, found) for name, title in names]
    return [_fvu(measured), _l0(measured, figures), _explained(measured, figures)]


def _fvu(measured: Measured) -> Check:
    fvu = measured.metric("fvu")
    expected, by = f"below {FVU_DOUBTFUL:g}", "any SAE"
    if not math.isfinite(fvu):
        return Check("fvu", "FVU", UNKNOWN, "the activations do not vary")
    if fvu <= FVU_DOUBTFUL:
        return Check("fvu", "FVU", PASS, f"{fvu:.3f}", expected, by, value=fvu)
    verdict = WRONG if fvu > FVU_STOP else DOUBTFUL
    worse = " It is no better than the activations' mean." if fvu >= 1 else ""
    cause = f"The SAE leaves most of the variance unexplained.{worse} {ELSEWHERE}."
    return Check("fvu", "FVU", verdict, f"{fvu:.3f}", expected, by, cause, value=fvu)


def _l0(measured: Measured, figures: PublishedFigures | None) -> Check:
    found = measured.metric("l0")
    if not found > 0:
        return Check("l0", "L0", WRONG, "no feature ever fires", "", "", f"{ELSEWHERE}.", value=found)
    if figures is None or not figures.l0:
        return Check("l0", "L0", UNKNOWN, f"{found:.1f}", value=found)
    off = abs(found / figures.l0 - 1)
    verdict = WRONG if off > L0_STOP else DOUBTFUL if off > L0_DOUBTFUL else PASS
    cause = "" if verdict == PASS else f"{'More' if found > figures.l0 else 'Fewer'} features fire than published. {ELSEWHERE}."
    return Check("l0", "L0", verdict, f"{found:.1f}", f"{figures.l0:.1f}", figures.by, cause, value=found, reference=figures.l0)


def _explained(measured: Measured, figures: PublishedFigures | None) -> Check:
    name, title = "explained-variance", "explained variance"
    if figures is None or figures.explained_variance is None:
        own = measured.metric("ev_pooled")
        return Check(name, title, UNKNOWN, f"{own:.3f} (pooled)", value=own)
    published = figures.explained_variance
    value, how = nearest_definition(measured.ledger, figures)
    short = published - value
    verdict = WRONG if short > VARIANCE_WRONG else DOUBTFUL if abs(short) > VARIANCE_DOUBTFUL else PASS
    cause = "" if verdict == PASS else f"The SAE explains {'less' if short > 0 else 'more'} than published. {ELSEWHERE}."
    return Check(
        name, title, verdict, f"{value:.3f} ({how})", f"{published:.3f}", figures.by, cause, value=value, reference=published
    )


def nearest_definition(ledger: tuple[LedgerEntry, ...], figures: PublishedFigures) -> tuple[float, str]:
    """Explained variance by the publisher's definition, or where that is not known by the one that comes nearest; and which."""
    entries = {entry.name: entry for entry in ledger if entry.name in _DEFINITIONS}
    stated = figures.definition if figures.definition in entries else f"ev_{figures.definition}"
    if stated in entries:
        return entries[stated].ordinary, stated.removeprefix("ev_").replace("_", " ")
    assert figures.explained_variance is not None
    sets = {"": "ordinary", ", with massive": "all", ", with position 0": "with_position_0"}
    values = {
        f"nearest: {name.removeprefix('ev_').replace('_', ' ')}{words}": float(getattr(entry, which))
        for words, which in sets.items()
        for name, entry in entries.items()
    }
    how = min(values, key=lambda key: abs(values[key] - figures.explained_variance))  # type: ignore[operator]
    return values[how], how


def loss_checks(losses: SplicedLoss | None, figures: PublishedFigures | None) -> list[Check]:
    """What the model's predictions lose when the SAE's output takes the activations' place."""
    name, title = "spliced-loss", "loss recovered"
    if losses is None:
        return [Check(name, title, UNKNOWN, "the source predicts no tokens")]
    stake = losses.zero - losses.clean
    if stake < LEAST_AT_STAKE:
        return [Check(name, title, UNKNOWN, f"zero ablation costs {stake:.3f} nats")]
    published = figures.recovered if figures else None
    found = losses.recovered
    text = f"{found:.3f} ({losses.clean:.2f} → {losses.sae:.2f} nats)"
    verdict, cause = _judge_recovered(losses, published)
    expected, by = (
        (f"{published:.3f}", figures.by) if published is not None and figures else (f"over {RECOVERED_POOR:g}", "any SAE")
    )
    return [Check(name, title, verdict, text, expected, by, cause, value=found, reference=published)]


def _judge_recovered(losses: SplicedLoss, published: float | None) -> tuple[str, str]:
    found = losses.recovered
    if found < 0:
        return WRONG, f"The model predicts better with zeros than with the SAE's output. {ELSEWHERE}."
    if losses.recovered_from_mean < 0:
        return WRONG, f"The model predicts better with the activations' mean than with the SAE's output. {ELSEWHERE}."
    if published is not None and (short := published - found) > RECOVERED_DOUBTFUL:
        return WRONG if short > RECOVERED_WRONG else DOUBTFUL, f"The SAE recovers less of the loss than published. {ELSEWHERE}."
    if published is None and found < RECOVERED_POOR:
        return DOUBTFUL, f"The SAE's output costs the model a good part of what it knows. {ELSEWHERE}."
    return PASS, ""
