"""The shipped model, SAE and held-out text, opened as any local ones are."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from darkframe.errors import DataError
from darkframe.interfaces import SourceContext
from darkframe.lm.local import LocalFiles, LocalSource
from darkframe_tiny.plugin import TinyParams


class TinySource(LocalSource):
    """A small GPT-2 and its SAE over held-out prose.

    Args:
        params: See ``TinyParams``. ``assets`` names another folder with ``model/``, ``sae/`` and ``heldout.jsonl.gz``.
        context: From the framework.

    Raises:
        DataError: The assets folder is missing.
    """

    def __init__(self, params: TinyParams, context: SourceContext) -> None:
        assets = Path(params.assets).expanduser() if params.assets else Path(str(files("darkframe_tiny"))) / "assets"
        if not (assets / "model").is_dir():
            raise DataError(
                f"The folder {assets} holds no model/ folder.", hint="Expected model/, sae/ and heldout.jsonl.gz in it."
            )
        text = Path(params.text).expanduser() if params.text else assets / "heldout.jsonl.gz"
        super().__init__(
            LocalFiles(assets / "model", assets / "sae", text, params.text_field, name="tiny"),
            context,
            packing=params.packing,
            batch_size=params.batch_size,
            context_size=params.context_size,
        )
