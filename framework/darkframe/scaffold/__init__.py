"""New plugin packages from templates: ``darkframe new-plugin``."""

from __future__ import annotations

from darkframe.scaffold.licences import LICENCES
from darkframe.scaffold.names import Names
from darkframe.scaffold.project import NewPlugin, new_plugin

__all__ = ["LICENCES", "Names", "NewPlugin", "new_plugin"]
