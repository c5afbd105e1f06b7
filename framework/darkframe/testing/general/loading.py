"""Checks that a plugin loads, costs nothing to list, and keeps quiet meanwhile."""

from __future__ import annotations

import inspect

from darkframe.errors import PluginError
from darkframe.interfaces import Clusterer, Decomposer, Source
from darkframe.testing.checks import require
from darkframe.testing.general.importing import entry_import, target_import
from darkframe.testing.kit import GENERAL
from darkframe.testing.subject import Subject

HEAVY = frozenset(
    {
        "numpy",
        "scipy",
        "sklearn",
        "torch",
        "numba",
        "matplotlib",
        "pandas",
        "plotly",
        "transformers",
        "tokenizers",
        "safetensors",
        "datasets",
        "huggingface_hub",
        "pyarrow",
        "polars",
        "jax",
        "tensorflow",
        "cupy",
        "networkx",
        "sympy",
        "seaborn",
        "skimage",
        "cv2",
        "umap",
        "hdbscan",
        "faiss",
        "xgboost",
        "lightgbm",
        "statsmodels",
        "sae_lens",
        "transformer_lens",
        "sparsify",
        "artlib",
    }
)
"""Packages that take long to import; the command lists plugins at every start."""

_CONTRACTS: dict[str, type] = {"source": Source, "decomposer": Decomposer, "clusterer": Clusterer}


@GENERAL()
def it_can_be_loaded(plugin: Subject) -> None:
    """Its target can be imported and is a class with every method of its contract; a missing package has an install hint."""
    try:
        target = plugin.target
    except PluginError as error:
        if isinstance(error.__cause__, ImportError) and not plugin.found.info.install_hint:
            raise PluginError(f"{error.message} Nor does it declare an install_hint that would say what to install.") from error
        raise
    contract = _CONTRACTS[plugin.kind]
    names = [name for name in vars(contract) if not name.startswith("_") and callable(getattr(contract, name))]
    missing = ", ".join(f"{name}()" for name in names if not callable(getattr(target, name, None)))
    require(not missing, f"{target.__name__} has no {missing}, which the contract of a {plugin.kind} asks for.")


@GENERAL()
def it_is_made_from_its_parameters(plugin: Subject) -> None:
    """It is constructed as ``Class(params)``, a source as ``Class(params, context)``; defaults are not refused."""
    arguments = "(params, context)" if plugin.kind == "source" else "(params)"
    given = (plugin.params, plugin.context()) if plugin.kind == "source" else (plugin.params,)
    try:
        inspect.signature(plugin.target).bind(*given)
    except TypeError as error:
        require(False, f"{plugin.target.__name__}{arguments} does not fit its constructor: {error}.")
    if plugin.kind == "source":  # which may need to be told what to open: ``it_opens`` sees to that
        return
    for params, which in ((plugin.found.info.params(), "its default parameters"), (plugin.params, "its parameters")):
        try:
            plugin.target(params)
        except Exception as error:
            said = " ".join(str(error).split()).rstrip(".")
            require(False, f"{plugin.target.__name__}{arguments} refuses {which}: {type(error).__name__}: {said}.")


@GENERAL()
def listing_it_is_light(plugin: Subject) -> None:
    """The module with its hooks, which every start of the command imports, pulls in no numpy, torch or the like."""
    seen = entry_import(plugin)
    require(not seen.fault, f"Importing {seen.name} failed in a new process: {' '.join(seen.fault.split()).rstrip('.')}.")
    heavy = ", ".join(sorted(HEAVY & set(seen.pulled)))
    require(not heavy, f"Importing {seen.name} pulls in {heavy}; import them where they are used, in the module of the target.")


@GENERAL()
def importing_it_says_nothing(plugin: Subject) -> None:
    """Importing the module with its hooks and the module of its target prints nothing and warns of nothing."""
    for seen in (entry_import(plugin), target_import(plugin)):
        words = " ".join(seen.said.split())
        require(not words, f"Importing {seen.name} says: {words[:200]}")
