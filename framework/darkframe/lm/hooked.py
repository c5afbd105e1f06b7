"""A transformers causal language model run only as far as its hook point."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from torch import nn

from darkframe.errors import DataError
from darkframe.lm.quiet import quiet_transformers
from darkframe.lm.settings import Site

if TYPE_CHECKING:
    from darkframe.interfaces import I32


class _Reached(Exception):
    """The hook point was reached: the rest of the forward pass is not wanted."""


class HookedModel:
    """A causal language model that gives the residual stream at one site and computes nothing beyond it.

    What it gives equals the full forward pass's ``hidden_states[L]`` (``hook_resid_pre`` of block L; ``hook_resid_post``
    is ``hidden_states[L + 1]`` before any final norm). Works for models that transformers builds from one list of blocks
    on one residual stream: GPT-2, GPT-NeoX, Llama and their like.

    Args:
        model: A transformers causal language model; it is put into evaluation mode and its gradients are switched off.
        site: Where to stop.
        centre: Subtract each activation's mean over d_model, as for SAEs trained on centred writing weights. Only for models
            with LayerNorm, whose function is the same with and without that mean.

    Raises:
        DataError: No such block, no list of blocks, or centring a model without LayerNorm.
    """

    def __init__(self, model: nn.Module, site: Site, *, centre: bool = False) -> None:
        self.model = model.eval().requires_grad_(False)
        config: Any = model.config
        self.config = config
        self.site = site
        self._base: Any = getattr(model, "base_model", model)
        blocks = find_blocks(self._base, int(config.num_hidden_layers))
        if site.layer >= len(blocks):
            raise DataError(f"The SAE reads block {site.layer}, but the model has {len(blocks)} blocks (0 to {len(blocks) - 1}).")
        self._block = blocks[site.layer]
        self._centre = centre
        if centre and not isinstance(find_final_norm(self._base), nn.LayerNorm):
            raise DataError("The SAE wants centred activations, which only models with LayerNorm allow.")

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return int(self.config.hidden_size)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device

    @torch.no_grad()  # not inference_mode: its tensors fail later beside parameters that want gradients
    def activations(self, tokens: I32) -> torch.Tensor:
        """Residual stream of a batch of token rows, without gradients.

        Args:
            tokens: (rows, slots) int32 token ids. Padding belongs at the end of rows, where nothing sees it.

        Returns:
            (rows, slots, d) float32 on the model's device.
        """
        reached: list[torch.Tensor] = []
        handle = self._catch(reached)
        try:
            self._base(input_ids=torch.from_numpy(tokens).to(self.device, torch.int64), use_cache=False)
        except _Reached:
            pass
        finally:
            handle.remove()
        x = reached[0].to(torch.float32)
        return x - x.mean(dim=-1, keepdim=True) if self._centre else x

    def _catch(self, reached: list[torch.Tensor]) -> torch.utils.hooks.RemovableHandle:
        def before(_: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
            reached.append(args[0] if args else kwargs["hidden_states"])
            raise _Reached

        def after(_: nn.Module, args: tuple[Any, ...], output: Any) -> None:
            reached.append(output[0] if isinstance(output, tuple) else output)
            raise _Reached

        if self.site.after:
            return self._block.register_forward_hook(after)
        return self._block.register_forward_pre_hook(before, with_kwargs=True)


def find_blocks(base: nn.Module, count: int) -> nn.ModuleList:
    """The list of transformer blocks of a base model: its only list of ``count`` modules.

    Raises:
        DataError: There is none, or several.
    """
    lists = [child for child in base.children() if isinstance(child, nn.ModuleList) and len(child) == count]
    if len(lists) != 1:
        raise DataError(f"{type(base).__name__} has {len(lists)} lists of {count} blocks, expected one: its layout is not known.")
    return lists[0]


def find_final_norm(base: nn.Module) -> nn.Module:
    """The norm between the last block and the unembedding: ``ln_f``, ``final_layer_norm`` or ``norm``.

    Raises:
        DataError: The model has none under these names.
    """
    for name in ("ln_f", "final_layer_norm", "norm"):
        norm = getattr(base, name, None)
        if isinstance(norm, nn.Module):
            return norm
    raise DataError(f"{type(base).__name__} has no final norm under a known name (ln_f, final_layer_norm, norm).")


def load_model(folder: Path, device: str = "cpu") -> nn.Module:
    """Load a causal language model in float32 from a local folder: safetensors only, no network, nothing printed.

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
                folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
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
