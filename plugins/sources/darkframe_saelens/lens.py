"""A TransformerLens model read at one hook point, run no further than that."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from darkframe.errors import DataError
from darkframe.lm.settings import SaeSettings

if TYPE_CHECKING:
    from darkframe.interfaces import I32, Unembedding

CHUNK = 256
"""Directions put through the unembedding at once."""

_SWITCHES = {
    "attn.hook_result": "set_use_attn_result",
    "hook_q_input": "set_use_split_qkv_input",
    "hook_k_input": "set_use_split_qkv_input",
    "hook_v_input": "set_use_split_qkv_input",
    "hook_mlp_in": "set_use_hook_mlp_in",
    "hook_attn_in": "set_use_attn_in",
}
"""Hook points that TransformerLens computes only when told to."""

_STREAM = ("hook_embed", "hook_pos_embed", "hook_resid_pre", "hook_resid_mid", "hook_resid_post", "hook_attn_out", "hook_mlp_out")
"""Hook points in the residual stream's own coordinates, where the logit lens means something."""


class _Reached(Exception):
    """The hook point was reached: the rest of the forward pass is not wanted."""


class LensModel:
    """A TransformerLens model that gives its activations at one hook point and computes nothing beyond it.

    Values are the full forward pass's. Hook points with a dimension for heads give all heads side by side, as SAELens's SAEs
    on ``hook_z`` read them, or the one head that the SAE reads.

    Args:
        model: A ``HookedTransformer`` without gradients, processed as the SAE wants it.
        settings: The SAE's: ``hook_name`` and ``head``.

    Raises:
        DataError: The model has no such hook point.
    """

    def __init__(self, model: Any, settings: SaeSettings) -> None:
        self.model, self.hook_name, self.head = model, settings.hook_name, settings.head
        if self.hook_name not in model.hook_dict:
            raise DataError(
                f"The SAE reads {self.hook_name!r}, but {model.cfg.model_name} has no such hook point.",
                hint=f"It has {model.cfg.n_layers} blocks (0 to {model.cfg.n_layers - 1}).",
            )
        for ending, switch in _SWITCHES.items():
            if self.hook_name.endswith(ending):
                getattr(model, switch)(True)
        fuse_gelu(model)
        self._width = self.activations(torch.zeros(1, 1, dtype=torch.int32).numpy()).shape[-1]

    @property
    def d_model(self) -> int:
        """Width of what the hook point gives."""
        return int(self._width)

    @property
    def vocabulary(self) -> int:
        """Number of token ids the model knows."""
        return int(self.model.cfg.d_vocab)

    @torch.no_grad()
    def activations(self, tokens: I32) -> torch.Tensor:
        """The hook point's activations of token rows (rows, slots): (rows, slots, d) float32 on the model's device.

        Padding belongs at the end of rows, where nothing sees it.
        """
        reached: list[torch.Tensor] = []

        def catch(value: torch.Tensor) -> torch.Tensor:
            reached.append(value)
            raise _Reached

        with self._hooked(catch), contextlib.suppress(_Reached):
            self.model(self._ids(tokens), return_type=None)
        if not reached:
            raise DataError(f"The model's forward pass never reaches {self.hook_name}.")
        return self._seen(reached[0]).flatten(2).to(torch.float32)

    @torch.no_grad()
    def losses(self, tokens: I32, patch: Callable[[torch.Tensor], torch.Tensor] | None = None) -> torch.Tensor:
        """Next-token losses of token rows (rows, slots), optionally with the hook point's activations replaced.

        Args:
            tokens: (rows, slots) int32 token ids.
            patch: Maps the hook point's activations (rows · slots, d) float32, as ``activations`` gives them, to their
                replacement.

        Returns:
            (rows, slots − 1) float32, −log p(next token) in nats.
        """
        ids, model = self._ids(tokens), self.model
        with self._hooked(self._replaced(patch)) if patch is not None else contextlib.nullcontext():
            stream = model(ids, return_type=None, stop_at_layer=model.cfg.n_layers)
            rows = [_losses(self._logits(row[None])[0], targets) for row, targets in zip(stream, ids)]  # one row's logits
        return torch.stack(rows)

    def unembedding(self) -> Unembedding | None:
        """Final norm and W_U as this model has them; None for hook points that are not on the residual stream."""
        on_stream = self.hook_name.split(".")[-1] in _STREAM and self.head is None
        return LensUnembedding(self._logits, self.model) if on_stream else None

    # ------------------------------------------------------------ the pass

    def _ids(self, tokens: I32) -> torch.Tensor:
        return torch.from_numpy(tokens).to(self.model.cfg.device, torch.int64)

    def _logits(self, stream: torch.Tensor) -> torch.Tensor:
        """(1, n, d) through final norm, unembedding and the cap that some models put on logits."""
        cfg = self.model.cfg
        normed = stream if cfg.normalization_type is None else self.model.ln_final(stream)
        logits: torch.Tensor = self.model.unembed(normed).to(torch.float32)
        cap = float(getattr(cfg, "output_logits_soft_cap", 0) or 0)
        return cap * torch.tanh(logits / cap) if cap > 0 else logits

    def _seen(self, value: torch.Tensor) -> torch.Tensor:
        """What the SAE reads of a hook point's value (rows, slots, …)."""
        return value if self.head is None else value[:, :, self.head]

    def _replaced(self, patch: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
        def change(value: torch.Tensor) -> torch.Tensor:
            seen = self._seen(value)
            new = patch(seen.flatten(2).flatten(0, 1).to(torch.float32)).view(seen.shape).to(value.dtype)
            if self.head is None:
                return new
            changed = value.clone()
            changed[:, :, self.head] = new
            return changed

        return change

    @contextlib.contextmanager
    def _hooked(self, act: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
        def hook(value: torch.Tensor, hook: Any) -> torch.Tensor:
            return act(value)

        with self.model.hooks(fwd_hooks=[(self.hook_name, hook)]):
            yield


class LensUnembedding:
    """What a residual-stream direction says of the next token, by a TransformerLens model.

    Weights as the SAE's loading arguments leave them. Without folding these are the model's own, and so are the logits. With
    ``fold_ln`` the final norm's gain goes into W_U and its bias into b_U: the same logits again. With ``center_unembed`` W_U
    loses its mean over the vocabulary: every logit of a direction falls by the same amount, which no softmax and no ranking
    sees. ``center_writing_weights`` changes neither: LayerNorm takes the mean away in any case.

    Args:
        logits: Final norm and unembedding of (1, n, d).
        model: For its device and dtype.
    """

    def __init__(self, logits: Callable[[torch.Tensor], torch.Tensor], model: Any) -> None:
        self._logits, self._weight = logits, model.unembed.W_U

    @torch.no_grad()
    def logits(self, directions: torch.Tensor) -> torch.Tensor:
        """Final norm, then W_U: (n, d) directions to (n, vocabulary) logits, float32 on the model's device."""
        chunks = torch.split(directions.to(self._weight.device, self._weight.dtype), CHUNK)
        return torch.cat([self._logits(chunk[None])[0] for chunk in chunks])


def fuse_gelu(model: Any) -> None:
    """Compute GPT-2's tanh GELU in one kernel: TransformerLens spells it out in eight, a sixth of a small model's time.

    The function is the same; its float32 rounding differs by 3e-7 relative.
    """
    from transformer_lens.utilities.activation_functions import gelu_new

    for block in model.blocks:
        if getattr(getattr(block, "mlp", None), "act_fn", None) is gelu_new:
            block.mlp.act_fn = functools.partial(F.gelu, approximate="tanh")


def _losses(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(logits[:-1], targets[1:], reduction="none")
