"""The one family of errors: every message is a clear sentence that names the thing, what was expected and what to do."""

from __future__ import annotations


class DarkframeError(Exception):
    """A failure that darkframe understands; the command prints it without a traceback.

    Attributes:
        exit_code: What the command exits with: 1 for failures, 2 for the user's mistakes.
        hint: What to do next, or an empty string.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UserError(DarkframeError):
    """Something the user asked for cannot be done as asked."""

    exit_code = 2


class UnknownPluginError(UserError):
    """No plugin of that kind has that name, or several distributions claim it."""


class ParameterError(UserError):
    """A parameter is unknown, of the wrong type or out of its range."""


class OutputError(UserError):
    """The output folder exists, is not a run, or cannot be written."""


class WiringError(UserError):
    """The SAE does not belong to the activations it is given, or is not used as it was trained."""


class PluginError(DarkframeError):
    """A plugin could not be loaded, or broke its contract."""


class DataError(DarkframeError):
    """The data cannot be analysed: NaN or infinite activations, no tokens, wrong shapes."""


class OutOfMemoryError(DarkframeError):
    """Memory ran out, of the machine or of its GPU; says what to lower."""


class StoreError(DarkframeError):
    """A run directory or cache entry is damaged, of another version, or could not be written (disk full)."""


class HubError(DarkframeError):
    """Something could not be had from the Hugging Face hub: a damaged download, a full disk, a hub that answers with an error."""


class HubAwayError(HubError):
    """The hub cannot be reached, or may not be asked (offline), and the cache lacks what is needed."""


class GatedRepositoryError(HubError, UserError):
    """The repository's conditions have to be accepted, or a token given."""


class MissingRepositoryError(HubError, UserError):
    """The hub has no repository of that name."""


class MissingRevisionError(HubError, UserError):
    """The repository has no such branch, tag or commit."""


class MissingFileError(HubError, UserError):
    """The repository has no such file."""


def described(value: object) -> str:
    """What a value is, for a sentence that says what was wanted instead: ``a list``, ``an array of float64``, ``None``."""
    name = type(value).__name__
    if name == "ndarray":
        return f"an array of {getattr(value, 'dtype', 'anything')}"
    return "None" if value is None else f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}"
