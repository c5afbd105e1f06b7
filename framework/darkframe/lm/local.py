"""A source made of three things on disk: a transformers model folder, a SAELens folder and a text file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from darkframe.interfaces import PublishedFigures, SourceContext
from darkframe.lm.folders import FolderModel, FolderSae
from darkframe.lm.source import ModelSource

if TYPE_CHECKING:
    from darkframe.lm.params import RowParams, UseParams
    from darkframe.lm.parts import Text


@dataclass(frozen=True)
class LocalFiles:
    """Where a local source's parts lie.

    Attributes:
        model: Folder of a transformers causal language model with its tokenizer.
        sae: Folder saved by SAELens.
        name: What to call the model where the SAE's folder does not name it.
        figures: What the SAE's publisher measured, if known.
    """

    model: Path
    sae: Path
    name: str = ""
    figures: PublishedFigures | None = None


class LocalSource(ModelSource):
    """Activations of a local model at its SAE's site.

    Args:
        files: Where the parts lie.
        text: The text, from ``darkframe.lm.texts.open_text``.
        context: From the framework.
        rows: How documents fill rows.
        use: What differs from the SAE's own metadata.
        dtype: What the model computes in.
    """

    def __init__(
        self,
        files: LocalFiles,
        text: Text,
        context: SourceContext,
        *,
        rows: RowParams | None = None,
        use: UseParams | None = None,
        dtype: str = "float32",
    ) -> None:
        model, sae = FolderModel(files.model, files.name, dtype), FolderSae(files.sae, files.figures)
        super().__init__(model, sae, text, context, rows=rows, use=use)
