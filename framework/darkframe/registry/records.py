"""A plugin that was found, and a fault that was found with one."""

from __future__ import annotations

import importlib
import logging
from dataclasses import dataclass
from typing import Any

from darkframe.apart import Apart
from darkframe.errors import PluginError
from darkframe.output import captured_output
from darkframe.plugin import PluginInfo

logger = logging.getLogger("darkframe.registry")


LONGEST = 300
"""Characters of foreign text that a sentence quotes."""


@dataclass(frozen=True)
class Problem:
    """A fault of one plugin; everything else works.

    Attributes:
        distribution, version, entry_point: Where it comes from; empty where that is unknown.
        reason: One sentence.
        details: Traceback and captured output, for ``--debug``.
        fatal: Whether something the plugin offers cannot be used because of it.
    """

    distribution: str
    version: str
    entry_point: str
    reason: str
    details: str = ""
    fatal: bool = True

    @property
    def origin(self) -> str:
        """Such as ``my-plugins 1.0, entry point 'ica'``."""
        origin = f"{self.distribution} {self.version}".strip()
        return f"{origin}, entry point {self.entry_point!r}" if self.entry_point else origin


@dataclass(frozen=True)
class Found:
    """One plugin that an installed distribution offers.

    Attributes:
        info: What it declares.
        distribution, version: What it comes from.
        entry_point: The name of its entry point there.
        module: The module that the entry point names, which holds the hooks; empty where that is unknown.
    """

    info: PluginInfo
    distribution: str
    version: str
    entry_point: str
    module: str = ""

    @property
    def kind(self) -> str:
        """``source``, ``decomposer`` or ``clusterer``."""
        return self.info.kind

    @property
    def name(self) -> str:
        """Its bare name."""
        return self.info.name

    @property
    def qualified(self) -> str:
        """``distribution:name``, which no other distribution can claim."""
        return f"{self.distribution}:{self.info.name}"

    def load(self) -> type[Any]:
        """Import the class that does the work.

        Raises:
            PluginError: It cannot be imported (with the plugin's install hint), or the target names no class.
        """
        module_name, _, attribute = self.info.target.partition(":")
        apart = Apart()
        with captured_output() as output:
            apart.enter()
            try:
                target = getattr(importlib.import_module(module_name), attribute, None)
            except KeyboardInterrupt:
                raise
            except ImportError as error:
                raise PluginError(f"{self.title} cannot be loaded: {_sentence(error)}.", hint=self.hint) from error
            except BaseException as error:
                raise PluginError(f"{self.title} cannot be loaded: {fault(error)}.") from error
            finally:
                apart.leave()
        if output.text:
            logger.info("Importing %s printed: %s", module_name, output.text)
        if not isinstance(target, type):
            what = "no" if target is None else "something else than a class as"
            raise PluginError(
                f"{self.title} cannot be loaded: its target is {self.info.target}, but the module has {what} {attribute!r}."
            )
        return target

    @property
    def hint(self) -> str:
        """What to say where something it imports is missing."""
        return f"To install what it needs: {self.info.install_hint}" if self.info.install_hint else ""

    @property
    def title(self) -> str:
        """Such as ``The decomposer 'ica' of my-plugins 1.0``: what a sentence about it begins with."""
        return f"The {self.kind} {self.name!r} of {self.distribution} {self.version}"


def fault(error: BaseException) -> str:
    """``ValueError: what it says`` on one line, shortened where it is long, without a full stop at its end."""
    try:
        text = clipped(" ".join(str(error).split()))
    except Exception:  # foreign exceptions may fail in this too
        text = ""
    return f"{type(error).__name__}: {text}".rstrip(" .:")


def _sentence(error: ImportError) -> str:
    """What an import says is missing, which needs no class name before it."""
    return fault(error).partition(": ")[2] or type(error).__name__


def clipped(text: str) -> str:
    """Foreign text, shortened where it is too long for a sentence."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rstrip()}…"
