"""A transformers causal language model run only as far as its hook point."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import nn

from darkframe.errors import DataError
from darkframe.lm.quiet import quiet_transformers
from darkframe.lm.settings import ModuleSite, Site
from darkframe.lm.unembed import ModelUnembedding, find_final_norm

if TYPE_CHECKING:
    from darkframe.interfaces import I32


class _Reached(Exception):
    """The hook point was reached: the rest of the forward pass is not wanted."""


class HookedModel:
    """A causal language model that gives its activations at one site and computes nothing beyond it.

    On the residual stream it is the full forward pass's ``hidden_states[L]`` (``hook_resid_pre`` of block L;
    ``hook_resid_post`` is ``hidden_states[L + 1]`` before any final norm); elsewhere it is a submodule's output. Works for
    models that transformers builds from one list of blocks on one residual stream: GPT-2, GPT-NeoX, Llama and their like.

    Args:
        model: A transformers causal language model; it is put into evaluation mode and its gradients are switched off.
        site: Where to stop.
        centre: Subtract each activation's mean over d_model, as for SAEs trained on centred writing weights. Only for models
            with LayerNorm, whose function is the same with and without that mean.

    Raises:
        DataError: No such block or submodule, no list of blocks, or centring a model without LayerNorm.
    """

    def __init__(self, model: nn.Module, site: Site | ModuleSite, *, centre: bool = False) -> None:
        self.model = model.eval().requires_grad_(False)
        config: Any = model.config
        self.config = config
        self.site = site
        self._base: Any = getattr(model, "base_model", model)
        self._module, self._after = _place(self._base, site, int(config.num_hidden_layers))
        self._centre = centre
        if centre and not isinstance(find_final_norm(self._base), nn.LayerNorm):
            raise DataError("The SAE wants centred activations, which only models with LayerNorm allow.")

    @cached_property
    def d_model(self) -> int:
        """Width of what the site gives: of the residual stream, or of a submodule's output, which may be another."""
        if isinstance(self.site, ModuleSite):
            return int(self.activations(np.zeros((1, 1), np.int32)).shape[-1])
        return int(self.config.hidden_size)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device

    @property
    def vocabulary(self) -> int:
        """Number of token ids the model knows."""
        return int(self.config.vocab_size)

    @torch.no_grad()  # not inference_mode: its tensors fail later beside parameters that want gradients
    def activations(self, tokens: I32) -> torch.Tensor:
        """The site's activations of a batch of token rows, without gradients.

        Args:
            tokens: (rows, slots) int32 token ids. Padding belongs at the end of rows, where nothing sees it.

        Returns:
            (rows, slots, d) float32 on the model's device.
        """
        reached: list[torch.Tensor] = []

        def catch(x: torch.Tensor) -> torch.Tensor:
            reached.append(x)
            raise _Reached

        with self._hooked(catch), contextlib.suppress(_Reached):
            self._base(input_ids=self._ids(tokens), use_cache=False)
        if not reached:
            raise DataError(f"The model's forward pass never reaches {self.site}.")
        x = reached[0].to(torch.float32)
        return x - x.mean(dim=-1, keepdim=True) if self._centre else x

    @torch.no_grad()
    def losses(self, tokens: I32, patch: Callable[[torch.Tensor], torch.Tensor] | None = None) -> torch.Tensor:
        """Next-token losses of token rows, optionally with the site's activations replaced.

        What centring takes away is given back behind the patch: the model goes on with the stream it knows.

        Args:
            tokens: (rows, slots) int32 token ids.
            patch: Maps the site's activations (rows · slots, d) float32, as ``activations`` gives them, to their replacement.

        Returns:
            (rows, slots − 1) float32, −log p(next token) in nats.
        """
        ids = self._ids(tokens)
        with self._hooked(self._replaced(patch)) if patch is not None else contextlib.nullcontext():
            logits = self.model(input_ids=ids, use_cache=False).logits
        rows = [F.cross_entropy(row[:-1].float(), targets[1:], reduction="none") for row, targets in zip(logits, ids)]
        return torch.stack(rows)

    def unembedding(self) -> ModelUnembedding | None:
        """Final norm and unembedding; None where the site is of another width than the residual stream."""
        return ModelUnembedding(self.model) if self.d_model == int(self.config.hidden_size) else None

    def _ids(self, tokens: I32) -> torch.Tensor:
        return torch.from_numpy(tokens).to(self.device, torch.int64)

    def _replaced(self, patch: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
        def change(x: torch.Tensor) -> torch.Tensor:
            seen = x.to(torch.float32)
            mean = seen.mean(dim=-1, keepdim=True) if self._centre else torch.zeros_like(seen[..., :1])
            return (patch((seen - mean).flatten(0, 1)).view_as(seen) + mean).to(x.dtype)

        return change

    @contextlib.contextmanager
    def _hooked(self, act: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
        """Put ``act`` at the site: what it returns is what the model goes on with."""

        def before(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
            if args:
                return (act(args[0]), *args[1:]), kwargs
            return args, {**kwargs, "hidden_states": act(kwargs["hidden_states"])}

        def after(_: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
            return (act(output[0]), *output[1:]) if isinstance(output, tuple) else act(output)

        if self._after:
            handle = self._module.register_forward_hook(after)
        else:
            handle = self._module.register_forward_pre_hook(before, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()


def _place(base: nn.Module, site: Site | ModuleSite, count: int) -> tuple[nn.Module, bool]:
    """The module to hook, and whether behind it."""
    if isinstance(site, ModuleSite):
        try:
            return base.get_submodule(site.module), True
        except AttributeError as error:
            known = ", ".join(name for name, _ in base.named_children())
            raise DataError(
                f"The SAE reads {site.module!r}, but {type(base).__name__} has no such submodule (it has {known})."
            ) from error
    blocks = find_blocks(base, count)
    if site.layer >= len(blocks):
        raise DataError(f"The SAE reads block {site.layer}, but the model has {len(blocks)} blocks (0 to {len(blocks) - 1}).")
    return blocks[site.layer], site.after


def find_blocks(base: nn.Module, count: int) -> nn.ModuleList:
    """The list of transformer blocks of a base model: its only list of ``count`` modules.

    Raises:
        DataError: There is none, or several.
    """
    lists = [child for child in base.children() if isinstance(child, nn.ModuleList) and len(child) == count]
    if len(lists) != 1:
        raise DataError(f"{type(base).__name__} has {len(lists)} lists of {count} blocks, expected one: its layout is not known.")
    return lists[0]


def load_model(folder: Path, device: str = "cpu", dtype: str = "float32") -> nn.Module:
    """Load a causal language model from a local folder: safetensors only, no network, nothing printed.

    Args:
        folder: Holds ``config.json`` and safetensors weights.
        device: Where to put it.
        dtype: ``float32`` or ``bfloat16``: what its weights become and what it computes in.

    Raises:
        DataError: The folder is no model's, its weights are pickled, or transformers cannot build it.
    """
    if not any(folder.glob("*.safetensors")):
        pickled = any(folder.glob("pytorch_model*.bin"))
        reason = "has pickled weights, which can run code and are not read" if pickled else "has no weights"
        raise DataError(f"The model folder {folder} {reason}.", hint="Expected model.safetensors.")
    with quiet_transformers():
        from transformers import AutoModelForCausalLM

        try:
            model: nn.Module = AutoModelForCausalLM.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=getattr(torch, dtype)
            )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise DataError(f"The model in {folder} cannot be loaded: {error}") from error
    fuse_gelu(model)
    return model.to(device)


def fuse_gelu(model: nn.Module) -> None:
    """Compute GPT-2's tanh GELU in one kernel: transformers spells it out in six, a fifth of a small model's time.

    The function is the same; its float32 rounding differs by 3e-7 relative.
    """
    from transformers.activations import NewGELUActivation

    for module in model.modules():
        for name, child in module.named_children():
            if isinstance(child, NewGELUActivation):
                setattr(module, name, nn.GELU(approximate="tanh"))
