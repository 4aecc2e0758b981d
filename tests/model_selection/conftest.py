"""The pack engine, and one that trains members one after another."""

import pytest

from sk_mixup import training
from tests.model_selection import serial


@pytest.fixture
def one_by_one(monkeypatch):
    """Replace the pack engine, where a test is not about it."""
    for name in ("pack_key", "unfusable_reason", "train_together"):
        monkeypatch.setattr(training, name, getattr(serial, name), raising=False)
    return monkeypatch
