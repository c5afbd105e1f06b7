"""An examination from end to end: metadata, decoder, figures and what the numbers say, and the verdict over all of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from darkframe.interfaces import Predicts, Wired
from darkframe.results import Examination, SplicedLoss
from darkframe.results.doctor import DOUBTFUL, PASS, WRONG, Check
from darkframe.studies.doctor.decoder import decoder_checks
from darkframe.studies.doctor.figures import ELSEWHERE, FVU_DOUBTFUL, FVU_STOP, L0_STOP, figure_checks, loss_checks
from darkframe.studies.doctor.measured import Measured, Sums
from darkframe.studies.doctor.metadata import metadata_checks
from darkframe.studies.doctor.numbers import bias_check, ones_check, prediction_check, scale_check, starts_check
from darkframe.studies.doctor.sample import Sample
from darkframe.studies.doctor.scale import CentringTrial, ScaleScan, scan_scales, try_centring
from darkframe.studies.doctor.splicing import spliced_loss

if TYPE_CHECKING:
    from darkframe.interfaces import Batch, Dictionary, Source, Wiring
    from darkframe.progress import Progress
    from darkframe.store.collection import Collection

FULL_TOKENS, SHORT_TOKENS = 2048, 512
_SILENT = {"spliced-loss", "prediction", "scale"}  # left out of a short form that did not measure them


class Trials(NamedTuple):
    """What was tried on a block of activations."""

    scale: ScaleScan | None = None
    centring: CentringTrial | None = None


def examine(source: Source, batches: Iterable[Batch], *, tokens: int | None, full: bool, progress: Progress) -> Examination:
    """Examine a source on the first tokens of its text.

    Args:
        source: The source; ``wiring()`` and ``losses()`` are used where it has them.
        batches: Its batches, from the first.
        tokens: Kept tokens to take; None: all there are.
        full: Splice the SAE into the model and try scales; otherwise scales are tried only where the fit is poor.
        progress: Where to report.

    Raises:
        DataError: Activations or residuals hold NaN or infinity.
        PluginError: A batch is not what a source must give.
    """
    wiring, card, dictionary = wiring_of(source), source.card(), source.dictionary()
    checks = [*metadata_checks(wiring), *decoder_checks(dictionary, card)]
    form = "full" if full else "short"
    if any(check.verdict == WRONG for check in checks if check.name.startswith("decoder")):
        return _conclude(form, checks, Measured(0, 0, ()))  # nothing can be reconstructed with it
    predicts = source if full and isinstance(source, Predicts) else None
    with progress.task("examine", tokens, "tokens") as task:
        owner = getattr(source, "title", "")
        measured = Sample(card, dictionary, tokens, rows=predicts is not None, owner=owner).read(batches, task)
    if measured is None:
        return _conclude(form, checks, Measured(0, 0, ()))
    losses = _losses(predicts, source, dictionary, measured, progress) if predicts is not None else None
    scan = _scan(dictionary, measured, full)
    trial = try_centring(dictionary, measured.block) if measured.block is not None and len(measured.block) > 1 else None
    return _judged(form, wiring, checks, dictionary, measured, losses, Trials(scan, trial))


def examine_recorded(source: Source, collection: Collection) -> Examination:
    """Examine a source by activations that were collected before: the ledger of all of them, sums over the first few hundred."""
    wiring, dictionary = wiring_of(source), source.dictionary()
    checks = [*metadata_checks(wiring), *decoder_checks(dictionary, source.card())]
    count = int(collection.meta["massive"]["count"])
    measured = Measured(collection.n_tokens, count, tuple(collection.statistics.ledger), _recorded_sums(collection))
    return _judged("recorded", wiring, checks, dictionary, measured, None, Trials())


def wiring_of(source: Source) -> Wiring | None:
    """What the source says of its wiring, if it can."""
    return source.wiring() if isinstance(source, Wired) else None


def _recorded_sums(collection: Collection) -> Sums | None:
    if not collection.has_activations:
        return None
    numbers = np.flatnonzero(collection.mask("ordinary", 0, min(collection.n_tokens, 2 * SHORT_TOKENS)))[:SHORT_TOKENS]
    sums = Sums(collection.d_model)
    x, e = (torch.from_numpy(collection.reader(name).take(numbers)) for name in ("activations", "residuals"))
    sums.add(x, e)
    return sums


def _losses(
    predicts: Predicts, source: Source, dictionary: Dictionary, measured: Measured, progress: Progress
) -> SplicedLoss | None:
    mean = measured.mean
    if mean is None or not measured.rows:
        return None
    with progress.task("splice the SAE in", len(measured.rows), "rows") as task:
        return spliced_loss(predicts, dictionary, measured.rows, mean, _vocabulary(source, len(mean)), task)


@torch.no_grad()
def _vocabulary(source: Source, d: int) -> int | None:
    unembedding = source.unembedding()
    if unembedding is None:
        return None
    device = source.dictionary().W_dec.device
    return int(unembedding.logits(torch.zeros((1, d), device=device)).shape[1])


def _scan(dictionary: Dictionary, measured: Measured, full: bool) -> ScaleScan | None:
    poor = not measured.metric("fvu") <= FVU_DOUBTFUL
    if measured.block is None or len(measured.block) < 2 or not (full or poor):
        return None
    return scan_scales(dictionary, measured.block)


def _judged(
    form: str,
    wiring: Wiring | None,
    checks: Sequence[Check],
    dictionary: Dictionary,
    measured: Measured,
    losses: SplicedLoss | None,
    trials: Trials,
) -> Examination:
    published = wiring.figures if wiring else None
    numbers = [
        ones_check(measured.sums, dictionary, measured.metric("fvu"), trials.centring),
        starts_check(measured.starts, _stated_bos(wiring)),
        bias_check(measured.sums, dictionary),
        scale_check(trials.scale),
        prediction_check(losses, published),
    ]
    suspects = [check for check in (*checks, *numbers) if check.verdict in (WRONG, DOUBTFUL)]
    figures = [_pointing(check, suspects) for check in (*figure_checks(measured, published), *loss_checks(losses, published))]
    every = [*checks, *figures, *numbers]
    if form != "full":
        every = [check for check in every if check.name not in _SILENT or check.verdict in (PASS, DOUBTFUL, WRONG)]
    return _conclude(form, every, measured, losses)


def _stated_bos(wiring: Wiring | None) -> bool | None:
    return next((usage.bos for usage in wiring.stated if usage.bos is not None), None) if wiring else None


def _pointing(check: Check, suspects: Sequence[Check]) -> Check:
    """A figure that is off, pointing at the checks that say why."""
    if check.verdict not in (WRONG, DOUBTFUL) or not suspects:
        return check
    named = ", ".join(suspect.title for suspect in suspects)
    return replace(check, cause=check.cause.replace(f"{ELSEWHERE}.", f"The cause is likely among: {named}."))


def _conclude(
    form: str,
    checks: Sequence[Check],
    measured: Measured,
    losses: SplicedLoss | None = None,
) -> Examination:
    found = {check.verdict for check in checks}
    verdict = next((verdict for verdict in (WRONG, DOUBTFUL) if verdict in found), PASS)
    return Examination(
        form=form,
        verdict=verdict,
        checks=tuple(checks),
        tokens=measured.tokens,
        ledger=measured.ledger,
        losses=losses,
        stops=tuple(_stops(checks)),
    )


def _stops(checks: Sequence[Check]) -> list[str]:
    """Why a run should not go on: FVU beyond 0.9, L0 off by more than half, a decoder that cannot be used."""
    said = []
    for check in checks:
        if check.verdict != WRONG:
            continue
        if check.name == "fvu":
            said.append(f"the SAE leaves {check.value:.0%} of the variance unexplained (FVU {check.found}, beyond {FVU_STOP:g})")
        if check.name == "l0" and check.reference:
            said.append(
                f"{check.found} features fire on a token where {check.expected} are published (off by more than {L0_STOP:.0%})"
            )
        if check.name.startswith("decoder"):
            said.append(f"its decoder is wrong: {check.found}")
    return said
