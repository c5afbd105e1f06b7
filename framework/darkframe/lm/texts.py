"""Which text a source reads: from what the user set to something that gives documents."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from darkframe.errors import ParameterError
from darkframe.hub import Advice
from darkframe.interfaces import SourceContext
from darkframe.lm.params import TextParams
from darkframe.lm.parts import Text
from darkframe.lm.text import TextFile
from darkframe.lm.text_hub import DataSet, HubText
from darkframe.lm.text_parquet import ParquetText

HELDOUT = "heldout"

OPENWEBTEXT = DataSet("Skylion007/openwebtext", "79d93d786212f7344586290adb811d4ae6a1762c", "plain_text", "train", "text")
"""OpenWebText from the repository that its readers have always named, at a commit that others pin, too.

There the loading script of old (refused by ``datasets`` since 4.0; its removal was proposed in September 2025) has given way to
Parquet: configuration ``plain_text``, one split, ``plain_text/train-00000-of-00080.parquet`` to ``-00079-``, 8,013,769 documents
in the column ``text``, CC0. The first shard has 302,848,326 bytes, 100,173 documents in 101 row groups, and the SHA-256
caed9f4b7053d7cd4d1a13ce9ec9224d84a3bba1f11579193562a7e31ebe656e: several public projects record the same of this commit.

The commit is pinned, so that a run's numbers do not change when the repository does, and nothing has to be asked to know which
text is meant. ``refs/convert/parquet`` is no better: for years it held the beginning only, under other names.
"""

_DATA_SET = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9_][\w.-]*")
_TEXT_SUFFIXES = {".txt", ".jsonl", ".parquet", ".gz", ".json", ".csv", ".tsv", ".md", ".arrow", ".zst"}
_WILD = re.compile(r"[*?\[]")


def shipped_text() -> Path:
    """The held-out prose that ships with darkframe, as gzipped JSON lines."""
    return Path(str(files("darkframe"))) / "texts" / "heldout.jsonl.gz"


def open_text(params: TextParams, default: str | DataSet, context: SourceContext, *, advice: Advice = Advice()) -> Text:  # noqa: B008
    """The text that the parameters name; opens and asks nothing yet, but sees that a file exists.

    Args:
        params: What the user set.
        default: The source's own text: a data set, ``"heldout"`` or a path.
        context: From the framework.
        advice: Its ``fetch`` is the command that downloads what the source needs, for error sentences.

    Raises:
        ParameterError: No such text, or a parameter that means nothing for a text of that kind.
        UserError: The file does not exist, or is of a kind that is not read.
    """
    chosen = params.text or default
    if isinstance(chosen, str) and (chosen == HELDOUT or _is_path(chosen)):
        return _local(chosen, params)
    if isinstance(chosen, str) and _DATA_SET.fullmatch(chosen) is None:
        place = Path(chosen).expanduser().absolute()
        raise ParameterError(
            f"source.text: there is no file or folder {place}, and {chosen!r} is no name of a data set.",
            hint="Expected the path of a .txt, .jsonl or .parquet file, 'heldout', or a data set's owner/name.",
        )
    return HubText(_data_set(chosen, params), context, _advice(advice, params))


# ---------------------------------------------------------------- on the hub


def _data_set(chosen: str | DataSet, params: TextParams) -> DataSet:
    """The data set with what the user set of it."""
    base = chosen if isinstance(chosen, DataSet) else DataSet(chosen)
    return DataSet(
        base.name,
        params.text_revision or base.revision,
        params.text_config or base.config,
        params.text_split or base.split,
        base.column if params.text_field == "text" else params.text_field,
    )


def _advice(advice: Advice, params: TextParams) -> Advice:
    """The command, completed with what the user set of the text."""
    names = ("text", "text_config", "text_split", "text_revision")
    given = {name: value for name in names if (value := getattr(params, name)) is not None}
    if params.text_field != "text":
        given["text_field"] = params.text_field
    command = advice.fetch or "darkframe fetch --source NAME"
    return Advice(" ".join([command, *(f"--set source.{name}={value}" for name, value in given.items())]), advice.folder)


# ---------------------------------------------------------------- on this machine


def _is_path(name: str) -> bool:
    """Whether a path is meant: it exists and can be a text, or is written as paths are and data sets are not."""
    path = Path(name).expanduser()
    if path.is_file() or (path.is_dir() and _shards(path)):
        return True
    if name.startswith(("/", ".", "~")) or "\\" in name or _WILD.search(name) or name.count("/") > 1:
        return True
    return path.suffix.lower() in _TEXT_SUFFIXES


def _local(name: str, params: TextParams) -> Text:
    """A file, or several of Parquet; relative paths are made absolute, so that errors name what was looked for."""
    shipped = name == HELDOUT
    path = shipped_text() if shipped else Path(name).expanduser().absolute()
    _refuse(params, "the text that ships with darkframe" if shipped else f"the file {path}", field=not shipped)
    if not shipped and (paths := _parquet(path)):
        return ParquetText(paths, params.text_field, None if path in paths else f"{path.name} ({len(paths)} Parquet files)")
    text = TextFile(path, params.text_field)
    if text.kind == ".txt":
        _refuse(params, f"the file {path}", field=False)
    return text


def _parquet(path: Path) -> list[Path]:
    """The Parquet files that a path names: one, those of a folder, or those that match a pattern; none of other kinds."""
    if path.is_dir():
        found = _shards(path)
        if not found:
            raise ParameterError(
                f"source.text: the folder {path} holds no .parquet files.",
                hint="Of other kinds, a text is one file: .txt or .jsonl, or gzipped .txt.gz or .jsonl.gz.",
            )
        return found
    if _WILD.search(path.name) and not path.exists():
        found = sorted(each for each in path.parent.glob(path.name) if each.suffix.lower() == ".parquet")
        if not found:
            raise ParameterError(f"source.text: no .parquet file matches {path}.", hint="Check the pattern.")
        return found
    return [path] if path.suffix.lower() == ".parquet" else []


def _shards(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.suffix.lower() == ".parquet")


def _refuse(params: TextParams, what: str, *, field: bool) -> None:
    """Refuse what means nothing for a text on this machine.

    Raises:
        ParameterError: It is set.
    """
    names = [name for name in ("text_config", "text_split", "text_revision") if getattr(params, name) is not None]
    if params.text_field != "text" and not field:
        names.append("text_field")
    if names:
        told = f"source.{names[0]}={getattr(params, names[0])} means nothing for {what}."
        raise ParameterError(told, hint="Leave it out, or name another text with source.text.")
