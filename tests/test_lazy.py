"""Packages import what they show when somebody asks for it."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from sk_mixup import mixing

ROOT = Path(__file__).parents[1]
ROOMS = sorted(
    ".".join(path.relative_to(ROOT).parent.parts)
    for path in (ROOT / "sk_mixup").rglob("__init__.py")
)
# What a fit of a table with the default net and method has no use for.
RARE = (
    "sk_mixup.callbacks",
    "sk_mixup.estimators.checkpoints._keeper",
    "sk_mixup.estimators.previews._preview",
    "sk_mixup.export",
    "sk_mixup.inputs._parquet",
    "sk_mixup.inputs._text",
    "sk_mixup.inspection",
    "sk_mixup.mixing.looks",
    "sk_mixup.mixing.methods.learned",
    "sk_mixup.mixing.methods.puzzle",
    "sk_mixup.mixing.methods.saliency",
    "sk_mixup.model_selection",
    "sk_mixup.nets._convnet",
    "sk_mixup.nets._external",
    "sk_mixup.processes._gradients",
    "sk_mixup.saving",
    "sk_mixup.training.objectives._pixels",
    "sk_mixup.training.packing",
)


def loaded_by(code: str) -> set[str]:
    """Return the modules that are there after some code, in a fresh process."""
    printed = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", printed],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(result.stdout.splitlines()[-1]))


def told_to_checkers(room: str) -> set[str]:
    """Return the names that a package imports where only checkers look."""
    path = ROOT.joinpath(*room.split("."), "__init__.py")
    told: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if not isinstance(node, ast.If) or ast.unparse(node.test) != "TYPE_CHECKING":
            continue
        for line in node.body:
            assert isinstance(line, ast.ImportFrom)
            for name in line.names:
                assert name.asname in (None, name.name)
                told.add(name.name)
    if "*" in told:
        told |= told_to_checkers("sk_mixup.mixing.methods")
    return told - {"*"}


@pytest.mark.parametrize("room", ROOMS)
def test_checkers_are_told_the_names_that_are_there(room):
    module = importlib.import_module(room)
    assert told_to_checkers(room) == set(module.__all__) - {"__version__"}


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_is_found_and_listed(room):
    module = importlib.import_module(room)
    for name in module.__all__:
        # A module of the same name would stand in its place once it is imported.
        assert importlib.util.find_spec(f"{room}.{name}") is None
        assert getattr(module, name) is vars(module)[name]
    assert set(module.__all__) <= set(dir(module))


def test_a_misspelt_name_is_told_with_what_was_meant():
    with pytest.raises(AttributeError, match=r"'sk_mixup.mixing'.*'Mixap'") as caught:
        _ = mixing.Mixap
    # By these, Python's report says: Did you mean: 'Mixup'?
    assert caught.value.name == "Mixap"
    assert caught.value.obj is mixing
    with pytest.raises(ImportError, match="cannot import name 'Mixap'"):
        from sk_mixup.mixing import Mixap  # noqa: F401


def test_a_module_that_cannot_be_imported_says_why(tmp_path, monkeypatch):
    room = tmp_path / "room"
    room.mkdir()
    (room / "__init__.py").write_text(
        "from sk_mixup._lazy import lazy_exports\n"
        "__all__ = lazy_exports(__name__, {'._broken': 'Thing'})\n"
    )
    (room / "_broken.py").write_text("import no_such_library\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = importlib.import_module("room")
    for name in ("Thing", "_broken"):
        with pytest.raises(ModuleNotFoundError, match="no_such_library"):
            getattr(found, name)


def test_importing_the_package_imports_nothing_else():
    loaded = loaded_by("import sk_mixup")
    assert not loaded & {"numpy", "sklearn", "torch"}


def test_importing_the_classifier_leaves_rare_things_for_later():
    loaded = loaded_by("from sk_mixup import MixupClassifier")
    assert not loaded & set(RARE)
    assert sum(name.startswith("sk_mixup") for name in loaded) <= 190


def test_a_fit_of_a_table_leaves_rare_things_for_later():
    loaded = loaded_by(
        "from sk_mixup import MixupClassifier\n"
        "MixupClassifier(max_epochs=5).fit([[0.0], [1.0]] * 20, [0, 1] * 20)"
    )
    assert not loaded & set(RARE)


def test_rooms_need_no_import_of_their_own():
    code = (
        "import sk_mixup\n"
        "sk_mixup.mixing.methods.puzzle.PuzzleMix\n"
        "sk_mixup.inputs.ParquetRows\n"
    )
    loaded = loaded_by(code)
    assert "sk_mixup.mixing.methods.puzzle._puzzle" in loaded
    assert "sk_mixup.estimators" not in loaded
