"""Whether all distances between n vectors fit in memory."""

from __future__ import annotations

from pathlib import Path

from darkframe.errors import OutOfMemoryError

_MEMINFO = Path("/proc/meminfo")
_BYTES = 16  # of each pair: the distances and, for a while, a second matrix of them (measured: 58 MiB at 1,920, 551 at 6,000)


def require_distances(n: int) -> None:
    """Make sure that they do.

    Raises:
        OutOfMemoryError: They do not.
    """
    needed, free = _BYTES * n * n, available()
    if free is not None and needed > free:
        raise OutOfMemoryError(
            f"All distances between {n:,} vectors take {needed / 2**30:,.1f} GiB, and {free / 2**30:,.1f} GiB are free.",
            hint="Set clusterer.algorithm=auto, which needs memory for the vectors alone, or cluster fewer (taxonomy.sample=N).",
        )


def available() -> int | None:
    """Bytes of memory that a process can still get without swapping; None where the system does not say."""
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)
