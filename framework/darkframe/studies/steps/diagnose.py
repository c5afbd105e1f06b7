"""Step 2: the metric ledger and the residual's kurtosis per dimension, as the collecting pass left them."""

from __future__ import annotations

from darkframe.results import Diagnose, KurtosisSummary
from darkframe.store.records import record_from_plain
from darkframe.studies.steps.base import HEADLINE, Arrays, Study, kurtosis_summary

NEAR_GAUSSIAN = 0.5


def diagnose(study: Study) -> tuple[Diagnose, float]:
    """Read the ledger and moments of the collection; returns the record and the seconds it took."""

    def compute(_: object) -> tuple[Diagnose, Arrays]:
        statistics = study.collection.statistics
        headline, every = statistics.residual(HEADLINE).kurtosis, statistics.residual("all").kurtosis
        summary = kurtosis_summary(headline)
        record = Diagnose(
            ledger=tuple(statistics.ledger),
            kurtosis=summary,
            kurtosis_all=kurtosis_summary(every),
            near_gaussian=abs(summary.mean) < NEAR_GAUSSIAN,
            verdict=verdict(summary),
        )
        return record, {"residual_kurtosis": headline, "residual_kurtosis_all": every}

    outcome = study.step("diagnose", {}, compute)
    result = record_from_plain(Diagnose, outcome.record)
    study.progress.step("diagnose", result.verdict)
    return result, outcome.seconds


def verdict(kurtosis: KurtosisSummary) -> str:
    """The notebook's decision point, with what it leaves open."""
    if abs(kurtosis.mean) < NEAR_GAUSSIAN:
        return (
            f"Mean excess kurtosis {kurtosis.mean:.2f}, |mean| < {NEAR_GAUSSIAN:g}: the residual's dimensions are near-Gaussian; "
            "independent components may find little."
        )
    return (
        f"Mean excess kurtosis {kurtosis.mean:.2f}, |mean| ≥ {NEAR_GAUSSIAN:g}: the residual's dimensions are not Gaussian. Rows "
        "of varying length alone do that; the elliptical null says whether there is more."
    )
