"""The shipped model and SAE, opened as any local ones are."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from darkframe.errors import DataError, ParameterError
from darkframe.hub import Advice
from darkframe.interfaces import SourceContext
from darkframe.lm.folders import read_figures
from darkframe.lm.local import LocalFiles, LocalSource
from darkframe.lm.texts import HELDOUT, open_text
from darkframe_tiny.checkpoints import CheckpointSae, checkpoint_file
from darkframe_tiny.plugin import TinyParams


class TinySource(LocalSource):
    """A small GPT-2 and its SAE over held-out prose.

    Args:
        params: See ``TinyParams``. ``assets`` names another folder with ``model/`` and ``sae/``, and perhaps its own
            ``heldout.jsonl.gz`` and ``metrics.json``; ``checkpoint`` one of its ``checkpoints/``.
        context: From the framework.

    Raises:
        ParameterError: ``assets`` is no such folder, or has no such checkpoint.
        DataError: The shipped one is missing.
    """

    def __init__(self, params: TinyParams, context: SourceContext) -> None:
        assets = _assets(params.assets)
        own, figures = assets / "heldout.jsonl.gz", read_figures(assets / "metrics.json", "the model card")
        super().__init__(
            LocalFiles(assets / "model", assets / "sae", name="tiny", figures=figures),
            open_text(params, str(own) if own.is_file() else HELDOUT, context, advice=Advice("darkframe fetch --source tiny")),
            context,
            rows=params,
            use=params,
            dtype=params.dtype,
        )
        if params.checkpoint != "final":
            self._sae_part = CheckpointSae(assets / "sae", checkpoint_file(assets, params.checkpoint))

    def lacks(self) -> Mapping[str, str]:
        """Nothing; a checkpoint has no encoder."""
        return {"encoder": self._sae_part.why_not} if isinstance(self._sae_part, CheckpointSae) else {}


def _assets(given: Path | None) -> Path:
    if given is None:
        shipped = Path(str(files("darkframe_tiny"))) / "assets"
        if not (shipped / "model").is_dir():
            raise DataError(f"The shipped model is missing from {shipped}.", hint="Install darkframe again.")
        return shipped
    folder = Path(given).expanduser()
    if not (folder / "model").is_dir():
        raise ParameterError(f"source.assets: {folder} holds no model/ folder.", hint="Expected model/ and sae/.")
    return folder
