"""Checks that a source gives what it declares, and refuses what it lacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from darkframe.errors import DataError, UserError
from darkframe.interfaces import Partial, Source
from darkframe.testing.checks import require
from darkframe.testing.kit import OPENS, SOURCE
from darkframe.testing.sources.reading import first_batches, lacking
from darkframe.testing.subject import Subject

PARTS = ("activations", "dictionary", "encoder", "unembedding", "text")
"""What a source may lack."""


@SOURCE(OPENS)
def what_it_declares_is_given(plugin: Subject) -> None:
    """Capabilities that it declares and, as it is set, does not lack are given; what is not declared is refused, or None.

    A source that gives everything may have no unembedding for a site off the residual stream (``Source.unembedding``).
    """
    declared, source = set(getattr(plugin.found.info, "capabilities", ())), plugin.source
    require(declared <= set(PARTS) - {"encoder"}, f"It declares {sorted(declared)}; expected some of {sorted(PARTS)}.")
    partial = bool(getattr(plugin.found.info, "partial", False))
    require(not partial or isinstance(source, Partial), "It declares partial=True, but has no lacks().")
    given = declared - set(lacking(source))
    for part, ask in _parts(source).items():
        if part not in declared:
            _require_refusal(part, ask, "it does not declare")
        elif part in given:
            try:
                first_batches(plugin) if part == "activations" else ask()
            except (UserError, DataError) as error:
                require(False, f"It declares {part} and does not lack it, but says: {error}")
    unembedding = "unembedding" in given and (partial or "resid" in source.card().hook_point)
    if unembedding or "unembedding" not in declared:
        is_there = source.unembedding() is not None
        require(is_there or not unembedding, "It declares an unembedding, but unembedding() is None.")
        require(unembedding or not is_there, "There is an unembedding, which it does not declare.")


@SOURCE("lacks")
def what_it_lacks_is_refused(plugin: Subject) -> None:
    """Parts that ``lacks()`` names, each with what to do, are not given: asking fails in a sentence, unembedding() is None."""
    source = plugin.source
    lacks: Mapping[str, str] = source.lacks()
    require(set(lacks) <= set(PARTS), f"lacks() names {sorted(set(lacks) - set(PARTS))}; expected some of {sorted(PARTS)}.")
    require(
        all(isinstance(words, str) and words.strip() for words in lacks.values()), "lacks() says nothing of what to do about it."
    )
    for part, ask in _parts(source).items():
        if part in lacks:
            _require_refusal(part, ask, "lacks() denies")
    if "encoder" in lacks and "dictionary" not in lacks:
        _require_refusal("encoder", lambda: source.dictionary().encode(source.dictionary().W_dec[:1]), "lacks() denies")
    require("unembedding" not in lacks or source.unembedding() is None, "There is an unembedding, which lacks() denies.")


def _parts(source: Source) -> dict[str, Callable[[], object]]:
    return {
        "activations": lambda: (source.available_tokens(), next(iter(source.batches()), None)),
        "dictionary": lambda: source.dictionary().W_dec,
    }


def _require_refusal(what: str, ask: Callable[[], object], why: str) -> None:
    try:
        ask()
    except (UserError, DataError):
        return
    except Exception as error:
        refuse = "expected a UserError or DataError"
        require(False, f"Asking for the {what}, which {why}, ends in {type(error).__name__}; {refuse}.")
    require(False, f"The {what} is given, which {why}.")
