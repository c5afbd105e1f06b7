"""Sparse PCA of a (d, d) root of a covariance by scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from darkframe import FitContext
    from numpy.typing import NDArray

    from darkframe_sparsepca.plugin import SparsePCAParams

    F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Learned:
    """What was learned of a root S (d, d).

    Attributes:
        components: (k, d) V, not scaled; rows may be zero.
        objective: ½ ‖S − U V‖² + α ‖V‖₁ at the end.
        converged: Whether it stopped because an iteration gained less than ``tol``, no step of it having stopped short.
        iterations: Passes over all dimensions.
        warnings: What scikit-learn warned of, and why it did not converge.
    """

    components: F64
    objective: float
    converged: bool
    iterations: int
    warnings: tuple[str, ...]


def learn(root: F64, k: int, params: SparsePCAParams, context: FitContext) -> Learned:
    """Minimise ½ ‖S − U V‖² + α ‖V‖₁ for the symmetric ``root`` S.

    scikit-learn's ``SparsePCA`` is its dictionary learning of the transposed data: the dimensions are what is encoded, sparsely,
    by the columns of U. Called here by that name, so that there is progress to report and Ctrl-C comes through.
    """
    from sklearn.decomposition import dict_learning
    from sklearn.exceptions import ConvergenceWarning

    with context.progress.task("sparse PCA", None, "iterations") as task, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")

        def report(now: Mapping[str, Any]) -> None:  # every five iterations
            task.advance(5)
            task.note(f"objective {now['current_cost']:.6g}")

        task.note(f"{k} components of {len(root)} dimensions")
        code, _, costs, iterations = dict_learning(
            root,
            k,
            alpha=params.alpha,
            max_iter=params.max_iter,
            tol=params.tol,
            method="cd",
            callback=report,
            random_state=context.seed,
            return_n_iter=True,
        )
    short = sum(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    others = (warning for warning in caught if not issubclass(warning.category, ConvergenceWarning))
    said = [" ".join(str(warning.message).split()) for warning in others]
    said += [f"Coordinate descent stopped short of its tolerance {short} times in {iterations} iterations."] if short else []
    said += [f"Sparse PCA stopped at max_iter = {params.max_iter}."] if iterations >= params.max_iter else []
    converged = not short and iterations < params.max_iter
    return Learned(code.T, float(costs[-1]), converged, int(iterations), tuple(dict.fromkeys(said)))
