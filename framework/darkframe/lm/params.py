"""Parameters that language-model sources share; a plugin's params dataclass inherits those it offers.

Light: imported wherever plugins are listed.
"""

from __future__ import annotations

from dataclasses import dataclass

from darkframe.plugin import param


@dataclass(frozen=True)
class TextParams:
    """Which text is read."""

    text: str | None = param(
        None,
        help="The text: path of a .txt, .jsonl or .parquet file or of a folder of .parquet files, 'heldout' (the prose that "
        "ships with darkframe), or the name of a Hugging Face data set, such as owner/name; None: the source's own.",
        may_be="folder",
    )
    text_field: str = param("text", help="Name of the text in a record: the field of a .jsonl file, the column of a data set.")
    text_config: str | None = param(None, help="Which configuration of the data set; None: its only or default one.")
    text_split: str | None = param(None, help="Which split of the data set; None: train.")
    text_revision: str | None = param(None, help="Branch, tag or commit of the data set; None: its main branch.")


@dataclass(frozen=True)
class RowParams:
    """How documents fill the model's input rows."""

    packing: str = param(
        "packed",
        help="How documents fill rows: packed as SAELens does, split by document, or truncate (first tokens of each only).",
        choices=("packed", "split", "truncate"),
    )
    batch_size: int = param(32, help="Rows in a batch.", ge=1, le=4096, unit="rows")
    context_size: int | None = param(
        None, help="Tokens in a row, BOS included; None: as the SAE was trained.", ge=2, unit="tokens"
    )


@dataclass(frozen=True)
class UseParams:
    """How the SAE is used, where that shall differ from what its own metadata say."""

    hook_point: str | None = param(None, help="Site to read, such as blocks.6.hook_resid_pre; None: the SAE's own.")
    bos: bool | None = param(None, help="Whether rows begin with BOS; None: as the SAE was trained.")
    centre: bool | None = param(
        None,
        help="Whether activations lose their mean over d_model (centred writing weights); None: as the SAE was trained.",
    )


@dataclass(frozen=True)
class DtypeParams:
    """What the model computes in."""

    dtype: str = param(
        "float32",
        help="What the model computes in; activations, codes and residuals are float32 either way.",
        choices=("float32", "bfloat16"),
    )
