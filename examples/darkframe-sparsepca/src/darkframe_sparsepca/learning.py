"""Sparse PCA of a (d, d) root of a covariance by scikit-learn, over all dimensions at once or in mini-batches of them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
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
        converged: Whether it stopped because an iteration gained less than ``tol``.
        iterations: Passes over all dimensions.
        warnings: What scikit-learn warned of.
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
    from sklearn.exceptions import ConvergenceWarning

    with context.progress.task("sparse PCA", None, "iterations") as task, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")

        def report(now: Mapping[str, Any]) -> None:
            if "current_cost" in now:  # every five iterations over all dimensions; else at every mini-batch
                task.advance(5)
                task.note(f"objective {now['current_cost']:.6g}")
            else:
                task.advance((params.batch_size or 1) / len(root))

        task.note(f"{k} components of {len(root)} dimensions")
        found = _batches if params.batch_size is not None else _whole
        code, dictionary, iterations = found(root, k, params, context.seed, report)
    said = tuple(dict.fromkeys(" ".join(str(warning.message).split()) for warning in caught))
    complained = any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    rest = root - code @ dictionary
    objective = 0.5 * float(np.sum(rest * rest)) + params.alpha * float(np.abs(code).sum())
    return Learned(code.T, objective, iterations < params.max_iter and not complained, iterations, said)


def _whole(root: F64, k: int, params: SparsePCAParams, seed: int, report: Any) -> tuple[F64, F64, int]:
    """Code (d, k), dictionary (k, d) and iterations, all dimensions at once."""
    from sklearn.decomposition import dict_learning

    code, dictionary, _, iterations = dict_learning(
        root,
        k,
        alpha=params.alpha,
        max_iter=params.max_iter,
        tol=params.tol,
        method="cd",
        callback=report,
        random_state=seed,
        return_n_iter=True,
    )
    return code, dictionary, int(iterations)


def _batches(root: F64, k: int, params: SparsePCAParams, seed: int, report: Any) -> tuple[F64, F64, int]:
    """The same in mini-batches of dimensions, as ``MiniBatchSparsePCA`` does it."""
    from sklearn.decomposition import MiniBatchDictionaryLearning

    model = MiniBatchDictionaryLearning(
        k,
        alpha=params.alpha,
        max_iter=params.max_iter,
        tol=params.tol,
        batch_size=params.batch_size,
        fit_algorithm="cd",
        transform_algorithm="lasso_cd",
        transform_alpha=params.alpha,
        callback=report,
        random_state=seed,
    )
    code = model.fit(root).transform(root)
    return code, model.components_, int(np.ceil(model.n_iter_))
