"""Whether one component holds structure that the elliptical null does not.

Three things are asked, each against what the *most extreme* of all components of a null reaches (so that looking at k components
finds nothing by looking often):

1. its source's kurtosis lies beyond what the null's fits reach: above their largest or, for sources of two modes, below their
   smallest less the null's own (positive) level;
2. that holds within each half of the documents: tokens of one document are alike, and a handful of them can give any kurtosis;
3. both halves, fitted by themselves from different random starts, arrive at the component.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from darkframe.studies.steps.decompose import Fits


class Cuts(NamedTuple):
    """Family-wise cuts: what the nulls' most extreme component passes in 5 % of data sets at most."""

    cosine: float
    kurtosis: float
    kurtosis_low: float
    replication: float


class Evidence(NamedTuple):
    """What is known of one component: its kurtosis, in both document halves (empty: none), and the halves' agreement."""

    kurtosis: float
    halves: tuple[float, ...]
    replication: float


def beyond(kurtosis: float, cuts: Cuts) -> bool:
    """Whether a kurtosis lies beyond the null's, on either side."""
    return kurtosis > cuts.kurtosis or kurtosis < cuts.kurtosis_low


def judge(evidence: Evidence, cuts: Cuts) -> tuple[bool, str]:
    """Whether the component beats the null, and why."""
    kurtosis = evidence.kurtosis
    if not beyond(kurtosis, cuts):
        return False, f"kurtosis {kurtosis:.2f} is within what the elliptical null's fits reach, {_range(cuts)}"
    high = kurtosis > cuts.kurtosis
    past = f"kurtosis {kurtosis:.2f} is beyond what the elliptical null's fits reach, {_range(cuts)}"
    if not evidence.halves:
        return False, f"{past}, but there are too few rows to check it on document halves"
    both = " and ".join(f"{value:.2f}" for value in evidence.halves)
    if not all(beyond(value, cuts) and (value > cuts.kurtosis) == high for value in evidence.halves):
        return False, f"{past}, but not in both halves of the documents ({both}): a few documents carry it"
    agreement = f"agreement {evidence.replication:.2f}, chance up to {cuts.replication:.2f}"
    if not evidence.replication > cuts.replication:
        return False, f"{past}, but the document halves do not find it by themselves ({agreement})"
    return True, f"{past}, in both halves of the documents ({both}), which find it by themselves ({agreement})"


def _range(cuts: Cuts) -> str:
    return f"{cuts.kurtosis_low:.2f} to {cuts.kurtosis:.2f}"


def null_note(fits: Fits, rows: int) -> str:
    """How the cuts come about, and what so few null fits can show."""
    m, used = len(fits.nulls), fits.nulls[0].record.rows
    fits_made = f"{m} elliptical fits" if m > 1 else "one elliptical fit"
    how = (
        "the larger of their largest maximum and the 95 % prediction bound for one more fit's (Gumbel)"
        if m > 1
        else "its maximum"
    )
    size = "all rows" if used >= rows else f"{used:,} of the {rows:,} rows, which makes it harder to beat"
    return (
        f"Components are held against the maximum over all components of each null fit (family-wise): {fits_made} on {size}; the "
        f"cut is {how}. Taken alone, {m} draw{'s' if m > 1 else ''} can show no smaller error than 1 in {m + 1}."
    )
