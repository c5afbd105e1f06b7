"""Checks that clusterers must pass, by subject: each of these modules adds its own, in this order."""

from __future__ import annotations

# isort: off
from darkframe.testing.clusterers import results  # noqa: F401
from darkframe.testing.clusterers import repeating  # noqa: F401
from darkframe.testing.clusterers import rows  # noqa: F401
from darkframe.testing.clusterers import working  # noqa: F401
from darkframe.testing.clusterers import placing  # noqa: F401
from darkframe.testing.clusterers import matching  # noqa: F401
from darkframe.testing.clusterers import growing  # noqa: F401
from darkframe.testing.clusterers import keeping  # noqa: F401
