"""What both adapters do with an estimator: find its class, gather its arguments, fit it and hear what it says."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from darkframe.errors import PluginError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def load(estimator: str | type[Any]) -> type[Any]:
    """The class itself, or what ``"package.module:Class"`` names."""
    if not isinstance(estimator, str):
        return estimator
    module, _, name = estimator.partition(":")
    found: type[Any] = getattr(importlib.import_module(module), name)
    return found


def arguments(estimator: type[Any], params: Any, fixed: Mapping[str, Any], **filled: Any) -> dict[str, Any]:
    """What its constructor is given.

    Args:
        estimator: The class.
        params: Parameters of the plugin, each field an argument; None: it has none.
        fixed: Arguments of every instance.
        filled: Arguments for where the constructor takes them and neither of the others has them.

    Raises:
        PluginError: The constructor does not take a field, or a fixed argument.
    """
    accepted = inspect.signature(estimator).parameters
    given = {} if params is None else {f.name: getattr(params, f.name) for f in dataclasses.fields(params)}
    given |= fixed
    if unknown := sorted(set(given) - set(accepted)):
        raise PluginError(f"{estimator.__name__} takes no {', '.join(unknown)}; its parameters are {', '.join(accepted)}.")
    return {name: value for name, value in filled.items() if name in accepted} | given


@dataclasses.dataclass(frozen=True)
class Heard:
    """What an estimator said while it was fitted: whether it converged, and sentences."""

    converged: bool
    sentences: tuple[str, ...]


def heard(model: Any, fit: Callable[[], Any]) -> tuple[Any, Heard]:
    """What ``fit`` of the model returns, and what it warned of."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        returned = fit()
    said = [" ".join(str(warning.message).split()) for warning in caught]
    stopped = _stopped(model)
    converged = not stopped and not any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    return returned, Heard(converged, tuple(dict.fromkeys(said + stopped)))


def _stopped(model: Any) -> list[str]:
    """Some estimators (SparsePCA, KMeans) stop at ``max_iter`` without a word."""
    limit, used = getattr(model, "max_iter", None), getattr(model, "n_iter_", None)
    if limit is None or used is None or int(used) < int(limit):
        return []
    return [f"The estimator stopped at max_iter = {limit}."]


def iterations(model: Any) -> int:
    """Iterations used; 0 where it does not count them."""
    return int(getattr(model, "n_iter_", None) or 0)


def told(model: Any) -> dict[str, Any]:
    """Which estimator it is, its version and parameters, JSON-serialisable."""
    import sklearn

    return {
        "estimator": f"{type(model).__module__}.{type(model).__name__}",
        "scikit-learn": sklearn.__version__,
        "parameters": {name: value for name, value in model.get_params().items() if _is_plain(value)},
    }


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def untouched(vectors: NDArray[Any]) -> NDArray[Any]:
    """The same vectors, not to be written to."""
    given = vectors.view()
    given.flags.writeable = False
    return given
