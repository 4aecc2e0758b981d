"""A process that dies ends the training of all others, with a word and soon."""

import re

import pytest

from tests.processes.launch import started


@pytest.mark.parametrize(
    "when", ["training", pytest.param("before", marks=pytest.mark.slow)]
)
def test_the_other_ends_within_seconds_and_says_why(when, tmp_path):
    first, second = started(2, "tests.processes.doomed", when, tmp_path / "clock")
    text = first.communicate(timeout=120)[0]
    second.communicate(timeout=120)
    assert first.returncode == 3, text
    found = re.search(r"([\d.]+) s: (a process .* has died, .*)", text)
    assert found, text
    assert float(found[1]) < 5
