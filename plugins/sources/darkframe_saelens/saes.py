"""SAEs that SAELens opens: one of a release on the hub, or one in a folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from darkframe.errors import DataError
from darkframe.hub import Advice, Repository, Snapshot, fetch, opened
from darkframe.interfaces import Fetched, PublishedFigures, Usage
from darkframe.lm.folders import FolderSae
from darkframe.lm.quiet import quiet_transformers
from darkframe.lm.settings import CONFIG_FILE, SaeSettings, parse_settings, read_config
from darkframe.progress import Progress
from darkframe_saelens.directory import NATIVE, Published, recognise, sites
from darkframe_saelens.formats import shapes_from_cache, wanted_files

if TYPE_CHECKING:
    from darkframe.lm.sae import SaeDictionary

Adapt = Callable[[SaeSettings], SaeSettings]
"""Changes settings to what the model's backend makes of them."""

LOADING = "model_from_pretrained_kwargs"


class HubSae:
    """An SAE on the hub, opened by SAELens itself with its release's conversion and overrides.

    Args:
        published: Which.
        revision: Branch, tag or commit of its repository.
        adapt: What the model's backend makes of its settings.
        advice: What to tell a user whose machine cannot reach the hub.
        progress: Where to report downloads.
    """

    def __init__(self, published: Published, revision: str | None, adapt: Adapt, advice: Advice, progress: Progress) -> None:
        self.published, self._adapt, self._advice, self._progress = published, adapt, advice, progress
        self._repository = Repository(published.repository, revision=revision or "main")

    @cached_property
    def settings(self) -> SaeSettings:
        """How it wants to be used: its own configuration as SAELens overrides it."""
        from darkframe.lm.sae import check_reconstructs

        config = {**self._config, **self.published.overrides} if self.published.converter == NATIVE else self._config
        settings = parse_settings(config, f"configuration ({self.published})")
        check_reconstructs(settings.architecture)
        return self._adapt(settings)

    def identity(self) -> dict[str, Any]:
        """Repository, commit and path, and what computes with them."""
        return {
            "repository": self._repository.id,
            "commit": self._commit,
            "path": self.published.path,
            "release": self.published.release,
            "sae_id": self.published.sae_id,
            "sae-lens": version("sae-lens"),
        }

    def details(self) -> dict[str, Any]:
        """Release, repository, revision, commit, and the names of the release's SAEs."""
        return {
            "release": self.published.release,
            "sae_id": self.published.sae_id,
            "sites": sites(self.published),
            "repository": self._repository.id,
            "revision": self._repository.revision,
            "commit": self._commit,
            "library": f"sae-lens {version('sae-lens')}",
        }

    def open(self, device: str) -> SaeDictionary:
        """The dictionary, in float32."""
        snapshot = self._whole
        from darkframe.lm.sae import SaeDictionary

        with _reading(self.published, snapshot):
            from sae_lens import SAE

            sae = SAE.from_pretrained(self.published.release, self.published.sae_id, device=device, dtype="float32")
        return SaeDictionary(sae)

    def stated(self) -> tuple[Usage, ...]:
        """What its own configuration says, then SAELens's table."""
        own = parse_settings(self._config, f"configuration ({self.published})")
        said = (_own_words(own, self._config),)
        return (*said, self.published.usage()) if self.published.listed else said

    def figures(self) -> PublishedFigures | None:
        """What SAELens's table says was measured."""
        return self.published.figures()

    def fetch(self) -> Fetched:
        """Download it."""
        return self._whole.fetched("SAE")

    # ------------------------------------------------------------ its files

    @cached_property
    def _config(self) -> dict[str, Any]:
        """Its configuration: cfg.json alone in SAELens's own format; other formats give it with all their files."""
        if self.published.converter == NATIVE:
            return read_config(self._small.path(f"{self.published.path}/{CONFIG_FILE}"), "SAE")
        with _reading(self.published, self._whole):
            from sae_lens.loading.pretrained_sae_loaders import load_sae_config_from_huggingface

            config: dict[str, Any] = load_sae_config_from_huggingface(self.published.release, self.published.sae_id)
        return config

    @cached_property
    def _commit(self) -> str:
        return self._small.commit

    @cached_property
    def _small(self) -> Snapshot:
        """What tells how it is used, and the commit."""
        wanted, _ = wanted_files(self.published)
        return self._get((wanted[0],)) if self.published.converter == NATIVE else self._whole

    @cached_property
    def _whole(self) -> Snapshot:
        if self.published.converter == NATIVE:
            pinned = replace(self._repository, revision=self._small.commit)  # main may move in between
            return replace(self._get(*wanted_files(self.published), repository=pinned), repository=self._repository)
        return self._get(*wanted_files(self.published))

    def _get(self, wanted: tuple[str, ...], optional: tuple[str, ...] = (), repository: Repository | None = None) -> Snapshot:
        asked = repository or self._repository
        return fetch(asked, wanted, optional=optional, advice=self._advice, progress=self._progress)


class LocalSae(FolderSae):
    """An SAE in a folder saved by SAELens; a copy of a published one is used as SAELens's table says.

    Folders of versions before 6 do not say how the model is to be loaded: that stands in the table alone.

    Args:
        folder: Holds ``cfg.json`` and ``sae_weights.safetensors``.
        published: What it is a copy of, if that is known; None: look.
        adapt: What the model's backend makes of its settings.
    """

    def __init__(self, folder: Path, published: Published | None, adapt: Adapt) -> None:
        super().__init__(folder)
        self._given, self._adapt = published, adapt

    @cached_property
    def settings(self) -> SaeSettings:
        """How it wants to be used."""
        from darkframe.lm.sae import check_reconstructs

        settings = self._parsed(
            {**self._config, **(self._published_as.overrides if self._lacking and self._published_as else {})}
        )
        check_reconstructs(settings.architecture)
        return self._adapt(settings)

    def details(self) -> dict[str, Any]:
        """What reads it, and where its loading arguments come from."""
        details: dict[str, Any] = {"library": f"sae-lens {version('sae-lens')}", "folder": self.folder.name}
        if self._published_as is not None:
            details["copy_of"] = str(self._published_as)
            details["sites"] = sites(self._published_as)
            if self._lacking:
                details["loading_arguments_from"] = self._published_as.usage().by
        return details

    def identity(self) -> dict[str, Any]:
        """Hashes of its files, and how they are used."""
        return {**super().identity(), "loading": {key: str(value) for key, value in self.settings.loading.items()}}

    def stated(self) -> tuple[Usage, ...]:
        """What its ``cfg.json`` says, and SAELens's table where it is a copy of a published one."""
        said = (_own_words(self._parsed(self._config), self._config),)
        return (*said, self._published_as.usage()) if self._published_as else said

    def figures(self) -> PublishedFigures | None:
        """What SAELens's table says was measured, where it is a copy of a published one."""
        return self._published_as.figures() if self._published_as else None

    @cached_property
    def _config(self) -> dict[str, Any]:
        return read_config(self.folder / CONFIG_FILE, "SAE")

    @property
    def _lacking(self) -> bool:
        """Whether it is of a version that said nothing of loading the model."""
        return "metadata" not in self._config and LOADING not in self._config

    @cached_property
    def _published_as(self) -> Published | None:
        return self._given or (recognise(self.folder, self._config) if self._lacking else None)

    def _parsed(self, config: dict[str, Any]) -> SaeSettings:
        return parse_settings(config, str(self.folder / CONFIG_FILE))


def _own_words(settings: SaeSettings, config: dict[str, Any]) -> Usage:
    """What an SAE's configuration says; of centring nothing, where it is of a version that did not."""
    about = config.get("metadata") or config
    usage = settings.usage("the SAE's cfg.json")
    return usage if LOADING in about else replace(usage, centred=None)


@contextlib.contextmanager
def _reading(published: Published, snapshot: Snapshot) -> Iterator[None]:
    """SAELens reads the SAE inside, from the snapshot and with nothing printed."""
    from safetensors import SafetensorError

    try:
        with quiet_transformers(), opened(snapshot), shapes_from_cache():
            yield
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, EOFError, UnpicklingError, SafetensorError) as error:
        place = f"{snapshot.repository} at {snapshot.commit[:12]}"
        raise DataError(f"SAELens cannot open {published} ({place}): {error}") from error
