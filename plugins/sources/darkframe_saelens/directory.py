"""SAELens's table of releases (``pretrained_saes.yaml``), read without importing SAELens, which takes seconds."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped, unused-ignore]

from darkframe.errors import DataError, ParameterError
from darkframe.interfaces import PublishedFigures, Usage

TABLE = "SAELens's pretrained_saes.yaml"
NATIVE = "sae_lens"
"""SAELens's own format; other publishers' have converters."""

_HEAD = re.compile(r"^(?P<name>[^\s#:][^:\n]*):[ \t]*$", re.MULTILINE)
_SITE = re.compile(r"(blocks\.\d+\.[\w.]*)?hook_\w+")
_SHOWN = 5


@dataclass(frozen=True)
class Published:
    """One SAE of a release.

    Attributes:
        release: Name of the release, or a repository that is in no release.
        sae_id: The SAE's name in it.
        repository: Where it lies on the hub.
        path: Folder or file in the repository.
        model: The language model, by the table; empty: not said.
        converter: SAELens's name for the format.
        overrides: What SAELens changes in the SAE's own configuration.
        l0: Published mean number of active features, if any.
        explained_variance: Published share of the variance, if any.
    """

    release: str
    sae_id: str
    repository: str
    path: str
    model: str = ""
    converter: str = NATIVE
    overrides: Mapping[str, Any] = field(default_factory=dict)
    l0: float | None = None
    explained_variance: float | None = None

    def __str__(self) -> str:
        return f"{self.sae_id} of {self.release}"

    @property
    def listed(self) -> bool:
        """Whether the table has it."""
        return bool(self.model)

    def usage(self) -> Usage:
        """What the table says of its use."""
        loading = self.overrides.get("model_from_pretrained_kwargs") or {}
        return Usage(
            by=f"{TABLE}, release {self.release}",
            model=self.model or None,
            hook_point=self.sae_id if _SITE.fullmatch(self.sae_id) else None,
            centred=bool(loading["center_writing_weights"]) if "center_writing_weights" in loading else None,
            normalize_activations=self.overrides.get("normalize_activations"),
            loading=loading,
        )

    def figures(self) -> PublishedFigures | None:
        """What its publisher measured, by the table, which does not say how."""
        if self.l0 is None and self.explained_variance is None:
            return None
        return PublishedFigures(by=TABLE, l0=self.l0, explained_variance=self.explained_variance)


def find(release: str, sae_id: str | None) -> Published:
    """The SAE of that name.

    Args:
        release: A release of the table, or a repository on the hub (``owner/name``).
        sae_id: Which SAE of it; None: its only one.

    Raises:
        ParameterError: No such release or SAE; tells the nearest names and how many there are.
    """
    known = _blocks()
    if release not in known:
        if "/" not in release:
            raise ParameterError(
                f"source.release: SAELens knows no release {release!r}.{near(release, known)} It knows {len(known)}.",
                hint="They are listed in SAELens's documentation under 'Pretrained SAEs'; a repository is named owner/name.",
            )
        if not sae_id:
            raise ParameterError(f"source.sae_id: name the SAE's folder in the repository {release}.")
        return Published(release, sae_id, release, sae_id)
    saes = {str(entry["id"]): entry for entry in _block(release)["saes"]}
    if sae_id is None and len(saes) == 1:
        sae_id = next(iter(saes))
    if sae_id not in saes:
        raise ParameterError(_which(release, sae_id, list(saes)))
    return _published(release, saes[sae_id])


def sites(published: Published) -> list[str]:
    """Names of all SAEs of its release; none where the table does not list it."""
    return [str(entry["id"]) for entry in _block(published.release)["saes"]] if published.listed else []


def recognise(folder: Path, config: Mapping[str, Any]) -> Published | None:
    """The SAE of the table that a folder holds a copy of, by its name, model and site, where all that fit agree in their use.

    Only releases whose use the table changes are looked at.
    """
    found: list[Published] = []
    for release, text in _blocks().items():
        if "config_overrides:" not in text:
            continue
        block = _block(release)
        if block.get("conversion_func") is None and block["model"] == config.get("model_name"):
            found += [_published(release, sae) for sae in block["saes"] if _fits(sae, folder, config)]
    return found[0] if found and all(each.overrides == found[0].overrides for each in found) else None


def _fits(sae: Mapping[str, Any], folder: Path, config: Mapping[str, Any]) -> bool:
    site = config.get("hook_name") or config.get("hook_point")
    return Path(str(sae["path"])).name == folder.name and str(sae["id"]).startswith(str(site))


def near(word: str, known: Iterable[str]) -> str:
    """`` Did you mean x or y?``, or nothing where no name is near."""
    found = difflib.get_close_matches(word, list(known), n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(found)}?" if found else ""


def _which(release: str, sae_id: str | None, known: list[str]) -> str:
    first = f"The first are {', '.join(known[:_SHOWN])}." if len(known) > _SHOWN else f"They are {', '.join(known)}."
    if sae_id is None:
        return f"source.sae_id: release {release} has {len(known):,} SAEs; name one. {first}"
    return f"source.sae_id: release {release} has no SAE {sae_id!r}.{near(sae_id, known)} It has {len(known):,}. {first}"


def _published(release: str, sae: Mapping[str, Any]) -> Published:
    block = _block(release)
    return Published(
        release,
        str(sae["id"]),
        block["repo_id"],
        str(sae["path"]),
        block["model"],
        block.get("conversion_func") or NATIVE,
        block.get("config_overrides") or {},
        sae.get("l0"),
        sae.get("variance_explained"),
    )


@cache
def _blocks() -> dict[str, str]:
    """Each release's part of the table, as text: parsing all of it takes a second."""
    spec = find_spec("sae_lens")
    table = Path(spec.origin).with_name("pretrained_saes.yaml") if spec and spec.origin else None
    if table is None or not table.is_file():
        raise DataError("SAELens's table of releases is missing.", hint="Install it: pip install 'sae-lens>=6.54,<7'.")
    text = table.read_text(encoding="utf-8")
    heads = list(_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return {head["name"].strip("'\""): text[head.end() : end] for head, end in zip(heads, ends)}


@cache
def _block(release: str) -> dict[str, Any]:
    block: dict[str, Any] = yaml.load(_blocks()[release], Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # safe either way
    return block
