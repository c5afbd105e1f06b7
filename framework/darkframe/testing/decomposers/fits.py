"""Fits that the checks of decomposers look at, and what they have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.errors import DarkframeError, DataError, UserError
from darkframe.interfaces import Decomposition
from darkframe.numerics.rows import ArrayRows
from darkframe.testing.checks import require
from darkframe.testing.decomposers.planted import COMPONENTS, Planted, planted
from darkframe.testing.subject import Subject
from darkframe.testing.watching import InterruptingProgress, Said, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray


def asked(decomposer: Subject) -> int:
    """How many components a fit should have: its own parameter's number, else those that the checks recommend."""
    own = getattr(decomposer.params, "n_components", None)
    return own if isinstance(own, int) else COMPONENTS


def fit(decomposer: Subject, rows: NDArray[Any] | ArrayRows, **context: Any) -> Decomposition:
    """A fit of a fresh one; ``n_components`` is 4 where the context does not say otherwise."""
    given = rows if isinstance(rows, ArrayRows) else ArrayRows(rows)
    fitted = decomposer.make().fit(given, decomposer.context(**{"n_components": COMPONENTS, **context}))
    require(isinstance(fitted, Decomposition), f"fit() gave a {type(fitted).__name__}, not a Decomposition.")
    decomposition: Decomposition = fitted
    return decomposition


def fitted(decomposer: Subject) -> tuple[Planted, Decomposition]:
    """The planted rows and a fit to them, made once."""

    def make() -> tuple[Planted, Decomposition]:
        truth = planted()
        return truth, fit(decomposer, truth.rows)

    return decomposer.once("fitted", make)


def watched(decomposer: Subject) -> tuple[Decomposition, InterruptingProgress, Said]:
    """A fit whose progress and words were kept, made once."""

    def make() -> tuple[Decomposition, InterruptingProgress, Said]:
        progress = InterruptingProgress(at=0)  # never, but it counts
        with silent() as said:
            result = fit(decomposer, planted().rows, progress=progress)
        return result, progress, said

    return decomposer.once("watched", make)


def require_same(
    a: Decomposition, b: Decomposition, tolerance: float, what: str, names: tuple[str, ...] = ("patterns", "filters")
) -> None:
    """See that two fits have the same patterns and filters, within a share of their largest entry."""
    require(a.patterns.shape == b.patterns.shape, f"{what} gave {len(a.patterns)} components instead of {len(b.patterns)}.")
    for name in names:
        one, other = getattr(a, name), getattr(b, name)
        error = float(np.abs(one - other).max() / np.abs(other).max())
        require(error <= tolerance, f"{what} gave other {name} (by {error:.1e} of the largest entry).")


def refusal(attempt: Callable[[], Decomposition], what: str) -> Decomposition | None:
    """What an attempt gives, or None where it was refused properly: by a UserError or DataError with one sentence."""
    try:
        return attempt()
    except (UserError, DataError) as error:
        require_sentence(error, what)
        return None
    except Exception as error:
        said = " ".join(str(error).split())
        raise_instead = "raise a darkframe.DataError or darkframe.UserError instead, with a sentence that says what is wrong"
        require(False, f"{what} ended in {type(error).__name__}: {said.rstrip('.')}; {raise_instead}.")
        raise


def require_sentence(error: DarkframeError, what: str) -> None:
    """See that an error says in one line what is wrong."""
    said = error.message
    proper = len(said.split()) >= 3 and "\n" not in said.strip() and said.rstrip().endswith((".", "?", "!"))
    require(proper, f"{what} is refused with {said!r}, which is not one sentence.")


def require_finite(result: Decomposition, what: str) -> None:
    """See that every number of a fit is finite."""
    for name in ("mean", "patterns", "filters", "explained", "explained_total"):
        require(np.isfinite(getattr(result, name)).all(), f"{what} gave NaN or infinite {name}.")
