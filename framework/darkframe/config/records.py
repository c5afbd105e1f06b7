"""The records of a run's configuration: its options, the study's parameters, the plugins chosen, all of it resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from darkframe.config.build import build, to_record
from darkframe.config.taxonomy import TaxonomyParams
from darkframe.errors import StoreError
from darkframe.plugin import param

_MAX_SEED = 2**32  # NumPy's legacy generators, and with them scikit-learn, take no larger one


_SCALARS = ("tokens", "seed", "device", "strict", "quick")


@dataclass(frozen=True)
class RunOptions:
    """Options of a run: the config file's ``[run]``, ``--set run.NAME=VALUE``, and the command's own options."""

    source: str = param("tiny", help="Source of activations and the dictionary.")
    decomposer: str | None = param(None, help="Decomposer of the residual; none: fastica, or with a clusterer none.")
    clusterer: str | None = param(None, help="Clusterer of the SAE's features, for the taxonomy study.")
    tokens: int | Literal["all"] | None = param(None, help="Tokens to collect; none: the source's default.", ge=1, unit="tokens")
    seed: int = param(42, help="Seed of everything random.", ge=0, lt=_MAX_SEED)
    device: str = param("auto", help="auto, cpu, cuda or cuda:N.")
    strict: bool = param(False, help="Fail where the text holds fewer tokens than asked for.")
    quick: bool = param(False, help="Lower the defaults, for a first look.")
    force: bool = param(False, help="Run although the check before it finds that the SAE does not fit the activations.")


@dataclass(frozen=True)
class StudyParams:
    """Parameters of the dark-matter study itself, ``--set study.NAME=VALUE``."""

    seeds: tuple[int, ...] = param(
        (42, 123, 999), help="Seeds of the stability step; the run's own --seed comes first.", ge=0, lt=_MAX_SEED
    )
    nulls: int = param(4, help="Elliptical null data sets put through the decomposer.", ge=1, le=1000)
    null_rows: int = param(
        100_000, help="Rows of an elliptical null data set at most; fewer make the null harder to beat.", ge=100
    )
    null_directions: int = param(1000, help="Random directions drawn for each similarity null.", ge=10, le=1_000_000)
    max_components: int = param(100, help="Most components the PCA step recommends.", ge=1)
    known_cut: float = param(0.8, help="|cos| with a decoder direction above which a component is known.", ge=0, le=1)
    novel_cut: float = param(0.3, help="|cos| with every decoder direction up to which a component is novel.", ge=0, le=1)
    active_rate: float = param(0.001, help="Share of tokens an SAE feature must fire on to be compared.", ge=0, lt=1)
    massive: str = param(
        "exclude", help="Massive tokens: leave them out of fits and headlines, or keep them.", choices=("exclude", "include")
    )
    interpret: int = param(10, help="Most novel components to interpret, and others that beat the null.", ge=0)
    examples: int = param(20, help="Top examples for each of them.", ge=1)
    context: int = param(5, help="Tokens of context on each side of an example.", ge=0, unit="tokens")
    keep_activations: bool = param(True, help="Keep the activations x beside the residuals e (export needs them).")

    def __post_init__(self) -> None:
        if self.novel_cut > self.known_cut:
            raise ValueError(f"study.novel_cut ({self.novel_cut}) is above study.known_cut ({self.known_cut})")


@dataclass(frozen=True)
class PluginChoice:
    """One plugin of a run, resolved: which distribution's, and with which parameters.

    Attributes:
        kind: ``source``, ``decomposer`` or ``clusterer``.
        name: The plugin's name.
        distribution, version: What it comes from.
        params: An instance of the plugin's parameter dataclass.
    """

    kind: str
    name: str
    distribution: str
    version: str
    params: Any

    def record(self) -> dict[str, Any]:
        """JSON-serialisable record."""
        named = {"kind": self.kind, "name": self.name, "distribution": self.distribution, "version": self.version}
        return named | {"params": to_record(self.params)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any], params: type[Any]) -> PluginChoice:
        """The choice that ``record`` was made of, its parameters read as ``params``.

        Raises:
            ParameterError: The plugin no longer takes a recorded parameter or value.
        """
        kind, name = record["kind"], record["name"]
        values = build(params, record["params"], kind=kind, owner=f"{kind} {name!r}")
        return cls(kind, name, record["distribution"], record["version"], values)


@dataclass(frozen=True)
class RunConfig:
    """One resolved record of a run; everything that determines its numbers, and nothing else.

    Attributes:
        tokens: Tokens to collect; None: all the text holds.
        device: Resolved: ``cpu``, ``cuda:N``.
        strict: Fail where the text holds fewer tokens than asked for.
        quick: Whether ``--quick`` lowered defaults (already applied).
        force: Run although the check before it finds that the SAE does not fit; changes no number.
        decomposer: Of the dark-matter study; None: the run has no such study.
        clusterer: Of the taxonomy study; None: the run has no such study.
    """

    source: PluginChoice
    decomposer: PluginChoice | None
    study: StudyParams
    tokens: int | None
    seed: int
    device: str
    strict: bool = False
    quick: bool = False
    force: bool = False
    clusterer: PluginChoice | None = None
    taxonomy: TaxonomyParams = field(default_factory=TaxonomyParams)

    @property
    def decomposing(self) -> PluginChoice:
        """The decomposer, in a run that has one."""
        assert self.decomposer is not None
        return self.decomposer

    @property
    def clustering(self) -> PluginChoice:
        """The clusterer, in a run that has one."""
        assert self.clusterer is not None
        return self.clusterer

    @property
    def studies(self) -> tuple[str, ...]:
        """``dark-matter`` and ``taxonomy``, as far as the run has them."""
        return (*(["dark-matter"] if self.decomposer else []), *(["taxonomy"] if self.clusterer else []))

    def record(self) -> dict[str, Any]:
        """JSON-serialisable record, as the manifest keeps it."""
        scalars = {name: getattr(self, name) for name in (*_SCALARS, "force")}
        chosen = {"source": self.source, "decomposer": self.decomposer, "clusterer": self.clusterer}
        plugins = {kind: choice.record() for kind, choice in chosen.items() if choice is not None}
        studies: dict[str, Any] = {}
        if self.decomposer is not None:
            studies["study"] = to_record(self.study)
        if self.clusterer is not None:
            studies["taxonomy"] = to_record(self.taxonomy)
        return plugins | studies | scalars

    @classmethod
    def from_record(
        cls, record: Mapping[str, Any], *, source: type[Any], decomposer: type[Any] | None, clusterer: type[Any] | None = None
    ) -> RunConfig:
        """The configuration that ``record`` was made of.

        Args:
            record: As ``record()`` gives it.
            source: The source's parameter dataclass.
            decomposer: The decomposer's; None where the record has none.
            clusterer: The clusterer's; None where the record has none.

        Raises:
            StoreError: The record lacks something.
            ParameterError: A plugin or the study no longer takes a recorded parameter or value.
        """
        try:
            return cls(
                source=PluginChoice.from_record(record["source"], source),
                decomposer=None if decomposer is None else PluginChoice.from_record(record["decomposer"], decomposer),
                clusterer=None if clusterer is None else PluginChoice.from_record(record["clusterer"], clusterer),
                study=build(StudyParams, record.get("study", {}), kind="study", owner="study"),
                taxonomy=build(TaxonomyParams, record.get("taxonomy", {}), kind="taxonomy", owner="taxonomy study"),
                **{name: record[name] for name in _SCALARS},
                force=record.get("force", False),  # records of older runs have none
            )
        except (KeyError, TypeError) as error:
            raise StoreError(f"The configuration kept with the run is damaged: {error!r}.") from error
