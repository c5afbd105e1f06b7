"""Each hook specification's docstring is a complete plugin."""

from __future__ import annotations

import inspect
import re
from textwrap import dedent

import pytest
from fake_distributions import Site

from darkframe import hookspecs
from darkframe.registry import Registry

HOOKS = [name for name in vars(hookspecs) if name.startswith("darkframe_")]


@pytest.mark.parametrize("hook", HOOKS)
def test_the_example_is_a_plugin_that_registers(tmp_path, hook):
    (example,) = re.findall(r"```python\n(.*?)```", inspect.getdoc(getattr(hookspecs, hook)), re.DOTALL)
    site = Site(tmp_path / "site")
    site.install("documented", {"example": f"documented_{hook}"}, {f"documented_{hook}.py": dedent(example)})
    with site.active():
        registry = Registry.discover({"DARKFRAME_PLUGINS": "documented"})
    assert registry.problems == []
    (found,) = registry.plugins()
    assert hook == f"darkframe_{found.kind}s"
    assert registry.get(found.kind, found.name) == found


def test_there_is_one_hook_a_kind():
    assert len(HOOKS) == 3
