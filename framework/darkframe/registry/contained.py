"""Foreign code that is imported or asked what it offers: nothing that it prints, warns of, raises or changes reaches the rest."""

from __future__ import annotations

import io
import locale
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from darkframe.output import captured_output
from darkframe.registry.records import clipped, fault


@dataclass
class Conduct:
    """What foreign code did beside its work.

    Attributes:
        error: What it raised; None where it came through.
        trace: The traceback of that.
        printed: What it printed.
        warned: What it warned of, each as ``Category: message``.
        changed: What it changed in the process and was put back, in words.
    """

    error: BaseException | None = None
    trace: str = ""
    printed: str = ""
    warned: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    @property
    def details(self) -> str:
        """The traceback, the warnings and the output."""
        parts = [self.trace, *self.warned, f"Output:\n{self.printed}" if self.printed else ""]
        return "\n".join(part.rstrip() for part in parts if part)

    def misdeeds(self) -> list[str]:
        """Sentences without their subject, such as ``printed something``."""
        told = ["printed something"] if self.printed else []
        if self.warned:
            more = f" (and {len(self.warned) - 1} more)" if len(self.warned) > 1 else ""
            told.append(f"warned: {clipped(self.warned[0])}{more}")
        if self.changed:
            told.append(f"changed {clipped(' and '.join(self.changed))}; that was put back")
        return told


@contextmanager
def contained(doing: str) -> Iterator[Conduct]:
    """Run foreign code inside; whatever it raises ends the block, and is kept in the ``Conduct``.

    Ctrl-C alone passes, with a word of what was going on: ``doing``, such as ``importing x of the distribution y 1.0``.
    """
    conduct = Conduct()
    before = _Process()
    with warnings.catch_warnings(record=True) as warned, captured_output() as output:
        sys.stdin, stdin = io.StringIO(), sys.stdin  # a question would wait for an answer for ever
        try:
            yield conduct
        except KeyboardInterrupt as error:
            error._darkframe_doing = doing  # type: ignore[attr-defined]
            raise
        except BaseException as error:
            conduct.error, conduct.trace = error, _trace()
        finally:
            sys.stdin = stdin
            conduct.changed = before.restore()
    conduct.printed = output.text
    conduct.warned = [f"{entry.category.__name__}: {' '.join(_said(entry).split())}" for entry in warned or ()]


def _said(entry: warnings.WarningMessage) -> str:
    return fault(entry.message).partition(": ")[2] if isinstance(entry.message, Warning) else str(entry.message)


def _trace() -> str:
    try:
        return traceback.format_exc()
    except Exception:  # an exception that cannot even be shown
        return ""


class _Process:
    """What a plugin that is merely installed has no business changing, as it is now."""

    def __init__(self) -> None:
        self._folder, self._environment, self._locale = _folder(), dict(os.environ), locale.setlocale(locale.LC_ALL)

    def restore(self) -> list[str]:
        """Put everything back; what was changed, in words."""
        changed = []
        if self._folder and _folder() != self._folder:
            with suppress(OSError):
                os.chdir(self._folder)
            changed.append("the working folder")
        if (now := dict(os.environ)) != self._environment:
            names = sorted(name for name in {*now, *self._environment} if now.get(name) != self._environment.get(name))
            for name in names:
                os.environ.pop(name, None) if name not in self._environment else os.environ.update(
                    {name: self._environment[name]}
                )
            changed += [f"the environment variable {name}" for name in names]
        if locale.setlocale(locale.LC_ALL) != self._locale:
            with suppress(locale.Error):
                locale.setlocale(locale.LC_ALL, self._locale)
            changed.append("the locale")
        return changed


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - a string, as chdir takes it
    except OSError:
        return ""
