"""Nets start from weights that are the same in every run."""

import pytest


@pytest.fixture(autouse=True)
def _seeded(seeded_torch):
    pass
