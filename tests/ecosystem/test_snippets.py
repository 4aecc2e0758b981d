"""The snippets of docs/ecosystem.md run, where their packages are installed.

`make test-ecosystem` installs what installs, into an environment of its own.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_pages import Block, find_blocks

PAGE = Path(__file__).parents[2] / "docs" / "ecosystem.md"
TEXT = PAGE.read_text("utf-8")
# What a section needs stands below its heading, for tests and not for readers.
SECTION = re.compile(
    r"^## (?P<title>.+?)\n\n<!-- needs: (?P<needs>\w+) -->\n(?P<text>.*?)(?=^## |\Z)",
    re.MULTILINE | re.DOTALL,
)
SECTIONS = list(SECTION.finditer(TEXT))
START = find_blocks(TEXT)[0]


def run(blocks: list[Block]) -> None:
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in blocks:
        exec(block.compiled(str(PAGE)), namespace)


def test_every_section_with_a_snippet_says_what_it_needs():
    told = sum(len(find_blocks(section["text"])) for section in SECTIONS)
    assert told + 1 == len(find_blocks(TEXT))
    assert len(SECTIONS) >= 9


def test_what_all_snippets_start_from():
    run([START])


# The warnings of other packages are theirs.
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section["needs"])
def test_a_snippet_runs(section, tmp_path, monkeypatch):
    pytest.importorskip(section["needs"], exc_type=ImportError)
    monkeypatch.chdir(tmp_path)
    line = TEXT.count("\n", 0, section.start("text"))
    blocks = [
        Block(block.line + line, block.code, block.reason)
        for block in find_blocks(section["text"])
    ]
    run([START, *blocks])
