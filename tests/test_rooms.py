"""The plan of the house, as far as a program can check it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sk_mixup"
FILES = sorted(PACKAGE.rglob("*.py"))
ROOMS = sorted({path.parent for path in FILES})


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


MODULES = {module_of(path) for path in FILES}


def imported(path: Path) -> list[str]:
    """Return the modules of the package that a file imports, however it does it."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                inner = f"{node.module}.{name.name}"
                found.append(inner if inner in MODULES else node.module)
        elif isinstance(node, ast.Import):
            found += [name.name for name in node.names]
    return [name for name in found if name in MODULES]


def lines_of(path: Path) -> int:
    return len(path.read_text().splitlines())


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_other_rooms_are_entered_by_their_door(path):
    own = path.parent
    for name in imported(path):
        room, _, last = name.rpartition(".")
        if last.startswith("_"):
            of = ROOT / room.replace(".", "/")
            # A folder inside a room knows the files of that room.
            assert of == own or of in own.parents, f"{module_of(path)} imports {name}"


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_says_what_it_shows(room):
    tree = ast.parse((room / "__init__.py").read_text())
    assigned = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert "__all__" in assigned


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_can_be_seen_at_a_glance(room):
    files = list(room.glob("*.py"))
    private = [
        path for path in files if path.name.startswith("_") and path.stem[1] != "_"
    ]
    assert len(files) <= 26
    # Beside `__init__` itself.
    assert room != PACKAGE or len(private) - 1 <= 2


def test_a_file_holds_one_concept():
    assert not [module_of(path) for path in FILES if lines_of(path) > 450]
    tests = (ROOT / "tests").rglob("*.py")
    assert not [path.name for path in tests if lines_of(path) > 400]


def test_checkers_are_told_to_look_away_at_most_fifteen_times():
    ignored = sum(path.read_text().count("# type: ignore") for path in FILES)
    assert ignored <= 15


def test_few_classes_of_ours_stand_above_an_estimator():
    from sk_mixup import MixupClassifier, MixupRegressor

    for leaf in (MixupClassifier, MixupRegressor):
        ours = [base for base in leaf.__mro__ if base.__module__.startswith("sk_mixup")]
        assert len(ours) <= 4
