"""An SAE in a local SAELens folder, opened by SAELens itself, with a sparse decoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError

from darkframe.errors import DataError
from darkframe.interfaces import Codes
from darkframe.lm.quiet import quiet_transformers
from darkframe.lm.settings import WEIGHTS_FILE, read_settings

ROWS = 256
"""Rows encoded at once: dense pre-activations of so many rows are all that is ever held."""

_LINEAR_DECODERS = {"standard", "topk", "abstopk", "jumprelu", "gated"}
"""Architectures whose decoder is ``codes @ W_dec + b_dec``, so that it can be applied to non-zero codes alone."""

_NOT_RECONSTRUCTING = {
    "temporal": "decodes only part of its reconstruction",
    "transcoder": "reconstructs another site than it reads",
}


@dataclass(frozen=True, eq=False)
class ScaledCodes(Codes):
    """Codes of an SAE that rescales each activation at run time; ``decode`` undoes it: ``x̂ = scale · (…) + shift``.

    Attributes:
        scale: (n, 1) float32.
        shift: (n, 1) float32.
    """

    scale: torch.Tensor
    shift: torch.Tensor


class SaeDictionary:
    """A SAELens SAE as darkframe's dictionary; ``decode(encode(x))`` is SAELens's ``sae.decode(sae.encode(x))``.

    Decoding sums the decoder rows of non-zero features only, where the SAE's architecture permits; other architectures are
    decoded by SAELens, a block of rows at a time. Run-time rescaling (``normalize_activations`` ``constant_norm_rescale`` or
    ``layer_norm``) travels with the codes. NaN activations give NaN reconstructions.

    Args:
        sae: An SAE made by SAELens, in float32.

    Raises:
        DataError: A transcoder or another SAE whose ``decode`` does not give back what it reads.
    """

    def __init__(self, sae: Any) -> None:
        self.sae = sae.eval().requires_grad_(False)
        sae.turn_off_forward_pass_hook_z_reshaping()  # darkframe's rows hold all heads side by side, as the weights do
        self.architecture = str(sae.cfg.architecture())
        check_reconstructs(self.architecture)
        self.W_dec: torch.Tensor = sae.W_dec.detach()
        self.W_enc: torch.Tensor | None = _detached(sae, "W_enc")
        self.b_enc: torch.Tensor | None = _detached(sae, "b_enc")
        self.b_dec: torch.Tensor | None = _detached(sae, "b_dec")
        self._sparse = self.architecture in _LINEAR_DECODERS
        self._threshold = _threshold(sae, self.architecture)
        self._rescale = {"constant_norm_rescale": _norm_scale, "layer_norm": _layer_norm_scale}.get(sae.cfg.normalize_activations)
        self._rows = self._decoder_rows()

    def _decoder_rows(self) -> torch.Tensor:
        """What a unit of each code adds: W_dec, its rows scaled to unit length where the codes carry their lengths."""
        if getattr(self.sae.cfg, "rescale_acts_by_decoder_norm", False):
            lengths: torch.Tensor = torch.linalg.vector_norm(self.W_dec, dim=-1, keepdim=True)
            return self.W_dec / lengths
        return self.W_dec

    @torch.no_grad()
    def encode(self, x: torch.Tensor) -> Codes:
        """Feature activations of x (n, d) float32, without gradients; ``ScaledCodes`` where the SAE rescales at run time."""
        blocks, scales = [], []
        for block in torch.split(x, ROWS) if len(x) else ():
            blocks.append(Codes.from_dense(self._activate(block)))
            scales.append(self._rescale(self.sae) if self._rescale else None)
        codes = Codes.concatenate(blocks) if blocks else Codes.from_dense(x.new_zeros((0, len(self.W_dec))))
        if self._rescale is None:
            return codes
        scale = torch.cat([s[0] for s in scales if s]) if scales else x.new_zeros((0, 1))
        shift = torch.cat([s[1] for s in scales if s]) if scales else x.new_zeros((0, 1))
        return ScaledCodes(codes.offsets, codes.indices, codes.values, codes.n_features, scale, shift)

    def _activate(self, block: torch.Tensor) -> torch.Tensor:
        """SAELens's ``encode`` of a block of rows, without its two copies of all pre-activations where that is possible."""
        if self._threshold is None:
            activations: torch.Tensor = self.sae.encode(block)
            return activations
        pre = torch.addmm(self.sae.b_enc, self.sae.process_sae_in(block), self.sae.W_enc)
        return (pre if isinstance(self._threshold, float) else pre.masked_fill_(pre <= self._threshold, 0)).relu_()

    @torch.no_grad()
    def decode(self, codes: Codes) -> torch.Tensor:
        """Reconstruction (n, d) float32 of the codes.

        Raises:
            DataError: The SAE rescales at run time and these codes did not come from ``encode``.
        """
        x_hat = self._decode_sparse(codes) if self._sparse else self._decode_dense(codes)
        if self._rescale is None:
            return x_hat
        if not isinstance(codes, ScaledCodes):
            raise DataError("This SAE rescales each activation at run time: it can decode only what its own encode returned.")
        return x_hat * codes.scale + codes.shift

    def _decode_sparse(self, codes: Codes) -> torch.Tensor:
        summed = F.embedding_bag(
            codes.indices, self._rows, codes.offsets, mode="sum", per_sample_weights=codes.values, include_last_offset=True
        )
        return summed if self.b_dec is None else summed + self.b_dec

    def _decode_dense(self, codes: Codes) -> torch.Tensor:
        """SAELens's own decoder, without its run-time rescaling, a block of rows at a time."""
        unscaled, self.sae.run_time_activation_norm_fn_out = self.sae.run_time_activation_norm_fn_out, _unchanged
        try:
            starts = range(0, max(len(codes), 1), ROWS)
            return torch.cat([self.sae.decode(codes[start : start + ROWS].to_dense()) for start in starts])
        finally:
            self.sae.run_time_activation_norm_fn_out = unscaled


def load_sae(folder: Path, device: str = "cpu") -> SaeDictionary:
    """Open a SAELens folder (``cfg.json``, ``sae_weights.safetensors``) in float32, with nothing printed.

    Raises:
        DataError: The folder is no SAE's, or SAELens cannot open it.
    """
    settings = read_settings(folder)
    if not (folder / WEIGHTS_FILE).is_file():
        raise DataError(f"The SAE folder {folder} has no {WEIGHTS_FILE}.", hint="Expected a folder saved by SAELens.")
    check_reconstructs(settings.architecture)
    with quiet_transformers():
        from sae_lens import SAE

        try:
            sae = SAE.load_from_disk(folder, device=device, dtype="float32")
        except (OSError, ValueError, KeyError, RuntimeError, TypeError, SafetensorError) as error:
            raise DataError(f"The SAE in {folder} ({settings.architecture}) cannot be opened by SAELens: {error}") from error
    return SaeDictionary(sae)


def check_reconstructs(architecture: str) -> None:
    """Refuse architectures whose ``decode`` does not give back what ``encode`` reads.

    Raises:
        DataError: A transcoder, or an SAE that decodes only part of its reconstruction.
    """
    for kind, reason in _NOT_RECONSTRUCTING.items():
        if kind in architecture:
            raise DataError(f"An SAE of architecture {architecture!r} {reason}: its residual is not defined.")


def _threshold(sae: Any, architecture: str) -> torch.Tensor | float | None:
    """What pre-activations must exceed: 0 for ReLU, each feature's own for JumpReLU; None: activations are made otherwise."""
    if not isinstance(sae.activation_fn, torch.nn.ReLU):
        return None
    return {"standard": 0.0, "jumprelu": _detached(sae, "threshold")}.get(architecture)


def _detached(sae: Any, name: str) -> torch.Tensor | None:
    value = getattr(sae, name, None)
    return value.detach() if isinstance(value, torch.Tensor) else None


def _unchanged(x: torch.Tensor) -> torch.Tensor:
    return x


def _norm_scale(sae: Any) -> tuple[torch.Tensor, torch.Tensor]:
    scale = 1 / sae.x_norm_coeff
    return scale, torch.zeros_like(scale)


def _layer_norm_scale(sae: Any) -> tuple[torch.Tensor, torch.Tensor]:
    return sae.ln_std, sae.ln_mu
