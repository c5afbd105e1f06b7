"""The shipped model, SAE and held-out text, opened as any local ones are."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from darkframe.errors import DataError, ParameterError
from darkframe.interfaces import SourceContext
from darkframe.lm.local import LocalFiles, LocalSource
from darkframe_tiny.plugin import TinyParams


class TinySource(LocalSource):
    """A small GPT-2 and its SAE over held-out prose.

    Args:
        params: See ``TinyParams``. ``assets`` names another folder with ``model/``, ``sae/`` and ``heldout.jsonl.gz``.
        context: From the framework.

    Raises:
        ParameterError: ``assets`` is no such folder.
        DataError: The shipped one is missing.
    """

    def __init__(self, params: TinyParams, context: SourceContext) -> None:
        assets = _assets(params.assets)
        text = Path(params.text).expanduser() if params.text else assets / "heldout.jsonl.gz"
        super().__init__(
            LocalFiles(assets / "model", assets / "sae", text, params.text_field, name="tiny"),
            context,
            packing=params.packing,
            batch_size=params.batch_size,
            context_size=params.context_size,
        )


def _assets(given: str | None) -> Path:
    if given is None:
        shipped = Path(str(files("darkframe_tiny"))) / "assets"
        if not (shipped / "model").is_dir():
            raise DataError(f"The shipped model is missing from {shipped}.", hint="Install darkframe again.")
        return shipped
    folder = Path(given).expanduser()
    if not (folder / "model").is_dir():
        raise ParameterError(
            f"source.assets: {folder} holds no model/ folder.", hint="Expected model/, sae/ and heldout.jsonl.gz."
        )
    return folder
