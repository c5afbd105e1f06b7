"""huggingface_hub's log lines, which its own handler writes to the terminal, left to whoever listens to the root logger."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hushed() -> Iterator[None]:
    """Inside, huggingface_hub warns of retries and missing tokens in a run's log only."""
    importlib.import_module("huggingface_hub.utils.logging")  # which makes the handler
    logger = logging.getLogger("huggingface_hub")
    handlers, logger.handlers = logger.handlers, [logging.NullHandler()]
    try:
        yield
    finally:
        logger.handlers = handlers
