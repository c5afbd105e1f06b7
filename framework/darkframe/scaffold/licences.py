"""Licences that a new package can be given."""

from __future__ import annotations

import datetime
import difflib
from dataclasses import dataclass

from darkframe.errors import UserError
from darkframe.scaffold.rendering import fill

LICENCES = ("MIT", "Apache-2.0", "BSD-3-Clause", "none")
"""SPDX identifiers; none: all rights reserved."""


@dataclass(frozen=True)
class Licence:
    """What a package says of its licence.

    Attributes:
        text: The whole licence; None: there is none.
        metadata: Lines of ``[project]`` that declare it.
        classifiers: Classifiers that say it, where no SPDX identifier does.
        sentence: For the README.
    """

    text: str | None
    metadata: str
    classifiers: tuple[str, ...]
    sentence: str


def licence(choice: str, author: str) -> Licence:
    """A licence by its SPDX identifier (upper or lower case), with this year and an author as its holder.

    Raises:
        UserError: There is no such licence to choose.
    """
    known = {name.lower(): name for name in LICENCES}
    name = known.get(choice.lower())
    if name is None:
        near = difflib.get_close_matches(choice.lower(), known, 1, 0.4)
        did_you_mean = f" Did you mean {known[near[0]]}?" if near else ""
        raise UserError(f"There is no licence {choice!r} to choose.{did_you_mean}", hint=f"Choose one of {', '.join(LICENCES)}.")
    year = datetime.date.today().year
    if name == "none":
        sentence = f"Copyright {year} {author}. All rights reserved: nobody may copy or change this until a licence says so."
        return Licence(None, "", ("License :: Other/Proprietary License",), sentence)
    text = fill(f"licences/{name}.txt", {"year": str(year), "author": author})
    return Licence(
        text, f'license = "{name}"\nlicense-files = ["LICENSE"]\n', (), f"{name}, © {year} {author}; see [LICENSE](LICENSE)."
    )
