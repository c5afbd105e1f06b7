"""A fit at work: it reports where it is told to, can be interrupted, and says nothing elsewhere."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from darkframe.testing.checks import require
from darkframe.testing.clusterers.fitting import fitted, learned, model_of
from darkframe.testing.clusterers.planted import loose_groups
from darkframe.testing.clusterers.repeating import same_labels
from darkframe.testing.kit import CLUSTERER
from darkframe.testing.watching import InterruptingProgress, RecordingProgress, silent

if TYPE_CHECKING:
    from darkframe.testing.subject import Subject


@CLUSTERER()
def progress_is_sound(clusterer: Subject) -> None:
    """Tasks have a label and a unit, never pass their total, and are closed at the end."""
    progress = RecordingProgress()
    model, _ = model_of(clusterer, loose_groups(), progress=progress)  # held: what goes with it closes the tasks it left open
    require(not progress.faults, " ".join(progress.faults[:3]))
    del model


@CLUSTERER()
def ctrl_c_stops_a_fit(clusterer: Subject) -> None:
    """Ctrl-C wherever progress is reported goes through the fit, and the same object can be fitted afterwards."""
    counting = InterruptingProgress(at=0)
    expected = fitted(clusterer, loose_groups(), progress=counting).labels
    for at in sorted({1, 2, counting.heard} & set(range(1, counting.heard + 1))):
        model, progress = clusterer.make(), InterruptingProgress(at)
        try:
            learned(model, "fit", loose_groups(), clusterer.context(progress=progress))
        except KeyboardInterrupt:
            pass
        else:
            require(not progress.interrupted, "A KeyboardInterrupt did not come out of fit(); let it through.")
        again = learned(model, "fit", loose_groups(), clusterer.context()).labels
        same_labels(again, expected, "A fit after one that was interrupted")


@CLUSTERER()
def nothing_is_printed(clusterer: Subject) -> None:
    """A fit writes nothing to the terminal; what there is to say is in ``diagnostics.warnings``."""
    printed, _ = _said(clusterer)
    require(not printed, f"fit() printed {printed!r}; wrap the library that does so, or say it in diagnostics.warnings.")


@CLUSTERER()
def no_warning_leaks(clusterer: Subject) -> None:
    """A fit lets out no Python warning; what there is to say is in ``diagnostics.warnings``."""
    _, warned = _said(clusterer)
    require(not warned, f"fit() let out {warned!r}; catch it, and say it in diagnostics.warnings where it matters.")


def _said(clusterer: Subject) -> tuple[str, list[str]]:
    """What fits of ordinary rows, of rows with constant dimensions and of few rows print and warn of."""
    vectors = loose_groups()
    flat = vectors.copy()
    flat[:, 1] = 0
    printed, warned = "", list[str]()
    for given in (vectors, flat, vectors[:3]):
        with silent() as said, contextlib.suppress(Exception):  # what is refused or fails is other checks' concern
            clusterer.make().fit(given, clusterer.context())
        printed += said.printed
        warned += said.warnings
    return " ".join(printed.split())[:200], list(dict.fromkeys(warned))
