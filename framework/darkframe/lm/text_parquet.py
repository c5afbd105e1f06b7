"""Documents streamed from Parquet files, one a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkframe.errors import DataError, UserError
from darkframe.interfaces import Fetched
from darkframe.lm.fingerprint import hash_file
from darkframe.lm.text import COUNTED, Document, long_enough

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

ROWS_AT_ONCE = 1024
"""Rows decoded at once: with ``BUFFER``, what bounds memory whatever the size of files and row groups."""

BUFFER = 1 << 20
"""Bytes read from the disk at once."""


class ParquetText:
    """The rows of one column of Parquet files, in order, read as a stream; missing values count as skipped.

    Args:
        paths: The files (at least one), in the order in which they are read.
        column: The column with the text.
        name: What to call the text; None: the file's name.

    Raises:
        UserError: A file does not exist.
    """

    def __init__(self, paths: Sequence[Path], column: str = "text", name: str | None = None) -> None:
        self.paths = tuple(paths)
        self.column = column
        self.name = name or self.paths[0].name
        for path in self.paths:
            if not path.is_file():
                raise UserError(f"The text file {path} does not exist.", hint="Check the path given for the text.")

    def identity(self) -> dict[str, Any]:
        """Hashes of the files, and the column read from them."""
        return {"files": self._hashes, "column": self.column}

    @cached_property
    def _hashes(self) -> list[str]:
        return [hash_file(path) for path in self.paths]

    def details(self) -> dict[str, Any]:
        """The files' names and the column."""
        return {"files": [path.name for path in self.paths], "column": self.column}

    def countable(self) -> bool:
        """Whether the text is small enough to be read twice."""
        return sum(self._size(path) for path in self.paths) <= COUNTED

    def fetched(self) -> Fetched | None:
        """Nothing to download."""
        return None

    def documents(self) -> Iterator[Document | int]:
        """Documents of at least ``SHORTEST`` characters in order; last of all, the number skipped in all files.

        Raises:
            DataError: A damaged file, no such column, or a column of something else than text; file and column are named.
        """
        return long_enough(row for path in self.paths for row in self._rows(path))

    def _size(self, path: Path) -> int:
        """Bytes of the column, uncompressed."""
        with self._open(path) as file:
            self._check(path, file)
            groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
            columns = [group.column(number) for group in groups for number in range(group.num_columns)]
            return sum(int(column.total_uncompressed_size) for column in columns if column.path_in_schema == self.column)

    def _rows(self, path: Path) -> Iterator[tuple[str, str | None]]:
        number = 0
        with self._open(path) as file:
            self._check(path, file)
            batches = file.iter_batches(batch_size=ROWS_AT_ONCE, columns=[self.column], use_threads=False)
            while (batch := self._next(path, batches, number)) is not None:
                for text in batch:
                    yield f"{path.name}:{number}", text
                    number += 1

    def _open(self, path: Path) -> pq.ParquetFile:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return pq.ParquetFile(path, buffer_size=BUFFER, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(path, error) from error

    def _next(self, path: Path, batches: Iterator[pa.RecordBatch], number: int) -> list[str | None] | None:
        """The texts of the next batch; None at the end."""
        import pyarrow as pa

        try:
            batch = next(batches, None)
            return None if batch is None else batch.column(0).to_pylist()
        except UnicodeDecodeError as error:
            raise DataError(
                f"Column {self.column!r} of the text file {path} is not UTF-8 (row {number} or a little later)."
            ) from error
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(path, error) from error

    def _damaged(self, path: Path, error: Exception) -> DataError:
        what = " ".join(str(error).split()).rstrip(".")
        return DataError(f"The text file {path} is damaged or no Parquet file: {what}.", hint="Fetch or write it again.")

    def _check(self, path: Path, file: pq.ParquetFile) -> None:
        """See that there is the column, and that it holds text."""
        schema = file.schema_arrow
        if self.column not in schema.names:
            columns = ", ".join(f"{field.name!r} ({field.type})" for field in schema) or "none"
            raise DataError(
                f"The text file {path} has no column {self.column!r} (its columns: {columns}).",
                hint="Name the one with the text: --set source.text_field=COLUMN.",
            )
        kind = schema.field(self.column).type
        if not _is_text(kind):
            columns = ", ".join(repr(field.name) for field in schema if _is_text(field.type)) or "none"
            raise DataError(
                f"Column {self.column!r} of the text file {path} holds no text but {kind} (columns of text: {columns}).",
                hint="Name the one with the text: --set source.text_field=COLUMN.",
            )


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))
