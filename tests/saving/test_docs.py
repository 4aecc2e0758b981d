"""The page about storing says what is true."""

from pathlib import Path

from tests.test_pages import find_blocks

PAGE = Path(__file__).parents[2] / "docs" / "storing.md"


def test_its_blocks_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    for block in find_blocks(PAGE.read_text("utf-8")):
        if block.reason is None:
            exec(block.compiled(str(PAGE)), namespace)
    assert (tmp_path / "model.skm").exists()
