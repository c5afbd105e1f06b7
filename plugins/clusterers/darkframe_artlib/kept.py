"""What a kept model says it is, beside its arrays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from darkframe.config import to_record
from darkframe.errors import StoreError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def params_array(name: str, params: Any) -> NDArray[np.uint8]:
    """Name and parameters that decide the outcome, as the bytes of their JSON."""
    record = {key: value for key, value in to_record(params).items() if key != "backend"}
    return np.frombuffer(json.dumps({name: record}, sort_keys=True).encode(), np.uint8).copy()


def check_state(name: str, params: Any, state: Mapping[str, NDArray[Any]], needed: tuple[str, ...]) -> None:
    """Raise ``StoreError`` unless the arrays are those of a model of that name with those parameters."""
    missing = [key for key in (*needed, "params") if key not in state]
    if missing:
        raise StoreError(f"The kept model has no {', '.join(missing)}, so it is no {name} model.")
    if not np.array_equal(np.asarray(state["params"], np.uint8), params_array(name, params)):
        raise StoreError(
            f"The kept model is not one of {name} with the parameters {to_record(params)}.",
            hint="Open it with the clusterer and parameters that it was fitted with.",
        )
