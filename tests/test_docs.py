"""The code blocks of the pages in `docs` run, each page from top to bottom."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_readme import find_blocks

DOCS = Path(__file__).parents[1] / "docs"
# What needs packages of others has a test of its own, `tests/ecosystem`.
PAGES = sorted(page for page in DOCS.glob("*.md") if page.stem != "ecosystem")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in find_blocks(page.read_text("utf-8")):
        if block.reason is None:
            exec(block.compiled(str(page)), namespace)
