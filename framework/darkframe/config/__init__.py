"""One resolved record of a run: defaults < config file < ``--set`` < explicit options."""

from __future__ import annotations

from darkframe.config.build import build, to_record
from darkframe.config.device import resolve_device
from darkframe.config.groups import Group, grouped
from darkframe.config.parameters import Parameter, parameters
from darkframe.config.quick import QUICK_TOKENS, quick_study, quick_taxonomy, quick_tokens
from darkframe.config.records import PluginChoice, RunConfig, RunOptions, StudyParams
from darkframe.config.settings import KINDS, Settings, merge, parse_name, parse_set, read_file, read_mapping
from darkframe.config.taxonomy import TaxonomyParams

__all__ = [
    "KINDS",
    "QUICK_TOKENS",
    "Group",
    "Parameter",
    "PluginChoice",
    "RunConfig",
    "RunOptions",
    "Settings",
    "StudyParams",
    "TaxonomyParams",
    "build",
    "grouped",
    "merge",
    "parameters",
    "parse_name",
    "parse_set",
    "quick_study",
    "quick_taxonomy",
    "quick_tokens",
    "read_file",
    "read_mapping",
    "resolve_device",
    "to_record",
]
