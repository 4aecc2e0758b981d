"""What counts as a line of code."""

from benchmarks.lines import count_lines, count_rooms

SOURCE = '''"""A docstring
of two lines."""

from os import (
    path,
)

__all__ = ["double"]
TEXT = """a text
is code"""


def double(x):  # with a comment
    """Return more."""

    return sum(
        # why
        [x, x]
    )
'''


def test_docstrings_imports_comments_and_all_are_no_code():
    # TEXT has two lines, `double` the line of its name and three of its body.
    assert count_lines(SOURCE) == 6


def test_rooms_are_the_folders_of_the_package(tmp_path):
    (tmp_path / "room" / "corner").mkdir(parents=True)
    for place in ("a.py", "room/b.py", "room/corner/c.py"):
        (tmp_path / place).write_text("x = 1\n")
    assert count_rooms(tmp_path) == {"": 1, "room": 2}
