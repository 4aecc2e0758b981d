"""Compiled code of plans."""

import pytest
import torch


@pytest.fixture
def compiled(empty_dynamo):
    """Return a function that compiles once: a break or a second time is an error."""
    with torch._dynamo.config.patch(error_on_recompile=True):
        yield lambda function: torch.compile(function, fullgraph=True, backend="eager")
