"""Records of an examination: does the SAE belong to these activations, and is it used as it wants to be?"""

from __future__ import annotations

from dataclasses import dataclass

from darkframe.results.residual import LedgerEntry

PASS, DOUBTFUL, WRONG, UNKNOWN = "pass", "doubtful", "wrong", "not known"


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Attributes:
        name: Its key, such as ``hook-point``.
        title: A few words.
        verdict: ``pass``, ``doubtful``, ``wrong``, or ``not known`` where nothing is stated or could be measured.
        found: What is the case.
        expected: What should be.
        by: Who says so.
        cause: The likely cause and the parameter that puts it right, in sentences; empty where nothing is amiss.
        value: The figure itself, where there is one.
        reference: The figure it is held against.

    Computed in:
        studies/doctor/metadata.py, studies/doctor/decoder.py, studies/doctor/numbers.py, studies/doctor/figures.py
    """

    name: str
    title: str
    verdict: str
    found: str
    expected: str = ""
    by: str = ""
    cause: str = ""
    value: float | None = None
    reference: float | None = None


@dataclass(frozen=True)
class SplicedLoss:
    """The model's mean next-token loss with its activations replaced, in nats, over tokens that are not special.

    Attributes:
        tokens: Tokens predicted.
        clean: Nothing replaced.
        sae: ``decode(encode(x))`` at every slot that holds no special token; those stay as they are.
        zero: Zero at every slot.
        mean: The mean of x at every slot.
        vocabulary: Number of token ids, if known.
        unigram: −Σ p log p over the tokens' own frequencies p in this sample: what guessing by frequency alone would lose.

    Computed in:
        studies/doctor/splicing.py
    """

    tokens: int
    clean: float
    sae: float
    zero: float
    mean: float
    vocabulary: int | None
    unigram: float

    @property
    def recovered(self) -> float:
        """(zero − sae) / (zero − clean): 1 where nothing is lost."""
        return _share(self.zero - self.sae, self.zero - self.clean)

    @property
    def recovered_from_mean(self) -> float:
        """(mean − sae) / (mean − clean)."""
        return _share(self.mean - self.sae, self.mean - self.clean)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


@dataclass(frozen=True)
class Examination:
    """Everything a doctor found.

    Attributes:
        form: ``full``; ``short``, before a run; ``recorded``, from activations that were collected before.
        verdict: The worst of the checks' verdicts: ``wrong``, ``doubtful`` or ``pass``.
        checks: Every check, those of the metadata first.
        tokens: Tokens measured, special ones not counted.
        ledger: The metric ledger on them, as the study's own.
        losses: Cross-entropies, where the source predicts tokens and the form is full; else None.
        stops: Why a run should not go on, in sentences; empty where it may.
        forced: Whether it went on all the same.

    Computed in:
        studies/doctor/examine.py
    """

    form: str
    verdict: str
    checks: tuple[Check, ...]
    tokens: int
    ledger: tuple[LedgerEntry, ...] = ()
    losses: SplicedLoss | None = None
    stops: tuple[str, ...] = ()
    forced: bool = False

    def metric(self, name: str) -> float:
        """A metric of the ledger without massive tokens; NaN where nothing was measured."""
        return next((entry.ordinary for entry in self.ledger if entry.name == name), float("nan"))

    def having(self, *verdicts: str) -> tuple[Check, ...]:
        """The checks with one of these verdicts."""
        return tuple(check for check in self.checks if check.verdict in verdicts)

    def check(self, name: str) -> Check:
        """One check.

        Raises:
            KeyError: It was not made.
        """
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    def cautions(self) -> list[str]:
        """What a reader of a run's results must know of it."""
        forced = [f"The run was forced although {'; '.join(self.stops)}."] if self.forced else []
        return forced + [f"The check before the run says {line}" for line in self.diagnosis()]

    def diagnosis(self) -> list[str]:
        """What is amiss, wrong things first, each with its likely cause."""
        return [_line(check) for check in (*self.having(WRONG), *self.having(DOUBTFUL))]


def _line(check: Check) -> str:
    return f"{check.verdict}: {check.title}: {check.found}{_against(check)}. {check.cause}".strip()


def _against(check: Check) -> str:
    if not check.expected:
        return ""
    return f"; expected {check.expected}{f' ({check.by})' if check.by else ''}"
