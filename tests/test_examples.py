"""The examples as a user starts them: a process, its output and its exit code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
SMALL = ["--alphas", "0", "0.2", "--folds", "2", "--max-epochs", "5"]


def quickstart(*arguments, cwd):
    return run("quickstart.py", *arguments, cwd=cwd)


def run(example, *arguments, cwd):
    return subprocess.run(
        [sys.executable, ROOT / "examples" / example, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )


def assert_png(path):
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def people():
    """Numbers and text with missing values; a class and a number to predict."""
    rng = np.random.default_rng(0)
    n = 240
    age = rng.integers(18, 80, n).astype(float)
    city = rng.choice(["Lima", "Oslo", "Pune"], n)
    pay = 20 + 0.3 * age + 10 * (city == "Oslo") + rng.normal(0, 2, n)
    frame = pd.DataFrame(
        {
            "age": age,
            "city": city,
            "member": rng.random(n) < 0.5,
            "pay": pay,
            "level": np.where(pay > np.median(pay), "high", "low"),
        }
    )
    frame.loc[::9, "age"] = np.nan
    frame.loc[1::11, "city"] = None
    return frame


@pytest.mark.slow
def test_default_data(tmp_path):
    done = quickstart(*SMALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("<- best") == 1
    for heading in ("alpha", "accuracy", "log-loss", "ECE", "seconds"):
        assert heading in done.stdout
    # Not a terminal: one line of progress per alpha and nothing rewritten.
    assert "4/4 fits done" in done.stderr
    assert "\r" not in done.stderr
    assert "demo_output/reliability.png" in done.stdout
    assert_png(tmp_path / "demo_output" / "reliability.png")


@pytest.mark.slow
def test_a_table_with_classes(people, tmp_path):
    frame = people.drop(columns="pay")
    frame.loc[:2, "level"] = None
    frame.loc[3, "level"] = "unheard of"
    frame.to_csv(tmp_path / "people.csv", index=False)
    done = quickstart(
        *("--csv", "people.csv", "--target", "level", "--output", "out", *SMALL),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "236 rows, 3 columns; classification" in done.stdout
    assert "3 row(s) without a target were left out" in done.stdout
    assert "1 row(s) of 1 class(es) with fewer than 4 rows" in done.stdout
    assert_png(tmp_path / "out" / "reliability.png")


@pytest.mark.slow
def test_a_table_with_a_number_to_predict(people, tmp_path):
    people.drop(columns="level").to_csv(tmp_path / "people.csv", index=False)
    done = quickstart(
        *("--csv", "people.csv", "--target", "pay", "--sample", 150, *SMALL),
        *("--output", "out", "--n-jobs", 2),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "150 rows, 3 columns; regression" in done.stdout
    assert "RMSE" in done.stdout
    assert "R2" in done.stdout
    assert "log-loss" not in done.stdout
    assert_png(tmp_path / "out" / "predicted_against_true.png")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--csv", "people.csv", "--target", "levle"],
            "--target: the file has no column 'levle'; the nearest are 'level'",
        ),
        (["--csv", "nowhere.csv", "--target", "pay"], "cannot read nowhere.csv"),
        (["--csv", "people.csv"], "--csv FILE and --target COLUMN belong together"),
        (
            ["--csv", "people.csv", "--target", "city", "--task", "regression"],
            "regression needs a numeric target; 'city' holds",
        ),
        (
            ["--csv", "people.csv", "--target", "pay", "--task", "classification"],
            "classification needs two classes of 10 rows or more; 'pay' has 0",
        ),
        (["--alphas", "0.1", "-1"], "--alphas must be numbers >= 0; got [0.1, -1.0]"),
    ],
)
def test_a_wrong_argument_is_one_clear_line(arguments, message, people, tmp_path):
    people.to_csv(tmp_path / "people.csv", index=False)
    done = quickstart(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.slow
def test_the_gallery_shows_every_method_for_images(tmp_path):
    done = run("mixing_gallery.py", "--output", "out", "--size", 24, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names = done.stdout.partition(": ")[2].splitlines()[0].split(", ")
    assert {"Mixup", "CutMix", "ResizeMix", "GridMix", "SmoothMix", "FMix"} <= {*names}
    assert_png(tmp_path / "out" / "mixing_gallery.png")
    assert_png(tmp_path / "out" / "lambda_law.png")
