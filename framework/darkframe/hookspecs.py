"""The hooks a plugin can implement. Each docstring is a complete plugin (the tests run them).

Every hook is given ``api``, the version of the contracts that this darkframe speaks (``darkframe.API_VERSION``), so that a plugin
can offer what fits it. As with any argument of a hook, an implementation may leave it out.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from darkframe.plugin import ClustererInfo, DecomposerInfo, SourceInfo

hookspec = pluggy.HookspecMarker("darkframe")
hookimpl = pluggy.HookimplMarker("darkframe")


@hookspec
def darkframe_sources(api: int) -> Iterable[SourceInfo]:  # type: ignore[empty-body]
    """Say which sources this plugin offers.

    Args:
        api: Version of the contracts that this darkframe speaks.

    Example:
        ```python
        import darkframe

        @darkframe.hookimpl
        def darkframe_sources():
            yield darkframe.SourceInfo(name="my-model", target="my_package.source:MySource", summary="Activations of my model.")
        ```
    """


@hookspec
def darkframe_decomposers(api: int) -> Iterable[DecomposerInfo]:  # type: ignore[empty-body]
    """Say which decomposers this plugin offers.

    Args:
        api: Version of the contracts that this darkframe speaks.

    Example:
        ```python
        import darkframe

        @darkframe.hookimpl
        def darkframe_decomposers():
            yield darkframe.DecomposerInfo(name="my-ica", target="my_package.ica:MyICA", summary="Another ICA.")
        ```
    """


@hookspec
def darkframe_clusterers(api: int) -> Iterable[ClustererInfo]:  # type: ignore[empty-body]
    """Say which clusterers this plugin offers.

    Args:
        api: Version of the contracts that this darkframe speaks.

    Example:
        ```python
        import darkframe

        @darkframe.hookimpl
        def darkframe_clusterers():
            yield darkframe.ClustererInfo(name="my-kmeans", target="my_package.kmeans:MyKMeans", summary="k-means on the sphere.")
        ```
    """
