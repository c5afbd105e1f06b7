"""Fits for the checks: what a clusterer gives, or how it refuses."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from darkframe.errors import DarkframeError, PluginError
from darkframe.interfaces import Assignment, Clustering
from darkframe.numerics.clusterings import clustering_fault, values_fault
from darkframe.testing.checks import require
from darkframe.testing.clusterers.planted import loose_groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from darkframe.testing.subject import Subject


def learned(model: Any, method: str, vectors: NDArray[Any], context: Any) -> Clustering:
    """What ``fit`` or ``partial_fit`` of a clusterer gives, seen to be a clustering."""
    with _unwarned():
        clustering = getattr(model, method)(vectors, context)
    require(
        isinstance(clustering, Clustering), f"{method}() gave a {type(clustering).__name__}, expected a darkframe.Clustering."
    )
    assert isinstance(clustering, Clustering)
    return clustering


def fitted(clusterer: Subject, vectors: NDArray[Any], **context: Any) -> Clustering:
    """What a fresh one makes of vectors."""
    return learned(clusterer.make(), "fit", vectors, clusterer.context(**context))


def plain(clusterer: Subject) -> Clustering:
    """What a fresh one makes of ``loose_groups``, fitted once for all checks that only look at it."""
    return clusterer.once("a fit of loose groups", lambda: fitted(clusterer, loose_groups()))


def model_of(clusterer: Subject, vectors: NDArray[Any], **context: Any) -> tuple[Any, Clustering]:
    """A fresh one, fitted, and what it gave."""
    model = clusterer.make()
    return model, learned(model, "fit", vectors, clusterer.context(**context))


def predicted(model: Any, vectors: NDArray[Any]) -> Assignment:
    """What ``predict`` gives, seen to be an assignment."""
    with _unwarned():
        assignment = model.predict(vectors)
    require(isinstance(assignment, Assignment), f"predict() gave a {type(assignment).__name__}, expected a darkframe.Assignment.")
    assert isinstance(assignment, Assignment)
    return assignment


def clustered_or_refused(clusterer: Subject, vectors: NDArray[Any], what: str) -> None:
    """See that vectors get a sound clustering, or a ``DarkframeError`` that says why not."""
    refusal(f"fit() of {what}", _sound, clusterer, vectors, what)


def _sound(clusterer: Subject, vectors: NDArray[Any], what: str) -> None:
    clustering = fitted(clusterer, vectors)
    fault = clustering_fault(clustering, len(vectors)) or values_fault(clustering)
    require(not fault, f"The clustering of {what} is unsound: {fault}.")


def refusal(what: str, ask: Callable[..., object], *given: Any) -> DarkframeError | None:
    """The error that something is refused with, seen to be darkframe's own and to say something; None where it is not refused.

    Raises:
        PluginError: It failed in another way.
    """
    try:
        with _unwarned():
            ask(*given)
    except PluginError:  # what a check found, or the plugin says of itself
        raise
    except DarkframeError as error:
        require(len(str(error).split()) > 2, f"{what} raised a {type(error).__name__} that says nothing but {str(error)!r}.")
        return error
    except Exception as error:
        raise PluginError(
            f"{what} raised {_said(error)}.",
            hint="Raise an error of darkframe.errors with a sentence that says what is wrong and what to do.",
        ) from error
    return None


def refused(kind: type[DarkframeError], what: str, ask: Callable[..., object], *given: Any) -> DarkframeError:
    """The error that something is refused with.

    Raises:
        PluginError: It is not refused, or with an error of another kind.
    """
    error = refusal(what, ask, *given)
    require(error is not None, f"{what} was accepted, expected {_name(kind)}.")
    require(isinstance(error, kind), f"{what} raised {type(error).__name__} ({error}), expected {_name(kind)}.")
    assert error is not None
    return error


def refused_as_not_finite(what: str, ask: Callable[..., object], *given: Any) -> None:
    """See that vectors with NaN or infinite values are refused with an error that says so."""
    error = refused(DarkframeError, what, ask, *given)
    said = str(error).lower()
    require(
        any(word in said for word in ("nan", "infinit", "finite")),
        f"{what} raised {error!r}, which does not say that the vectors hold NaN or infinite values.",
    )


def _said(error: Exception) -> str:
    text = shorten(" ".join(str(error).split()), 200, placeholder=" …").rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _name(kind: type[DarkframeError]) -> str:
    return "a darkframe error with a sentence" if kind is DarkframeError else f"a {kind.__name__} with a sentence"


@contextmanager
def _unwarned() -> Iterator[None]:
    """Warnings are one check's concern, and no other's, even where pytest makes errors of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
