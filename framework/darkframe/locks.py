"""One writer at a time: advisory locks on a file beside what they protect."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from darkframe.disk import writing
from darkframe.errors import StoreError


def try_lock(path: Path) -> IO[bytes] | None:
    """The open, locked file, to be kept as long as the lock is; None while another process holds it."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    except OSError as error:
        file.close()
        raise StoreError(f"{path} cannot be locked ({error.strerror}).", hint="Put the folder on a local file system.") from error
    return file


@contextmanager
def locked(path: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the lock during the block, waiting for another process to let go of it; ``waiting`` is called once if one has to.

    The kernel frees the lock when the process ends, however it ends.
    """
    file = try_lock(path)
    if file is None and waiting is not None:
        waiting()
    while file is None:
        time.sleep(0.2)
        file = try_lock(path)
    try:
        yield
    finally:
        with suppress(OSError):
            file.close()
