"""README and docs: their code runs as a reader would paste it, links lead somewhere.

A page is one story: its blocks run top to bottom in one namespace, and need nothing
from another page.
"""

from __future__ import annotations

import importlib
import inspect
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [
    README,
    *(
        page
        for page in sorted((ROOT / "docs").rglob("*.md"))
        # What the site is built of, and not written by anybody.
        if not {"_build", "results", "auto_gallery"} & set(page.parts)
    ),
]
LONGEST_README = 160
LONGEST_DOCSTRING = 150

# An optional comment `<!-- not run: reason -->`, then the fenced block.
BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+?) -->\n+)?"
    r"^```python\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
WEB = re.compile(r"https://[\w.-]+\.[a-z]+(/[^\s<>\"]*)?")
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """One fenced block; `line` is where its code begins in the file."""

    line: int
    code: str
    reason: str | None

    def compiled(self, filename: str):
        # Line numbers of a traceback are then those of the page.
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


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


BLOCKS = {page: find_blocks(page.read_text("utf-8")) for page in PAGES}
# Its packages are not here; `tests/ecosystem` runs it, block by block.
ELSEWHERE = ROOT / "docs" / "ecosystem.md"
STORIES = [
    page
    for page, blocks in BLOCKS.items()
    if page != ELSEWHERE and any(b.reason is None for b in blocks)
]
NOT_RUN = [
    pytest.param(page, block, id=f"{name_of(page)} line {block.line}")
    for page, blocks in BLOCKS.items()
    for block in blocks
    if block.reason is not None
]


@pytest.mark.parametrize("page", STORIES, ids=name_of)
def test_blocks_run_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in BLOCKS[page]:
        if block.reason is None:
            exec(block.compiled(str(page)), namespace)


@pytest.mark.parametrize(("page", "block"), NOT_RUN)
def test_blocks_that_do_not_run_are_python_at_least(page, block):
    block.compiled(str(page))
    pytest.skip(f"not run: {block.reason}")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files_that_are_there(page):
    for match in LINK.finditer(page.read_text("utf-8")):
        target = match["target"].partition("#")[0]
        if not target or "://" in target:
            continue
        file = (page.parent / target).resolve()
        if "results" in file.parts and "docs" in file.parts:
            # Written when the site is built.
            file = ROOT / "benchmarks" / "results" / file.name
        assert file.exists(), f"{name_of(page)}: {match['target']}"


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub and MyST make them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_anchors_are_headings_and_links_elsewhere_are_well_formed(page):
    for match in LINK.finditer(page.read_text("utf-8")):
        target, _, anchor = match["target"].partition("#")
        if "://" in target:
            assert re.fullmatch(r"https://[\w.-]+\.[a-z]+(/[^\s<>\"]*)?", target), (
                target
            )
        elif anchor:
            other = (page.parent / target).resolve() if target else page
            assert anchor in anchors_of(other), f"{name_of(page)}: {match['target']}"


def test_the_first_example_prints_what_the_readme_shows(capsys):
    text = README.read_text("utf-8")
    shown = re.search(r"```text\n(.*?)```", text, re.DOTALL)
    exec(find_blocks(text)[0].code, {"__name__": "__main__"})
    printed = capsys.readouterr().out
    number = r"\d+\.\d+"
    assert shown is not None
    assert re.sub(number, "", shown[1]) == re.sub(number, "", printed)
    pairs = zip(re.findall(number, shown[1]), re.findall(number, printed), strict=True)
    # Another processor adds up in another order.
    assert all(abs(float(a) - float(b)) < 0.03 for a, b in pairs)


def test_the_readme_is_one_page():
    assert len(README.read_text("utf-8").splitlines()) <= LONGEST_README


@pytest.mark.parametrize("room", ["", ".inspection", ".mixing", ".metrics"])
def test_what_help_prints_is_read_at_one_go(room):
    module = importlib.import_module(f"sk_mixup{room}")
    long = {
        name: len(lines)
        for name in module.__all__
        if len(lines := (inspect.getdoc(getattr(module, name)) or "").splitlines())
        > LONGEST_DOCSTRING
    }
    assert not long, "what a call does not need belongs into docs/guide"


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
    # need not stand on the page yet; what stands there must be true.
    text = (ROOT / "docs" / "guide" / "mixing.md").read_text("utf-8")
    start = text.index("short name  ")
    shown = [
        line.split() for line in text[start : text.index("```", start)].splitlines()
    ]
    printed = [line.split() for line in repr(list_methods()).splitlines()]
    assert shown == [line for line in printed if line in shown]
    assert len(shown) > 20


def test_every_public_name_is_in_the_reference():
    import sk_mixup
    from sk_mixup import inspection, metrics

    text = (ROOT / "docs" / "api.md").read_text("utf-8")
    listed = set(re.findall(r"^   ([\w.]+)$", text, re.MULTILINE))
    public = {n for n in sk_mixup.__all__ if not n.startswith("__")}
    public |= set(inspection.__all__) | (set(metrics.__all__) - {"check_proba"})
    assert public <= listed, public - listed
