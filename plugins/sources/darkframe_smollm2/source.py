"""SmolLM2 from its package, the shipped SAE, and a text."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from darkframe.errors import DataError
from darkframe.interfaces import SourceContext
from darkframe.lm.folders import FolderSae, read_figures
from darkframe.lm.source import ModelSource
from darkframe.lm.texts import HELDOUT, open_text
from darkframe_smollm2.model import PackagedModel
from darkframe_smollm2.plugin import SmolLM2Params


class SmolLM2Source(ModelSource):
    """SmolLM2-135M-Instruct and an SAE of its middle layer, over held-out prose or another text.

    The model's file is converted once, into the cache; see ``PackagedModel``.

    Args:
        params: See ``SmolLM2Params``.
        context: From the framework.

    Raises:
        DataError: The shipped SAE is missing.
    """

    def __init__(self, params: SmolLM2Params, context: SourceContext) -> None:
        assets = Path(str(files("darkframe_smollm2"))) / "assets"
        if not (assets / "sae").is_dir():
            raise DataError(f"The shipped SAE is missing from {assets}.", hint="Install darkframe again.")
        given = params.gguf.expanduser() if params.gguf else None
        super().__init__(
            PackagedModel(given, context, params.dtype),
            FolderSae(assets / "sae", read_figures(assets / "metrics.json", "the SAE's card")),
            open_text(params, HELDOUT, context),
            context,
            rows=params,
            use=params,
        )
