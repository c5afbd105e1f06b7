"""The record of a tracking's configuration: a run's, and what it goes over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from darkframe.config.build import to_record
from darkframe.config.parameters import as_text
from darkframe.config.records import RunConfig
from darkframe.errors import StoreError

TRACKED = (
    "pca_dims",
    "sample",
    "lens_tokens",
    "junk_tokens",
    "cluster_tokens",
    "lens_clusters",
    "nulls",
    "check_rows",
    "keep_model",
)
"""Parameters of the taxonomy study that tracking uses; it has no use for the others."""

FITTED = ("pca_dims", "sample", "lens_tokens", "junk_tokens")
"""Those of them that are settled once there is a model to begin from."""


@dataclass(frozen=True)
class TrackConfig:
    """One resolved record of a tracking.

    Attributes:
        run: Source, clusterer, seed and device; the source's parameter ``key`` is whatever it was set to, and not used.
        key: The parameter of the source that names the checkpoint.
        values: Its values in training order.
        model: The run whose fitted model tracking begins from; None: it is fitted on the first checkpoint.
    """

    run: RunConfig
    key: str
    values: tuple[Any, ...]
    model: Path | None = None

    @property
    def over(self) -> str:
        """The parameter as the user writes it."""
        return f"source.{self.key}"

    @property
    def shown(self) -> tuple[str, ...]:
        """The values as ``--over`` takes them."""
        return tuple(as_text(value) for value in self.values)

    def source_params(self, step: int) -> Any:
        """The source's parameters at a step."""
        import dataclasses

        return dataclasses.replace(self.run.source.params, **{self.key: self.values[step]})

    def record(self) -> dict[str, Any]:
        """JSON-serialisable record, as the manifest keeps it."""
        values = [to_record(self.source_params(step))[self.key] for step in range(len(self.values))]
        model = None if self.model is None else str(self.model)
        return self.run.record() | {"track": {"over": self.over, "values": values, "model": model}}


def recorded_track(record: Mapping[str, Any]) -> tuple[str, list[Any], Path | None]:
    """Key, values and model out of a record.

    Raises:
        StoreError: It is damaged.
    """
    try:
        track = record["track"]
        key, values, model = track["over"].removeprefix("source."), list(track["values"]), track["model"]
    except (KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"The configuration kept with the run is damaged: {error!r}.") from error
    return key, values, None if model is None else Path(model)
