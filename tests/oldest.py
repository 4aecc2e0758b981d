"""A pytest plugin for `make test-oldest`: warnings of old versions by themselves.

A warning is an error in the tests. These come from inside of old versions, or from an
old version meeting a new one of another library; nobody who calls this package could
act on them.
"""

from __future__ import annotations

import pytest

# Each with whose it is.
_OF_OLD_VERSIONS = (
    # scikit-learn 1.6 asks SciPy 1.16 for options that it will drop.
    "ignore:scipy.optimize. The `disp` and `iprint` options:DeprecationWarning",
)


def pytest_configure(config: pytest.Config) -> None:
    """Add the filters behind "error", which they then override."""
    for line in _OF_OLD_VERSIONS:
        config.addinivalue_line("filterwarnings", line)
