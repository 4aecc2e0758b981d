"""The code blocks of the README run, top to bottom, as a reader would paste them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"

# An optional comment `<!-- not run: reason -->`, then the fenced block.
BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+?) -->\n+)?"
    r"^```python\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One fenced block; `line` is where its code begins in the file."""

    line: int
    code: str
    reason: str | None

    def compiled(self, filename: str):
        # Line numbers of a traceback are then those of the README.
        return compile("\n" * (self.line - 1) + self.code, filename, "exec")


def find_blocks(text: str) -> list[Block]:
    return [
        Block(
            text.count("\n", 0, match.start("code")) + 1,
            match["code"],
            match["reason"],
        )
        for match in BLOCK.finditer(text)
    ]


BLOCKS = find_blocks(README.read_text("utf-8"))


def test_blocks_run_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert BLOCKS, "README.md has no python block"
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in BLOCKS:
        if block.reason is None:
            exec(block.compiled(str(README)), namespace)


@pytest.mark.parametrize(
    "block",
    [pytest.param(b, id=f"line {b.line}") for b in BLOCKS if b.reason is not None],
)
def test_blocks_that_do_not_run_are_python_at_least(block):
    block.compiled(str(README))
    pytest.skip(f"not run: {block.reason}")


def test_finds_blocks_with_their_lines_and_reasons():
    text = (
        "# Title\n\n```python\na = 1\n```\n\n```bash\nmake\n```\n\n"
        "<!-- not run: needs a GPU -->\n```python\nb = 2\nc = 3\n```\n"
    )
    assert find_blocks(text) == [
        Block(4, "a = 1\n", None),
        Block(13, "b = 2\nc = 3\n", "needs a GPU"),
    ]


def test_the_list_of_methods_is_what_is_printed_of_them():
    from sk_mixup.mixing import list_methods

    # Words and not spaces: a longer name moves the columns. A method that is being made
    # need not stand in the README yet; what stands there must be true.
    text = README.read_text("utf-8")
    start = text.index("short name  ")
    shown = [
        line.split() for line in text[start : text.index("```", start)].splitlines()
    ]
    printed = [line.split() for line in repr(list_methods()).splitlines()]
    assert shown == [line for line in printed if line in shown]
    assert len(shown) > 20
