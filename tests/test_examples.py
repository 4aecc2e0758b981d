"""The examples: what they print, what they draw, and their exit code.

The first is started as a user starts it. The others run in this process, so that torch
is not imported again for each.
"""

from __future__ import annotations

import runpy
import subprocess
import sys
import types
import wave
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
SMALL = ["--alphas", "0", "0.2", "--folds", "2", "--max-epochs", "5"]
TINY = ["--sample", "80", "--seeds", "1", "--max-epochs", "5", "--output", "out"]
# What an example compares.
COMPARED = {
    "image_recipe": ["none", "Mixup or CutMix"],
    "text_mixing": ["none", "words", "sentences", "clean and words"],
    "audio_mixing": ["none", "Mixup", "CutMix"],
    "table_and_image": ["none", "Mixup of both", "CutMix and Mixup"],
    "hugging_face": ["none", "drawn layer"],
    "timm_finetune": ["none", "Mixup or CutMix"],
}
LIBRARIES = {"text_mixing": "tokenizers", "hugging_face": "transformers"}
# Stands in for timm, which is too large to be installed for one test.
TIMM = """
from torch import nn

def create_model(name, *, pretrained, num_classes, in_chans):
    assert name == "resnet18" and not pretrained
    return nn.Sequential(
        nn.Conv2d(in_chans, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(4, num_classes),
    )
"""


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Return a function that runs an example in this process, in an empty folder."""

    def run_here(example, *arguments):
        code = 0
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(ROOT / "examples")
        monkeypatch.setattr(sys, "argv", [example, *map(str, arguments)])
        try:
            runpy.run_path(str(ROOT / "examples" / example), run_name="__main__")
        except SystemExit as left:
            code = left.code
        said = capsys.readouterr()
        return subprocess.CompletedProcess(sys.argv, code, said.out, said.err)

    return run_here


@pytest.fixture
def refusal(run):
    """Return a function that runs an example, and returns its one line of error."""

    def refused(example, *arguments):
        done = run(example, *arguments)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert done.stdout == ""
        return done.stderr

    return refused


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
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "quickstart.py", *SMALL],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    # One table of both, and one sentence each.
    assert done.stdout.count("<- best") == 2
    for heading in ("alpha", "accuracy", "log-loss", "log-loss, tempered"):
        assert heading in done.stdout
    for name in ("handwritten digits", "breast cancer"):
        assert f"{name}: mixing " in done.stdout
    # Not a terminal: one line of progress per table and nothing rewritten.
    assert "16/16 fits done" in done.stderr
    assert "\r" not in done.stderr
    assert "demo_output/mixing_pays.png" in done.stdout
    assert_png(tmp_path / "demo_output" / "mixing_pays.png")


@pytest.mark.slow
def test_a_table_with_classes(people, tmp_path, run):
    frame = people.drop(columns="pay")
    frame.loc[:2, "level"] = None
    frame.loc[3, "level"] = "unheard of"
    frame.to_csv(tmp_path / "people.csv", index=False)
    chosen = ["--csv", "people.csv", "--target", "level", "--output", "out"]
    done = run("quickstart.py", *chosen, *SMALL)
    assert done.returncode == 0, done.stderr
    assert "236 rows, 3 columns; classification" in done.stdout
    assert "3 row(s) without a target were left out" in done.stdout
    assert "1 row(s) of 1 class(es) with fewer than 4 rows" in done.stdout
    assert_png(tmp_path / "out" / "reliability.png")


@pytest.mark.slow
def test_a_table_with_a_number_to_predict(people, tmp_path, run):
    people.drop(columns="level").to_csv(tmp_path / "people.csv", index=False)
    chosen = ["--csv", "people.csv", "--target", "pay", "--output", "out"]
    done = run("quickstart.py", *chosen, "--sample", 150, "--n-jobs", 2, *SMALL)
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
def test_a_wrong_argument_is_one_clear_line(
    arguments, message, people, tmp_path, refusal
):
    people.to_csv(tmp_path / "people.csv", index=False)
    assert message in refusal("quickstart.py", *arguments)


@pytest.mark.slow
def test_the_gallery_shows_every_method_for_images(tmp_path, run):
    done = run("mixing_gallery.py", "--output", "out", "--size", 24)
    assert done.returncode == 0, done.stderr
    names = done.stdout.partition(": ")[2].splitlines()[0].split(", ")
    assert {"Mixup", "CutMix", "ResizeMix", "GridMix", "SmoothMix", "FMix"} <= {*names}
    assert_png(tmp_path / "out" / "mixing_gallery.png")
    assert_png(tmp_path / "out" / "lambda_law.png")


def test_what_two_processes_do_one_does_alone(run):
    done = run("two_processes.py", "--epochs", 8)
    assert done.returncode == 0, done.stderr
    assert "process 0 of 1: 8 epochs" in done.stdout
    assert "on 450 test rows" in done.stdout


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:max_epochs=1")
def test_a_sweep_together_is_timed_and_drawn(tmp_path, run):
    done = run("sweep_together.py", "--output", "out", "--epochs", 1)
    assert done.returncode == 0, done.stderr
    grid, ours, heading, *rows, _ = done.stdout.splitlines()
    assert grid.startswith("GridSearchCV: 45 nets, trained and scored in ")
    assert ours.startswith("MixupSearchCV: 45 nets, trained and scored in ")
    assert heading.split()[:2] == ["alpha", "log-loss"]
    assert len(rows) == 9
    assert_png(tmp_path / "out" / "alpha_sweep.png")


# -- comparisons with no mixing -------------------------------------------------------


def assert_compared(done, name, cwd, n_seeds=1):
    """The table has a line per mixing, the log one for its progress; a picture."""
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    heading = next(i for i, line in enumerate(lines) if line.startswith("mixing "))
    assert lines[heading].split() == ["mixing", "accuracy", "log-loss", "seconds"]
    for i, mix in enumerate(COMPARED[name], 1):
        assert lines[heading + i].startswith(f"{mix} ")
        assert (" ± " in lines[heading + i]) == (n_seeds > 1)
    n_fits = len(COMPARED[name]) * n_seeds
    assert f"{n_fits}/{n_fits} fits done" in done.stderr
    assert "\r" not in done.stderr
    assert_png(cwd / "out" / f"{name}.png")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in COMPARED if name != "timm_finetune"])
def test_data_that_are_always_there(name, tmp_path, run):
    if name in LIBRARIES:
        pytest.importorskip(LIBRARIES[name])
    done = run(f"{name}.py", *TINY)
    assert_compared(done, name, tmp_path)
    assert "One seed only" in done.stdout


@pytest.mark.slow
def test_several_seeds_give_a_standard_error(tmp_path, run):
    done = run("table_and_image.py", *TINY, "--seeds", "2")
    assert_compared(done, "table_and_image", tmp_path, n_seeds=2)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("tokenizers") is None, reason="needs tokenizers")
def test_texts_of_a_file(tmp_path, run):
    frame = pd.DataFrame({"head": ["a goal", "a share"] * 40, "kind": [1, 2] * 40})
    frame["body"] = ["the team won", None] * 40
    frame.to_csv(tmp_path / "texts.csv", index=False)
    columns = ["--text", "head", "body", "--target", "kind", "--net", "text_cnn"]
    done = run("text_mixing.py", "--csv", "texts.csv", *columns, *TINY)
    assert_compared(done, "text_mixing", tmp_path)
    assert "60 to train on, 20 held out" in done.stdout


@pytest.mark.slow
def test_recordings_of_a_file_are_split_by_speaker(tmp_path, run):
    write_recordings(tmp_path / "words.zip")
    chosen = ["--zip", "words.zip", "--test-speakers", "ann"]
    done = run("audio_mixing.py", *chosen, *TINY)
    assert_compared(done, "audio_mixing", tmp_path)
    assert "Held out: ann, of ann, bob, cy." in done.stdout
    assert "16 to train on, 8 held out" in done.stdout


def write_recordings(path):
    time = np.arange(2000) / 8000
    with zipfile.ZipFile(path, "w") as archive:
        for word in range(2):
            for speaker in ("ann", "bob", "cy"):
                for take in range(4):
                    tone = np.sin(
                        2 * np.pi * (400 + 600 * word) * time[: -take or None]
                    )
                    with (
                        archive.open(f"{word}_{speaker}_{take}.wav", "w") as file,
                        wave.open(file, "wb") as sound,
                    ):
                        sound.setparams((1, 2, 8000, len(tone), "NONE", ""))
                        sound.writeframes((9000 * tone).astype("<i2").tobytes())


def write_images(path, n=10):
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    for name, level in (("dark", 40), ("light", 200)):
        (path / name).mkdir(parents=True)
        for i in range(n):
            pixels = rng.integers(level, level + 50, (12, 12, 3), dtype=np.uint8)
            image.fromarray(pixels).save(path / name / f"{i}.png")


@pytest.mark.slow
@pytest.mark.parametrize("has_test_part", [False, True])
def test_images_of_a_folder(has_test_part, tmp_path, run):
    write_images(tmp_path / "images" / ("train" if has_test_part else ""))
    if has_test_part:
        write_images(tmp_path / "images" / "test", n=3)
    done = run("image_recipe.py", "--data", "images", *TINY)
    assert_compared(done, "image_recipe", tmp_path)
    sizes = "20 to train on, 6 held" if has_test_part else "15 to train on, 5 held"
    assert sizes in done.stdout


@pytest.mark.slow
def test_a_timm_model_is_tuned(tmp_path, run, monkeypatch):
    write_images(tmp_path / "images")
    library = types.ModuleType("timm")
    exec(TIMM, vars(library))
    monkeypatch.setitem(sys.modules, "timm", library)
    options = ["--data", "images", "--size", 8, "--no-pretrained", *TINY]
    done = run("timm_finetune.py", *options)
    assert_compared(done, "timm_finetune", tmp_path)


@pytest.mark.parametrize(
    ("example", "library", "extra", "arguments"),
    [
        ("hugging_face.py", "transformers", "hf", []),
        ("text_mixing.py", "tokenizers", "text", []),
        ("timm_finetune.py", "timm", "timm", ["--data", "images"]),
    ],
)
def test_a_missing_library_is_named_with_its_extra(
    example, library, extra, arguments, refusal, monkeypatch
):
    monkeypatch.setitem(sys.modules, library, None)
    message = refusal(example, *arguments)
    assert f"needs the library {library} (" in message
    assert f"pip install 'sk-mixup[{extra}]'" in message


@pytest.mark.parametrize(
    ("example", "arguments", "message"),
    [
        ("table_and_image.py", ["--seeds", "0"], "--seeds must be >= 1; got 0"),
        ("table_and_image.py", ["--sample", "5"], "--sample 5 of 1797 rows: must"),
        ("image_recipe.py", ["--data", "nowhere"], "there is no folder 'nowhere'"),
        ("audio_mixing.py", ["--zip", "nowhere.zip"], "cannot read nowhere.zip"),
        (
            "audio_mixing.py",
            ["--test-speakers", "voice 7"],
            "--test-speakers ['voice 7']: the speakers are ['voice 1',",
        ),
    ],
)
def test_a_wrong_argument_of_a_comparison_is_one_clear_line(
    example, arguments, message, refusal
):
    assert message in refusal(example, *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--text", "txt", "--target", "kind"], "has no column 'txt'; it has 'text',"),
        (["--target", "kind"], "--csv FILE needs --text COLUMN and --target COLUMN"),
    ],
)
def test_wrong_columns_of_texts(arguments, message, refusal, tmp_path):
    pytest.importorskip("tokenizers")
    pd.DataFrame({"text": ["a"], "kind": [1]}).to_csv(tmp_path / "t.csv", index=False)
    assert message in refusal("text_mixing.py", "--csv", "t.csv", *arguments)
