"""The comparison of methods: its statistics, its memory, and a run on made-up data."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.__main__ import main
from benchmarks.harness.cells import Cells, Missing, fingerprint
from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.parts import TABLES, Limits, TableFile, load_parts
from benchmarks.peers.resnet import SmallResNet
from benchmarks.suites import DATA_SETS, methods
from benchmarks.suites.methods import candidates, settings
from benchmarks.suites.methods_report import (
    CLASS_METRICS,
    UNMIXED,
    Found,
    estimate,
    sentence,
)
from benchmarks.suites.methods_training import (
    Training,
    calibration_terms,
    first_sentence,
    packed,
    score_classes,
    score_numbers,
    unpacked,
    why_unsuitable,
)
from sk_mixup.inspection import expected_calibration_error
from sk_mixup.mixing import list_methods

SMALL, TINY = Limits(120, 40, 60), Limits(16, 4, 8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Hold a table of each kind and a few images, laid out as the real ones."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    n = 400
    for name, spec in TABLES.items():
        if name not in ("churn", "california"):
            continue
        a, b = rng.normal(size=(2, n))
        target = (a + b > 0).astype(int) if spec.is_classification else a + b
        frame = pd.DataFrame({"a": a, "b": b, "c": rng.choice(list("xyz"), n)})
        frame[spec.target] = target
        for column in spec.drop:
            frame[column] = np.arange(n)
        file = root / spec.file
        file.parent.mkdir(exist_ok=True)
        frame.to_csv(file, index=False)
    image = pytest.importorskip("PIL.Image")
    (root / "images").mkdir()
    with zipfile.ZipFile(root / "images" / "cifar10.zip", "w") as archive:
        for part, per_class in (("train", 12), ("test", 6)):
            for label in ("cat", "dog"):
                for i in range(per_class):
                    pixels = rng.integers(0, 128, (32, 32, 3), dtype=np.uint8)
                    pixels += np.uint8(120 * (label == "cat"))
                    buffer = io.BytesIO()
                    image.fromarray(pixels).save(buffer, "jpeg")
                    name = f"{part}/{label}/{i:04}.jpg"
                    archive.writestr(name, buffer.getvalue())
    return root


@pytest.fixture
def few_methods(monkeypatch):
    """Take a few methods of the registry, and small parts."""
    names = ("mixup", "cutmix", "one_of", "per_key")
    table = {name: list_methods()[name] for name in names}
    monkeypatch.setattr(methods, "list_methods", lambda: table)

    def small(name, options):
        return (TINY if name == "cifar10" else SMALL), Training(epochs=1)

    monkeypatch.setattr(methods, "settings", small)
    monkeypatch.setattr(methods, "fingerprint", lambda *_: "same")


def quick(folder, tmp_path, *only):
    options = Options(
        "methods", data=folder, quick=True, output=tmp_path, threads=1, only=only
    )
    return methods.run(options, Progress("methods", io.StringIO()))


# --- data ----------------------------------------------------------------------------


def test_parts_share_no_row_and_obey_their_limits(folder):
    parts = load_parts(folder, "churn", SMALL)
    sizes = [len(parts.y_fit), len(parts.y_select), len(parts.y_test)]
    assert sizes == [120, 40, 60]
    frames = [parts.x_fit, parts.x_select, parts.x_test]
    assert not pd.concat(frames)["a"].duplicated().any()
    assert {"a", "b", "c"} == set(parts.x_fit.columns)


def test_test_rows_do_not_depend_on_the_size_of_other_parts(folder):
    small = load_parts(folder, "california", SMALL)
    large = load_parts(folder, "california", Limits(200, 60, 60))
    pd.testing.assert_frame_equal(small.x_test, large.x_test)


def test_official_parts_are_kept(tmp_path, monkeypatch):
    spec = TableFile("t.csv", "y", official="split")
    monkeypatch.setitem(TABLES, "adult", spec)
    frame = pd.DataFrame({"a": range(50), "y": [0, 1] * 25})
    frame["split"] = np.where(frame["a"] < 30, "train", "test")
    frame.to_csv(tmp_path / "t.csv", index=False)
    parts = load_parts(tmp_path, "adult", Limits())
    assert sorted(parts.x_test["a"]) == list(range(30, 50))
    assert list(parts.x_test.columns) == ["a"]


def test_images_are_balanced_and_scaled(folder):
    parts = load_parts(folder, "cifar10", TINY)
    assert parts.x_fit.shape == (16, 3, 32, 32)
    assert parts.x_fit.dtype == np.float32
    assert np.bincount(parts.y_test).tolist() == [4, 4]
    assert abs(parts.all_train()[0].mean()) < 2


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"letter\.csv\.gz"):
        load_parts(tmp_path, "letter", Limits())


# --- cells ---------------------------------------------------------------------------


def test_cells_are_computed_once_and_survive_a_line_cut_off(tmp_path):
    file = tmp_path / "new" / "cells.jsonl"
    calls = []

    def compute():
        calls.append(1)
        return {"score": (1, 2)}

    first = Cells(file, {"code": "a"})
    assert first.get({"seed": 0}, compute) == {"score": [1, 2]}
    with file.open("a") as lines:
        lines.write('{"key": {"seed"')
    again = Cells(file, {"code": "a"})
    assert again.get({"seed": 0}, compute) == {"score": [1, 2]}
    again.get({"seed": 1}, compute)
    assert len(calls) == 2
    third = Cells(file, {"code": "a"})
    assert third.get({"seed": 1}, None) == {"score": [1, 2]}
    with pytest.raises(Missing):
        Cells(file, {"code": "b"}).get({"seed": 0}, None)


def test_fingerprint_follows_code_and_not_its_comments(tmp_path):
    file = tmp_path / "m.py"
    file.write_text('"""Doc."""\ndef f():\n    """Doc."""\n    return 1\n')
    before = fingerprint(tmp_path)
    file.write_text('"""Other."""\n\n\ndef f():\n    # Why.\n    return 1\n')
    assert fingerprint(tmp_path) == before
    file.write_text("def f():\n    return 2\n")
    assert fingerprint(file) != before


# --- statistics ----------------------------------------------------------------------


def test_calibration_terms_average_to_the_calibration_error():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(4), 500)
    y = rng.integers(0, 4, 500)
    terms = calibration_terms(proba.argmax(1) == y, proba.max(1))
    expected = expected_calibration_error(y, proba, n_bins=15, classes=range(4))
    assert terms.mean() == pytest.approx(expected)


def test_scores_are_those_of_scikit_learn():
    from sklearn.metrics import (
        accuracy_score,
        log_loss,
        r2_score,
        root_mean_squared_error,
    )

    class Model:
        classes_ = np.array(["a", "b", "c"])

    rng = np.random.default_rng(1)
    proba, y = rng.dirichlet(np.ones(3), 200), rng.choice(list("abc"), 200)
    found = score_classes(y, proba, Model)
    predicted = Model.classes_[proba.argmax(1)]
    assert found["accuracy"] == pytest.approx(accuracy_score(y, predicted))
    assert found["log_loss"] == pytest.approx(log_loss(y, proba))
    numbers, guess = rng.normal(size=(2, 100))
    found = score_numbers(numbers, guess)
    assert found["rmse"] == pytest.approx(root_mean_squared_error(numbers, guess))
    assert found["r2"] == pytest.approx(r2_score(numbers, guess))


def test_packed_numbers_come_back():
    values = np.array([0.25, -3.5, 1e6])
    assert unpacked(packed(values)).tolist() == values.tolist()


def cell(value, rows):
    return {"m": value, "terms": {"m": packed(rows)}}


def test_error_of_a_difference_holds_seeds_and_rows():
    rows = np.array([1.0, 2.0, 3.0, 4.0])
    mixed = [cell(3.0, rows + 0.5), cell(3.2, rows + 0.7)]
    clean = [cell(2.5, rows), cell(2.5, rows)]
    found = estimate("m", mixed, clean)
    assert found.mean == pytest.approx(0.6)
    # Equal differences in all rows: only the two seeds tell them apart.
    assert found.error == pytest.approx(np.std([0.5, 0.7], ddof=1) / np.sqrt(2))
    one = estimate("m", mixed[:1], [cell(2.5, rows * 2)])
    differences = rows + 0.5 - rows * 2
    assert one.error == pytest.approx(np.std(differences, ddof=1) / 2, rel=1e-6)


def test_error_is_unknown_without_repeats_or_rows():
    found = estimate("m", [{"m": 1.0, "terms": {}}])
    assert (found.mean, found.error) == (1.0, None)
    assert not found.beyond(1)


def test_errors_cover_the_truth_as_often_as_promised():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(300):
        luck_of_rows = rng.normal(size=50)
        cells = []
        for _ in range(8):
            rows = luck_of_rows + rng.normal(scale=0.3)
            cells.append(cell(rows.mean(), rows))
        found = estimate("m", cells)
        inside += abs(found.mean) <= 2 * found.error
    assert 0.92 <= inside / 300 <= 0.99


def found_with(mixed_accuracy):
    rng = np.random.default_rng(0)
    hits = rng.random(1000) < 0.8

    def scores(accuracy):
        rows = {"accuracy": hits + accuracy - 0.8, "log_loss": hits, "ece": hits}
        return {
            "accuracy": accuracy,
            "log_loss": 0.5,
            "ece": 0.1,
            "terms": {name: packed(values) for name, values in rows.items()},
        }

    cells = {
        UNMIXED: [scores(0.8), scores(0.801)],
        "mixup": [scores(mixed_accuracy), scores(mixed_accuracy + 0.001)],
    }
    return Found("letter", "few", CLASS_METRICS, {}, cells, {}, {})


def test_sentence_says_whether_mixing_helped():
    text = sentence(found_with(0.9))
    assert "mixing helped" in text
    assert "higher accuracy with mixup (+10.00" in text
    assert "No method is better in log-loss or ECE." in text
    text = sentence(found_with(0.7))
    assert "mixing did not help: none of 1 methods" in text


def test_alphas_to_try_hold_the_default():
    assert candidates({"alpha": 2.0}, quick=False) == (0.2, 1.0, 2.0)
    assert candidates({"alpha": 0.2}, quick=False) == (0.2, 1.0)
    assert candidates({"size": 3}, quick=False) == (None,)
    assert candidates({"alpha": None}, quick=False) == (None,)


# --- runs ----------------------------------------------------------------------------


def test_image_net_has_the_layers_it_names():
    net = SmallResNet(n_classes=4)
    names = dict(net.named_modules())
    assert all(layer in names for layer in net.mix_layers)
    assert net(torch.rand(2, 3, 32, 32)).shape == (2, 4)


def test_library_says_what_suits_a_table(folder):
    parts = load_parts(folder, "churn", SMALL)
    assert why_unsuitable(parts, "mixup", Training()) is None
    assert "CutMix" in why_unsuitable(parts, "cutmix", Training())
    assert first_sentence("No. 1 is\n wrong. Do that.") == "No"


@pytest.mark.parametrize("name", ["churn", "california", "cifar10"])
def test_quick_run_compares_suitable_methods(name, folder, tmp_path, few_methods):
    report = quick(folder, tmp_path, name)
    found = report.measurements["data_sets"]
    assert list(found) == [name]
    tested = set(found[name]["tests"])
    assert {UNMIXED, "mixup", "one_of"} <= tested
    assert ("cutmix" in tested) == (name == "cifar10")
    text = report.markdown()
    assert f"**{name}**: " in text
    assert "terms" not in json.dumps(report.measurements)
    assert found[name]["choices"]["one_of"] == {}
    # It would repeat the numbers of the method that it wraps.
    assert "per_key" in found[name]["left_out"]


def test_next_run_goes_on_where_the_last_one_ended(
    folder, tmp_path, few_methods, monkeypatch
):
    first = quick(folder, tmp_path, "churn")

    def never(*args, **kwargs):
        raise AssertionError("trained again")

    for name in ("_trial", "select_score", "test_scores"):
        monkeypatch.setattr(methods, name, never)
    again = quick(folder, tmp_path, "churn")
    assert again.measurements == first.measurements


def test_finished_data_sets_stay_in_the_report(folder, tmp_path, few_methods):
    quick(folder, tmp_path, "churn")
    report = quick(folder, tmp_path, "california")
    assert list(report.measurements["data_sets"]) == ["churn", "california"]


def test_method_that_breaks_is_reported_and_ends_nothing(
    folder, tmp_path, few_methods, monkeypatch
):
    def broken(parts, *, mix, **settings):
        if mix == "mixup":
            return {"error": "RuntimeError: no luck"}
        return real(parts, mix=mix, **settings)

    real = methods.test_scores
    monkeypatch.setattr(methods, "test_scores", broken)
    report = quick(folder, tmp_path, "churn")
    found = report.measurements["data_sets"]["churn"]
    assert found["left_out"]["mixup"] == "fails: RuntimeError: no luck"
    assert "mixup" not in found["tests"]


def test_full_and_quick_settings_exist_for_every_data_set():
    for name in DATA_SETS:
        full, fast = (settings(name, Options("methods", quick=q)) for q in (0, 1))
        assert fast[0].fit < (full[0].fit or 10**9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["methods"], "needs --data DIR"),
        (["methods", "--data", ".", "--only", "adlut"], "known are adult"),
        (
            ["speed", "--only", "adult"],
            "of the suites methods, sweep",
        ),
    ],
)
def test_bad_choices_are_refused(arguments, message, capsys):
    with pytest.raises(SystemExit):
        main(arguments)
    assert message in capsys.readouterr().err
