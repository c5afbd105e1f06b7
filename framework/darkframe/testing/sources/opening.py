"""Checks of a source as a whole: that it opens, says what it is, gives what it declares, and is the same when opened again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from darkframe.errors import DarkframeError, HubError, PluginError, UserError
from darkframe.interfaces import Batch, Partial, SourceCard
from darkframe.testing.checks import require
from darkframe.testing.kit import OPENS, SOURCE
from darkframe.testing.sources.reading import first_batches, lacking, same_bytes
from darkframe.testing.subject import Subject
from darkframe.testing.watching import InterruptingProgress, RecordingProgress, Said, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARTS = ("activations", "dictionary", "encoder", "unembedding", "text")
"""What a source may lack."""


# ------------------------------------------------------------ opening


@SOURCE()
def it_opens(plugin: Subject) -> None:
    """It opens as it is set and gives activations or a dictionary, or says in one sentence what it needs."""
    try:
        card = plugin.source.card()
    except (UserError, HubError) as error:
        _require_sentence(error)
        return
    except PluginError as error:
        if not error.hint:
            raise
        _require_sentence(error)
        return
    require(isinstance(card, SourceCard), f"card() gave a {type(card).__name__}, not a SourceCard.")
    gives = {"activations", "dictionary"} & plugin.capabilities
    require(gives, "As it is set it gives neither activations nor a dictionary, but opens without a word.")


def _require_sentence(error: DarkframeError) -> None:
    said = error.message
    proper = len(said.split()) >= 3 and "\n" not in said.strip()
    require(proper, f"It cannot be opened, and {said!r} is no sentence that says why.")


@SOURCE(OPENS)
def card_is_complete(plugin: Subject) -> None:
    """The card names everything, is JSON-serialisable, and is the same when asked again."""
    source = plugin.source
    card, may_be_empty = source.card(), {"details"}
    if isinstance(source, Partial):
        may_be_empty |= {"context_size"} | ({"n_features"} if "dictionary" in lacking(plugin.source) else set())
    elif "dictionary" not in plugin.capabilities:
        may_be_empty |= {"n_features", "dictionary"}
    for field in fields(card):
        require(getattr(card, field.name) or field.name in may_be_empty, f"The card's {field.name} is empty.")
    try:
        json.dumps(asdict(card), allow_nan=False)
    except (TypeError, ValueError) as error:
        require(False, f"The card cannot be written as JSON: {error}.")
    require(source.card() == card, "The card changes when asked again.")


# ------------------------------------------------------------ opening again


@dataclass(frozen=True, eq=False)
class _Opening:
    """What a second opening gave."""

    card: SourceCard
    first: Batch | None
    W_dec: NDArray[Any] | None
    said: Said
    progress: RecordingProgress


def _read(source: Any, has: frozenset[str]) -> tuple[SourceCard, Batch | None, NDArray[Any] | None]:
    card = source.card()
    first = next(iter(source.batches()), None) if "activations" in has else None
    weights = source.dictionary().W_dec.cpu().numpy() if "dictionary" in has else None
    return card, first, weights


def _opening(plugin: Subject) -> _Opening:
    def make() -> _Opening:
        progress = RecordingProgress()
        with silent() as said:
            given = _read(plugin.open(progress=progress), plugin.capabilities)
        return _Opening(*given, said, progress)

    return plugin.once("opening", make)


@SOURCE(OPENS)
def openings_agree(plugin: Subject) -> None:
    """Opened a second time, it has the same fingerprint and gives the same first batch and dictionary, byte for byte."""
    again, card = _opening(plugin), plugin.source.card()
    first = first_batches(plugin)[0] if again.first is not None else None
    weights = None if again.W_dec is None else plugin.source.dictionary().W_dec.cpu().numpy()
    require(card.fingerprint == again.card.fingerprint, "A second opening has another fingerprint.")
    require(card == again.card, "A second opening has another card.")
    if first is not None and again.first is not None:
        for field in fields(Batch):
            same = same_bytes(getattr(first, field.name), getattr(again.first, field.name))
            require(same, f"{field.name} of the first batch differs in a second opening.")
    require(again.W_dec is None or same_bytes(weights, again.W_dec), "W_dec differs in a second opening.")


@SOURCE(OPENS)
def opening_reports_properly(plugin: Subject) -> None:
    """What it reports while it opens fits together: no negative steps, never more than the total, every task closed."""
    faults = _opening(plugin).progress.faults
    require(not faults, " ".join(faults))


@SOURCE(OPENS)
def opening_says_nothing(plugin: Subject) -> None:
    """Opening it, its first batch and its dictionary print nothing and warn of nothing."""
    said = _opening(plugin).said
    require(not said.words, f"It says while it opens: {said.words}")


@SOURCE(OPENS)
def ctrl_c_ends_the_opening(plugin: Subject) -> None:
    """A KeyboardInterrupt that comes up while it reports goes through."""
    progress = InterruptingProgress()
    try:
        _read(plugin.open(progress=progress), plugin.capabilities)
    except KeyboardInterrupt:
        return
    require(not progress.interrupted, "A KeyboardInterrupt that came up while it reported was swallowed.")
