"""One resolved record of a run: defaults < config file < ``--set``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from darkframe.plugin import param


@dataclass(frozen=True)
class StudyParams:
    """Parameters of the dark-matter study itself, ``--set study.NAME=VALUE``."""

    seeds: tuple[int, ...] = param((42, 123, 999), help="Seeds of the stability step; the run's own --seed comes first.")
    nulls: int = param(4, help="Elliptical null data sets put through the decomposer.", ge=0, le=1000)
    null_directions: int = param(1000, help="Random directions drawn for each similarity null.", ge=10, le=1_000_000)
    max_components: int = param(100, help="Most components the PCA step recommends.", ge=1)
    known_cut: float = param(0.8, help="|cos| with a decoder direction above which a component is known.", ge=0, le=1)
    novel_cut: float = param(0.3, help="|cos| with every decoder direction up to which a component is novel.", ge=0, le=1)
    active_rate: float = param(0.001, help="Share of tokens an SAE feature must fire on to be compared.", ge=0, lt=1)
    massive: str = param("exclude", help="Massive tokens: leave them out of fits and headlines, or keep them.", choices=("exclude", "include"))
    interpret: int = param(10, help="Most novel components to interpret.", ge=0)
    examples: int = param(20, help="Top examples for each of them.", ge=1)
    context: int = param(5, help="Tokens of context on each side of an example.", ge=0, unit="tokens")
    keep_activations: bool = param(True, help="Keep the activations x beside the residuals e (export needs them).")


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


@dataclass(frozen=True)
class RunConfig:
    """One resolved record of a run; everything that determines its numbers, and nothing else.

    Attributes:
        tokens: Tokens to collect; None: all the text holds.
        device: Resolved: ``cpu``, ``cuda:N``.
        strict: Fail where the text holds fewer tokens than asked for.
        quick: Whether ``--quick`` lowered defaults (already applied).
    """

    source: PluginChoice
    decomposer: PluginChoice
    study: StudyParams
    tokens: int | None
    seed: int
    device: str
    strict: bool = False
    quick: bool = False
