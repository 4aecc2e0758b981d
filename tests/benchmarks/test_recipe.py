"""The suite that shows what choices of the recipe buy."""

import pytest

from benchmarks.harness.options import Options
from benchmarks.suites import recipe
from benchmarks.suites.recipe import Case, measured, plan_table, precision_table


@pytest.mark.parametrize("case", [Case("wine", 0, 90), Case("diabetes", 2, 90)])
def test_three_trainings_on_the_same_rows(case):
    result = measured(Options("recipe"), case, seed=0)
    assert result["n_rows"] == 90
    losses = {name: result[name]["loss"] for name in ("default", "short", "float32")}
    assert all(0 < loss < 5 for loss in losses.values())
    # So few rows have one plan and one precision.
    assert len(set(losses.values())) == 1


def results(short, default, full):
    """Return a case measured with one seed."""
    parts = {"short": (short, 12), "default": (default, 36), "float32": (full, 36)}
    return [
        {"n_rows": 9}
        | {
            name: {"loss": loss, "epochs": epochs, "cpu_seconds": 2.0}
            for name, (loss, epochs) in parts.items()
        }
    ]


def test_tables_show_the_change_in_loss():
    found = {Case("letter", 0, recipe.LARGE): results(0.2, 0.1, 0.125)}
    (row,) = plan_table(found, recipe.LARGE).rows
    assert row[:5] == ["letter", "9", "0.2000", "0.1000", "-50.0%"]
    (row,) = precision_table(found).rows
    assert row[:4] == ["letter", "0.1250", "0.1000", "-20.0%"]
    assert plan_table(found, recipe.SMALL).rows == []
