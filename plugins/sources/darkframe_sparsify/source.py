"""The sources: which model, which SAE, which text."""

from __future__ import annotations

from dataclasses import dataclass

from darkframe.errors import ParameterError
from darkframe.hub import Advice, Repository
from darkframe.interfaces import SourceContext
from darkframe.lm.hub_model import named_folder, open_model
from darkframe.lm.source import ModelSource
from darkframe.lm.texts import OPENWEBTEXT, open_text
from darkframe_sparsify.config import Training, parse_training
from darkframe_sparsify.places import FolderPlace, HubPlace, Place
from darkframe_sparsify.plugin import Pythia70mParams, Pythia410mParams, SparsifyParams
from darkframe_sparsify.sae import SparsifySae


@dataclass(frozen=True)
class Release:
    """SAEs that a source of its own opens.

    Attributes:
        source: The source's name.
        sae: Their repository.
        hookpoint: Pattern of their hook points, with ``{layer}``.
        layer: The one read by default.
        training: How they were trained.
    """

    source: str
    sae: str
    hookpoint: str
    layer: int
    training: Training


def _by_eleuther(model: str) -> Training:
    """EleutherAI's Pythia SAEs, by their model cards: 8.2 billion tokens of the Pile at a context length of 2,049.

    These are Pythia's own training rows, 2,048 inputs and the last one's target: whole documents with EOS between them, cut
    anywhere, and no BOS.
    """
    return Training("the SAEs' model card", model, None, 2048, bos=False)


PYTHIA_70M = Release("pythia-70m", "EleutherAI/sae-pythia-70m-32k", "layers.{layer}", 3, _by_eleuther("EleutherAI/pythia-70m"))
PYTHIA_410M = Release(
    "pythia-410m", "EleutherAI/sae-pythia-410m-65k", "layers.{layer}.mlp", 12, _by_eleuther("EleutherAI/pythia-410m")
)


class SparsifySource(ModelSource):
    """Activations at the site of an SAE that was trained with sparsify.

    Args:
        params: See ``SparsifyParams``.
        context: From the framework.

    Raises:
        ParameterError: No SAE is named, or nothing says of which model it is.
    """

    def __init__(self, params: SparsifyParams, context: SourceContext) -> None:
        if not params.sae:
            raise ParameterError("source.sae is not set.", hint="Set it to a repository of SAEs on the hub, or to a folder.")
        self._assemble(params, context, "sparsify", _place("sparsify", params.sae, params.hookpoint, params, context), None)

    def _assemble(
        self, params: SparsifyParams, context: SourceContext, source: str, place: Place, known: Training | None
    ) -> None:
        """Put the parts together; ``known`` is how the SAE was trained, where its files do not say so."""
        training = known or parse_training(place.run)
        name = params.model or training.model
        if name is None:
            raise ParameterError("Nothing says of which model the SAE is.", hint="Set source.model to a repository or a folder.")
        command = _command(source, params)
        advice = Advice(_fetching(command, params), "source.model=./FOLDER")
        revision = params.revision or (training.revision if params.model is None else None)
        model = open_model(name, context.progress, revision=revision, dtype=params.dtype, advice=advice)
        sae = SparsifySae(place, model, training, named=params.hook_point is not None)
        text = open_text(params, OPENWEBTEXT, context, advice=Advice(command))
        super().__init__(model, sae, text, context, rows=params, use=params)


class _ReleasedSource(SparsifySource):
    """One of EleutherAI's releases."""

    def __init__(self, params: Pythia70mParams | Pythia410mParams, context: SourceContext, release: Release) -> None:
        if params.layer is not None and params.hookpoint is not None:
            raise ParameterError("source.layer and source.hookpoint are both set.", hint="Set one of them.")
        layer = release.layer if params.layer is None else params.layer
        hookpoint = params.hookpoint or release.hookpoint.format(layer=layer)
        place = _place(release.source, params.sae or release.sae, hookpoint, params, context)
        known = release.training if params.sae is None or place.run is None else None
        self._assemble(params, context, release.source, place, known)


class Pythia70mSource(_ReleasedSource):
    """Pythia-70M and EleutherAI's SAEs on its layers, MLPs and attention.

    Args:
        params: See ``Pythia70mParams``.
        context: From the framework.
    """

    def __init__(self, params: Pythia70mParams, context: SourceContext) -> None:
        super().__init__(params, context, PYTHIA_70M)


class Pythia410mSource(_ReleasedSource):
    """Pythia-410M and EleutherAI's SAEs on its MLPs.

    Args:
        params: See ``Pythia410mParams``.
        context: From the framework.
    """

    def __init__(self, params: Pythia410mParams, context: SourceContext) -> None:
        super().__init__(params, context, PYTHIA_410M)


def _place(source: str, sae: str, hookpoint: str | None, params: SparsifyParams, context: SourceContext) -> Place:
    folder = named_folder(sae, "source.sae")
    if folder is None:
        repository = Repository(sae, revision=params.sae_revision or "main")
        return HubPlace(
            repository, hookpoint, context.progress, Advice(_fetching(_command(source, params), params), "source.sae=./FOLDER")
        )
    if params.sae_revision is not None:
        raise ParameterError("source.sae is a folder, which has no revision.", hint="Leave source.sae_revision out.")
    return FolderPlace(folder, hookpoint)


def _command(source: str, params: SparsifyParams) -> str:
    """The command that downloads the model and the SAE that these parameters name."""
    return _with("darkframe fetch --source " + source, params, ("layer", "hookpoint", "sae", "sae_revision", "model", "revision"))


def _fetching(command: str, params: SparsifyParams) -> str:
    """The same, with what the user set of the text."""
    return _with(command, params, ("text", "text_config", "text_split", "text_revision"))


def _with(command: str, params: SparsifyParams, names: tuple[str, ...]) -> str:
    given = [f"--set source.{name}={value}" for name in names if (value := getattr(params, name, None)) is not None]
    return " ".join([command, *given])
