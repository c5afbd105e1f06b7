"""What plugin authors test with: one named check for each promise of a contract.

```python
from darkframe.testing import check_source

def test_my_source():
    check_source(MySource(MyParams(), SourceContext()))
```

``check_source`` and ``check_decomposer`` run every check and raise ``ChecksFailed``, which lists the broken promises by
name; ``SOURCE_CHECKS`` and ``DECOMPOSER_CHECKS`` are the same checks one by one, for ``pytest.mark.parametrize``.
"""

from __future__ import annotations

from darkframe.testing.checks import ChecksFailed
from darkframe.testing.decomposers import DECOMPOSER_CHECKS, check_decomposer
from darkframe.testing.sources import SOURCE_CHECKS, check_source

__all__ = ["DECOMPOSER_CHECKS", "SOURCE_CHECKS", "ChecksFailed", "check_decomposer", "check_source"]
