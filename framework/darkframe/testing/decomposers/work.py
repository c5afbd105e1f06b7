"""Checks of a decomposer at work: what it reports and says, and whether it can be interrupted."""

from __future__ import annotations

from darkframe.testing.checks import require
from darkframe.testing.decomposers.fits import fit, watched
from darkframe.testing.decomposers.planted import planted
from darkframe.testing.kit import DECOMPOSER
from darkframe.testing.subject import Subject
from darkframe.testing.watching import InterruptingProgress


@DECOMPOSER()
def progress_is_well_formed(decomposer: Subject) -> None:
    """What a fit reports fits together: no negative steps, never more than the total, every task closed."""
    _, progress, _ = watched(decomposer)
    require(not progress.faults, " ".join(progress.faults))


@DECOMPOSER()
def ctrl_c_ends_the_fit(decomposer: Subject) -> None:
    """A KeyboardInterrupt that comes up while it reports goes through."""
    _, progress, _ = watched(decomposer)
    for at in sorted({1, progress.heard // 2, progress.heard} - {0}):
        interrupting = InterruptingProgress(at)
        try:
            fit(decomposer, planted().rows, progress=interrupting)
        except KeyboardInterrupt:
            continue
        require(not interrupting.interrupted, "A KeyboardInterrupt that came up while it reported was swallowed.")


@DECOMPOSER()
def fits_say_nothing(decomposer: Subject) -> None:
    """A fit prints nothing and warns of nothing; what there is to say is in its diagnostics."""
    _, _, said = watched(decomposer)
    require(not said.printed.strip(), f"A fit printed: {said.words}")
    require(not said.warnings, f"A fit warned past its diagnostics: {said.words}")
