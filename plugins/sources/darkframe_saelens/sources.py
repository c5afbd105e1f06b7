"""The sources ``gpt2-jb`` and ``saelens``: SAELens's SAE, its model and a text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from darkframe.errors import DataError, ParameterError
from darkframe.hub import Advice
from darkframe.interfaces import SourceContext
from darkframe.lm.settings import CONFIG_FILE, SaeSettings
from darkframe.lm.source import ModelSource
from darkframe.lm.texts import OPENWEBTEXT, open_text
from darkframe_saelens.backends import Choice, choose
from darkframe_saelens.directory import Published, find
from darkframe_saelens.models import LaterModel, LocalModel, NamedModel
from darkframe_saelens.plugin import Gpt2Params, SaeLensParams
from darkframe_saelens.saes import Adapt, HubSae, LocalSae

if TYPE_CHECKING:
    from darkframe.lm.parts import ModelPart

Choose = Callable[[SaeSettings], Choice]

RELEASE = "gpt2-small-res-jb"
GPT2 = "gpt2-small"
SITES = (*(f"blocks.{layer}.hook_resid_pre" for layer in range(12)), "blocks.11.hook_resid_post")
"""The release's 13 SAEs, by ``source.layer``."""

FOLDERS = "source.model=FOLDER and source.sae=FOLDER"


class Gpt2Source(ModelSource):
    """GPT-2 small at a site on its residual stream, with the release ``gpt2-small-res-jb``.

    Its SAEs were trained on centred writing weights: activations are the stream less its mean over d_model. Rows are BOS-led,
    of 128 tokens.

    Args:
        params: See ``Gpt2Params``.
        context: From the framework.
    """

    def __init__(self, params: Gpt2Params, context: SourceContext) -> None:
        published = find(RELEASE, SITES[params.layer])
        advice = Advice("darkframe fetch --source gpt2-jb", FOLDERS)

        def choice(settings: SaeSettings) -> Choice:
            return choose(params.model or GPT2, params.backend, settings, GPT2)

        sae: HubSae | LocalSae
        if params.sae is None:
            sae = HubSae(published, params.sae_revision, _adapting(choice), advice, context.progress)
        else:
            _unpinned("source.sae", "source.sae_revision", params.sae_revision)
            sae = _Copy(sae_folder(params.sae, published), published, _adapting(choice))
        model = LaterModel(lambda: _model(choice(sae.settings), params, context, advice))
        text = open_text(params, OPENWEBTEXT, context, advice=advice)
        super().__init__(model, sae, text, context, rows=params, use=params)


class SaeLensSource(ModelSource):
    """Any SAE that SAELens opens, in its model.

    Args:
        params: See ``SaeLensParams``.
        context: From the framework.

    Raises:
        ParameterError: No SAE is named, or the release or the SAE in it is unknown.
    """

    def __init__(self, params: SaeLensParams, context: SourceContext) -> None:
        published = find(params.release, params.sae_id) if params.release else None
        names = "".join(f" --set source.{name}={value}" for name in ("release", "sae_id") if (value := getattr(params, name)))
        advice = Advice(f"darkframe fetch --source saelens{names}", FOLDERS)

        def choice(settings: SaeSettings) -> Choice:
            return choose(params.model, params.backend, settings)

        sae: HubSae | LocalSae
        if params.sae is not None:
            _unpinned("source.sae", "source.sae_revision", params.sae_revision)
            sae = LocalSae(sae_folder(params.sae, published), published, _adapting(choice))
        elif published is not None:
            sae = HubSae(published, params.sae_revision, _adapting(choice), advice, context.progress)
        else:
            raise ParameterError(
                "The source saelens needs an SAE.",
                hint="Set source.release and source.sae_id, or source.sae to a folder saved by SAELens.",
            )
        model = LaterModel(lambda: _model(choice(sae.settings), params, context, advice))
        text = open_text(params, OPENWEBTEXT, context, advice=advice)
        super().__init__(model, sae, text, context, rows=params, use=params)


class _Copy(LocalSae):
    """A folder that should hold a certain SAE of a release."""

    def __init__(self, folder: Path, published: Published, adapt: Adapt) -> None:
        def same(settings: SaeSettings) -> SaeSettings:
            if settings.hook_name != published.sae_id:
                raise DataError(
                    f"The SAE in {folder} reads {settings.hook_name}, not {published.sae_id}.",
                    hint="Set source.layer to the folder's site.",
                )
            return adapt(settings)

        super().__init__(folder, published, same)


def sae_folder(given: Path, published: Published | None) -> Path:
    """The SAE's folder: the one given, or the one in it that the release calls the SAE by.

    Raises:
        ParameterError: Neither holds an SAE.
    """
    folder = Path(given).expanduser()
    inner = [folder / published.path] if published else []
    for place in (folder, *inner):
        if (place / CONFIG_FILE).is_file():
            return place
    expected = f"{CONFIG_FILE} in it" + (f", or in {published.path}/ in it" if published else "")
    raise ParameterError(f"source.sae: there is no SAE in {folder}.", hint=f"Expected {expected}.")


def _adapting(choice: Choose) -> Adapt:
    return lambda settings: choice(settings).adapt(settings)


def _model(choice: Choice, params: Gpt2Params | SaeLensParams, context: SourceContext, advice: Advice) -> ModelPart:
    if choice.folder is not None:
        _unpinned("source.model", "source.revision", params.revision)
        return LocalModel(choice, params.dtype)
    return NamedModel(choice, params.dtype, params.revision, advice, context.progress)


def _unpinned(folder: str, parameter: str, revision: str | None) -> None:
    if revision is not None:
        raise ParameterError(f"{parameter}: {folder} is a folder, which has no revision {revision!r}.", hint="Leave it out.")
