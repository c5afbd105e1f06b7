"""Names of places in a model, brought to one form: TransformerLens's hooks and transformers' submodules."""

from __future__ import annotations

import re
from typing import NamedTuple

_HOOK = re.compile(r"blocks\.(\d+)\.(?:attn\.|mlp\.)?hook_(\w+)")
_MODULE = re.compile(r"(?:\w+\.)*?(?:h|layers|blocks)\.(\d+)(?:\.(\w+))?")
_PARTS = {"mlp": "mlp_out", "attn": "attn_out", "attention": "attn_out", "self_attn": "attn_out"}
_WORDS = {"resid": "the residual stream", "mlp_out": "the output of an MLP", "attn_out": "the output of attention"}


class Place(NamedTuple):
    """What is read, and where; ``resid`` with layer L is the residual stream before block L."""

    kind: str
    layer: int

    @property
    def words(self) -> str:
        """The kind in words."""
        return _WORDS.get(self.kind, f"hook_{self.kind}")


def place(name: str) -> Place | None:
    """The place that a name means, or None where it follows no known pattern.

    ``blocks.5.hook_resid_post``, ``blocks.6.hook_resid_pre``, ``layers.5`` and ``h.5`` are one place, and so are
    ``blocks.2.hook_mlp_out`` and ``gpt_neox.layers.2.mlp``.
    """
    if match := _HOOK.fullmatch(name):
        layer, hook = int(match[1]), match[2]
        return Place("resid", layer + (hook == "resid_post")) if hook in ("resid_pre", "resid_post") else Place(hook, layer)
    if match := _MODULE.fullmatch(name):
        layer, part = int(match[1]), match[2]
        return Place("resid", layer + 1) if part is None else Place(_PARTS.get(part, part), layer)
    return None


def same_place(a: str, b: str) -> bool:
    """Whether two names mean one place."""
    return a == b or (place(a) is not None and place(a) == place(b))
