"""Memory that a step frees stays with the process."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import sys
import torch
from sk_mixup.training.feeds import keep_memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1])

if sys.argv[1] == "kept":
    keep_memory()
step = torch.ones(7 * 2**20)
during = resident()
del step
print(during - resident())
"""


def pages_given_back(mode):
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, mode], check=True, capture_output=True
    )
    return int(found.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's memory")
def test_what_a_step_frees_stays_with_the_process():
    assert pages_given_back("kept") < 0.2 * pages_given_back("given back")
