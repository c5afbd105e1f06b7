"""Locks, by the name under which the store uses them."""

from darkframe.locks import locked, try_lock

__all__ = ["locked", "try_lock"]
