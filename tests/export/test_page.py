"""The page about serving runs whole where the packages of ONNX are installed."""

from pathlib import Path

import pytest

from tests.test_pages import find_blocks

PAGE = Path(__file__).parents[2] / "docs" / "serving.md"


def test_the_page_runs_with_onnx(tmp_path, monkeypatch):
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in find_blocks(PAGE.read_text("utf-8")):
        exec(block.compiled(str(PAGE)), namespace)
