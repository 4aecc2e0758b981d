"""Count what is written of the package: lines of code, and nothing else.

    python -m benchmarks.lines [FOLDER]

A line counts where a token of a statement stands on it. Comments, blank lines,
docstrings, imports and ``__all__`` do not count.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1] / "sk_mixup"
_LAYOUT = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT),
    *(tokenize.DEDENT, tokenize.ENDMARKER, tokenize.ENCODING),
}


def count_lines(source: str) -> int:
    """Return the number of lines of code of a file."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    lines: set[int] = set()
    for token in tokens:
        if token.type not in _LAYOUT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if _is_left_out(node):
            lines.difference_update(range(node.lineno, node.end_lineno + 1))
    return len(lines)


def _is_left_out(node: ast.AST) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.Expr):
        value = node.value
        return isinstance(value, ast.Constant) and isinstance(value.value, str)
    if isinstance(node, ast.Assign):
        return any(getattr(target, "id", "") == "__all__" for target in node.targets)
    return False


def count_rooms(folder: Path) -> Counter[str]:
    """Return the lines of code of each room; files beside the rooms have no name."""
    rooms: Counter[str] = Counter()
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).parts
        room = parts[0] if len(parts) > 1 else ""
        rooms[room] += count_lines(path.read_text("utf-8"))
    return rooms


def main() -> None:
    """Print the rooms, largest first, and the sum."""
    rooms = count_rooms(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
    for room, count in rooms.most_common():
        print(f"{count:7,d}  {room or 'beside the rooms'}")
    print(f"{rooms.total():7,d}  in all")


if __name__ == "__main__":
    main()
