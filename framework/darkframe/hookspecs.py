"""The hooks a plugin can implement. Each docstring is a complete plugin (the tests run them)."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from darkframe.plugin import ClustererInfo, DecomposerInfo, SourceInfo

hookspec = pluggy.HookspecMarker("darkframe")
hookimpl = pluggy.HookimplMarker("darkframe")


@hookspec
def darkframe_sources() -> Iterable[SourceInfo]:  # type: ignore[empty-body]
    """Say which sources this plugin offers.

    Example:
        ```python
        import darkframe

        @darkframe.hookimpl
        def darkframe_sources():
            yield darkframe.SourceInfo(name="my-model", target="my_package.source:MySource", summary="Activations of my model.")
        ```
    """


@hookspec
def darkframe_decomposers() -> Iterable[DecomposerInfo]:  # type: ignore[empty-body]
    """Say which decomposers this plugin offers.

    Example:
        ```python
        import darkframe

        @darkframe.hookimpl
        def darkframe_decomposers():
            yield darkframe.DecomposerInfo(name="my-ica", target="my_package.ica:MyICA", summary="Another ICA.")
        ```
    """


@hookspec
def darkframe_clusterers() -> Iterable[ClustererInfo]:  # type: ignore[empty-body]
    """Say which clusterers this plugin offers.

    Example:
        ```python
        import darkframe

        @darkframe.hookimpl
        def darkframe_clusterers():
            yield darkframe.ClustererInfo(name="my-kmeans", target="my_package.kmeans:MyKMeans", summary="k-means on the sphere.")
        ```
    """
