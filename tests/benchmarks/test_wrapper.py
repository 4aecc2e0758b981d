"""The suite that shows what mixing does to linear models and trees."""

import pytest

from benchmarks.suites.wrapper import ALPHAS, difference_table, measured
from benchmarks.tabular_data import load


@pytest.mark.parametrize("model", ["linear", "trees"])
@pytest.mark.parametrize(
    ("name", "score"), [("wine", "log_loss"), ("diabetes", "rmse")]
)
def test_a_cell_has_the_scores_of_its_kind(model, name, score):
    data = load(None, name, 0, max_rows=90)
    cell = measured(data, model, 0.2, 0.0, seed=0)
    assert cell[score] > 0
    assert cell["n_rows"] == 90


def test_differences_are_taken_within_a_seed():
    cells = [
        {
            **{"data": "wine", "model": "trees", "alpha": alpha, "noise": noise},
            "log_loss": 1.0 + seed + alpha / 2,
        }
        for seed in (0, 1)
        for alpha in ALPHAS
        for noise in (0.0, 0.2)
    ]
    (row,) = difference_table(cells, "trees", "loss").rows
    once = ["1.5000 ± 0.5000", "**+0.1000 ± 0.0000**", "**+0.5000 ± 0.0000**"]
    assert row == ["wine", *once, *once]
    assert difference_table(cells, "linear", "loss").rows == []
