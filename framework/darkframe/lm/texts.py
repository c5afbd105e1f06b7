"""Which text a source reads: from what the user set to something that gives documents."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from darkframe.errors import ParameterError
from darkframe.interfaces import SourceContext
from darkframe.lm.params import TextParams
from darkframe.lm.parts import Text
from darkframe.lm.text import TextFile

HELDOUT = "heldout"


def shipped_text() -> Path:
    """The held-out prose that ships with darkframe, as gzipped JSON lines."""
    return Path(str(files("darkframe"))) / "texts" / "heldout.jsonl.gz"


def open_text(params: TextParams, default: str, context: SourceContext) -> Text:
    """The text that the parameters name.

    Args:
        params: What the user set.
        default: The source's own text, in the same words as ``params.text``.
        context: From the framework.

    Raises:
        ParameterError: No such text, or of a kind that is not read.
    """
    name = params.text or default
    if name == HELDOUT:
        return TextFile(shipped_text(), params.text_field)
    path = Path(name).expanduser()
    if path.suffix or path.exists():
        return TextFile(path, params.text_field)
    raise ParameterError(f"source.text: {name!r} is no text.", hint="Expected the path of a .txt or .jsonl file, or 'heldout'.")
