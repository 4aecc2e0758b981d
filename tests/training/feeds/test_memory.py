"""Memory that a step frees stays with the process."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import torch
from sk_mixup.training.feeds import keep_memory

if sys.argv[1] == "kept":
    keep_memory()

def step():
    blocks = [torch.ones(2**18) for _ in range(32)]

step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages_taken(mode):
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, mode], check=True, capture_output=True
    )
    return int(found.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's memory")
def test_the_next_step_takes_no_new_pages():
    assert pages_taken("kept") < 0.2 * pages_taken("given back")
