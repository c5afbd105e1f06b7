"""Where artlib ships a compiled form of a module, and how it clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe_artlib.learning import Native


def compiled_or_none(params: Any, name: str, load: Any) -> Any:
    """What ``load`` gives, or None where artlib was built without it and ``backend`` is ``auto``.

    Raises:
        ParameterError: ``backend`` is ``cpp`` and artlib was built without it.
    """
    try:
        return load()
    except ImportError as error:
        if params.backend == "cpp":
            raise ParameterError(
                f"artlib was installed without its compiled {name} ({error}).", hint="Use backend=python."
            ) from error
        return None


def one_class(fit: Any, **params: Any) -> Native:
    """The compiled ``fit`` of an ARTMAP as a clustering: with one class for all rows no match is ever tracked."""

    def native(rows: NDArray[Any], weights: NDArray[Any] | None) -> tuple[NDArray[Any], list[NDArray[Any]]]:
        classes = np.zeros(len(rows), np.int32)
        known = None if weights is None else np.zeros(len(weights), np.int64)
        labels, learned, _ = fit(rows, classes, **params, MT="MT+", epsilon=0.0, weights=weights, cluster_labels=known)
        return labels, learned

    return native
