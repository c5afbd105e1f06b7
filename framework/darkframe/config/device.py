"""Which device a run computes on."""

from __future__ import annotations

import re

from darkframe.errors import UserError

_DEVICE = re.compile(r"auto|cpu|cuda(:(?P<index>\d+))?")


def resolve_device(device: str) -> str:
    """``cpu`` or ``cuda:N`` of ``auto``, ``cpu``, ``cuda`` or ``cuda:N``; ``auto`` takes CUDA where there is some.

    Raises:
        UserError: Another word, or CUDA that is not there.
    """
    match = _DEVICE.fullmatch(device)
    if match is None:
        raise UserError(f"Unknown device {device!r}; use auto, cpu, cuda or cuda:N.")
    if device == "cpu":
        return "cpu"
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return "cuda:0" if count else "cpu"
    if not count:
        raise UserError(f"Device {device!r} was asked for, but PyTorch finds no CUDA device here; use --device cpu.")
    index = int(match["index"] or 0)
    if index >= count:
        raise UserError(f"Device {device!r} was asked for, but there are {count} CUDA devices, cuda:0 to cuda:{count - 1}.")
    return f"cuda:{index}"
