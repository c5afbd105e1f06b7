"""What a study needs of its source, seen to before the run begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from darkframe.errors import UserError
from darkframe.interfaces import Partial, Source

DARK_MATTER = ("activations", "dictionary", "encoder")
"""Parts that the dark-matter study needs."""

TAXONOMY = ("dictionary",)
"""Parts that the taxonomy study needs; without an unembedding it leaves out what tokens would say."""

_WORDS: Mapping[str, str] = {
    "activations": "activations",
    "dictionary": "a dictionary",
    "encoder": "a dictionary that encodes",
    "unembedding": "an unembedding",
    "text": "text",
}


def require_parts(source: Source, name: str, study: str, needs: Sequence[str]) -> None:
    """See that a source gives what a study needs.

    Args:
        source: The source; one that has no ``lacks()`` gives everything.
        name: Its name.
        study: What to call the study.
        needs: The parts, as ``lacks()`` names them.

    Raises:
        UserError: It lacks one; says what would give it.
    """
    lacking = source.lacks() if isinstance(source, Partial) else {}
    missing = [part for part in needs if part in lacking]
    if missing:
        words = " and ".join(_WORDS[part] for part in missing)
        raise UserError(
            f"The {study} needs {words}; the source {name!r}, as it is set, has none.",
            hint=" ".join(lacking[part] for part in missing),
        )
