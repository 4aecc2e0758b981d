"""The suites on tables: what is split, scored, kept and compared."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from benchmarks.__main__ import main
from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.peers.tabular_boosting import Categories
from benchmarks.suites import label_noise, tabular, tabular_cells, tabular_ours
from benchmarks.suites.tabular_cells import Runner, key_of, temperature_job
from benchmarks.suites.tabular_found import Found, mean_text
from benchmarks.suites.tabular_names import (
    DATA_SETS,
    MAIN_SETS,
    MODEL_GROUPS,
    MODELS,
    OURS,
    REGRESSION_SETS,
    SET_GROUPS,
    SMALL_SETS,
    SYNTHETIC_SETS,
    expand,
    is_wanted,
)
from benchmarks.suites.tabular_plot import draw
from benchmarks.suites.tabular_published import PUBLISHED, PUBLISHED_SETS
from benchmarks.suites.tabular_ranks import claim_table, mean_ranks
from benchmarks.suites.tabular_report import report_of
from benchmarks.suites.tabular_scores import (
    best_inverse_temperature,
    calibration_error,
    class_scores,
    number_scores,
    tempered,
)
from benchmarks.suites.tabular_worker import Job, do
from benchmarks.tabular_data import degrade, load
from sk_mixup.inspection import expected_calibration_error

QUICK = Job(folder=None, data="wine", model="hgb", seed=0, threads=1)

# --- names ---------------------------------------------------------------------------


def test_groups_become_their_members_and_nothing_becomes_all():
    assert expand([], DATA_SETS, SET_GROUPS) == DATA_SETS
    assert expand(["hgb", "boosting"], tuple(MODELS), MODEL_GROUPS) == (
        "hgb",
        "lightgbm",
        "xgboost",
        "catboost",
    )
    assert expand(["none"], tuple(MODELS), MODEL_GROUPS) == ()


def test_unknown_names_are_refused_with_the_nearest(capsys):
    with pytest.raises(ValueError, match=r"unknown name 'lightgmb'.*mean 'lightgbm'"):
        expand(["lightgmb"], tuple(MODELS), MODEL_GROUPS)
    with pytest.raises(SystemExit):
        main(["tabular", "--data", ".", "--only", "adlut"])
    assert "Did you mean 'adult'?" in capsys.readouterr().err


def test_slow_nets_run_elsewhere_only_where_both_names_are_given():
    assert is_wanted("tabm-d", "churn", (), ())
    assert not is_wanted("tabm-d", "adult", ("tabm-d",), ("main",))
    assert not is_wanted("tabm-d", "adult", ("peers",), ("adult",))
    assert is_wanted("tabm-d", "adult", ("tabm-d",), ("adult",))
    assert is_wanted("lightgbm", "adult", (), ())


def test_figures_that_were_published_are_of_known_sets():
    assert set(PUBLISHED_SETS) <= set(DATA_SETS)
    assert all(set(figure.losses) == set(PUBLISHED_SETS) for figure in PUBLISHED)


# --- data ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*SMALL_SETS, *SYNTHETIC_SETS])
def test_sets_without_a_file_are_split_anew_with_every_seed(name):
    data, same, other = load(None, name), load(None, name), load(None, name, seed=1)
    assert data.is_classification == (name not in REGRESSION_SETS)
    n_rows = len(data.y_train) + len(data.y_test)
    assert len(data.y_test) == pytest.approx(n_rows / 5, abs=1)
    assert data.val_rows.mean() == pytest.approx(0.2, abs=0.01)
    np.testing.assert_array_equal(data.x_test, same.x_test)
    assert not np.array_equal(data.y_test, other.y_test)
    inner = data.without_validation()
    assert len(inner.y_train) + len(inner.y_test) == len(data.y_train)


def test_a_hundredth_of_the_imbalanced_table_is_positive():
    data = load(None, "imbalanced")
    assert data.y_train.mean() == pytest.approx(0.01, abs=0.002)
    assert data.y_test.sum() >= 50


def write(folder: Path, name: str, table: pd.DataFrame) -> None:
    (folder / "tabular").mkdir(exist_ok=True)
    table.to_csv(folder / "tabular" / f"{name}.csv.gz", index=False)


def test_adult_keeps_its_official_test_part(tmp_path):
    n = 400
    table = pd.DataFrame(
        {
            "age": np.arange(n),
            "workclass": ["a", "b", None, "c"] * (n // 4),
            "income": ["<=50K", ">50K"] * (n // 2),
            "split": ["train"] * 300 + ["test"] * 100,
        }
    )
    write(tmp_path, "adult", table)
    data = load(tmp_path, "adult")
    assert sorted(data.x_train["age"]) == list(range(300))
    assert sorted(data.x_test["age"]) == list(range(300, 400))
    assert list(data.x_train.columns) == ["age", "workclass"]
    assert data.words == ["workclass"]
    assert set(data.y_train) == {0, 1}
    assert data.val_rows.sum() == 60
    assert len(load(tmp_path, "adult", max_rows=50).y_train) == 50


def test_blanks_of_telco_become_missing_numbers(tmp_path):
    table = pd.DataFrame(
        {
            "customerID": [f"id{i}" for i in range(50)],
            "TotalCharges": [" ", "29.85"] * 25,
            "Churn": ["No", "Yes"] * 25,
        }
    )
    write(tmp_path, "telco_churn", table)
    data = load(tmp_path, "telco")
    assert data.numbers == ["TotalCharges"]
    assert data.x_train["TotalCharges"].isna().any()
    assert len(data.y_test) == 10


def test_california8_has_the_columns_of_scikit_learn(tmp_path):
    names = ["longitude", "latitude", "housing_median_age", "total_rooms"]
    names += ["total_bedrooms", "population", "households", "median_income"]
    # The first row of the real table, whose averages are known.
    row = dict(
        zip(names, [-122.23, 37.88, 41, 880, 129, 322, 126, 8.3252], strict=True)
    )
    table = pd.DataFrame([row | {"median_house_value": 452600.0}] * 20)
    write(tmp_path, "california_housing", table.assign(ocean_proximity="NEAR BAY"))
    data = load(tmp_path, "california8")
    assert data.x_train.iloc[0].round(4).tolist() == [
        *(8.3252, 41.0, 6.9841, 1.0238, 322.0, 2.5556, 37.88, -122.23)
    ]
    assert data.y_train[0] == pytest.approx(4.526)
    assert load(tmp_path, "california").words == ["ocean_proximity"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"tabular/churn_modelling\.csv\.gz"):
        load(tmp_path, "churn")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        load(None, "churn")
    with pytest.raises(ValueError, match="unknown data set 'nope'"):
        load(None, "nope")


def test_wrong_labels_are_as_many_as_asked_for_and_the_test_rows_stay():
    data = load(None, "digits")
    noisy = degrade(data, 1.0, 0.4, seed=3)
    assert (noisy.y_train != data.y_train).mean() == pytest.approx(0.4, abs=1e-3)
    np.testing.assert_array_equal(noisy.y_test, data.y_test)
    np.testing.assert_array_equal(noisy.y_train, degrade(data, 1.0, 0.4, 3).y_train)
    small = degrade(data, 0.1, 0.2, seed=3)
    assert len(small.y_train) == round(0.1 * len(data.y_train))
    assert set(small.y_train) == set(range(10))


def test_wrong_numbers_are_exchanged_among_rows():
    data = load(None, "diabetes")
    noisy = degrade(data, 1.0, 0.2, seed=0)
    np.testing.assert_array_equal(np.sort(noisy.y_train), np.sort(data.y_train))
    assert 0.1 < (noisy.y_train != data.y_train).mean() <= 0.2


def test_unknown_words_become_missing_with_the_same_codes():
    train = pd.DataFrame({"w": ["b", None, "a"], "x": [1.0, 2.0, 3.0]})
    test = pd.DataFrame({"w": ["c", "b"], "x": [0.0, 0.0]})
    encode = Categories(["w"]).fit(train)
    assert encode.transform(test)["w"].cat.codes.tolist() == [-1, 1]
    filled = Categories(["w"], missing="?").fit(train).transform(train)
    assert filled["w"].tolist() == ["b", "?", "a"]


# --- scores --------------------------------------------------------------------------


@pytest.fixture
def predictions():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet([1.0, 1.0, 1.0], 4000)
    y = (rng.random((4000, 1)) > proba.cumsum(1)).sum(1)
    return y, proba


def test_scores_are_those_of_scikit_learn(predictions):
    y, proba = predictions
    found = class_scores(y, proba, None)
    assert found["log_loss"] == pytest.approx(metrics.log_loss(y, proba))
    assert found["accuracy"] == metrics.accuracy_score(y, proba.argmax(1))
    assert found["brier"] == pytest.approx(((proba - np.eye(3)[y]) ** 2).sum(1).mean())
    assert found["ece"] == pytest.approx(
        expected_calibration_error(y, proba, n_bins=15)
    )
    assert found["tempered_log_loss"] is None


def test_a_temperature_is_found_again(predictions):
    y, proba = predictions
    sharp = tempered(proba, 2.5)
    assert best_inverse_temperature(y, sharp) == pytest.approx(0.4, rel=0.06)
    found = class_scores(y, sharp, 0.4)
    assert found["tempered_log_loss"] == pytest.approx(metrics.log_loss(y, proba))
    assert found["refined_log_loss"] <= found["tempered_log_loss"] < found["log_loss"]
    assert found["tempered_ece"] < calibration_error(y, sharp) == found["ece"]


def test_two_classes_and_numbers_have_their_own_scores():
    y = np.array([0, 1, 1, 0])
    found = class_scores(
        y, np.array([[0.8, 0.2], [0.3, 0.7], [0.4, 0.6], [1.0, 0.0]]), 1
    )
    assert (found["roc_auc"], found["average_precision"]) == (1.0, 1.0)
    found = number_scores(
        np.array([1.0, 2.0]), np.array([[1.0], [4.0]]), np.array([0, 4.0])
    )
    assert found["rmse"] == pytest.approx(np.sqrt(2))
    assert found["relative_rmse"] == pytest.approx(np.sqrt(2) / 2)


def test_probabilities_that_are_not_finite_are_no_result():
    with pytest.raises(ValueError, match="not finite"):
        class_scores(np.array([0]), np.array([[np.nan, 1.0]]), None)


# --- one training --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "model"), [("wine", "hgb"), ("diabetes", "mlp-early")]
)
def test_a_training_is_scored_and_timed(data, model):
    result = do(replace(QUICK, data=data, model=model, max_rows=80))
    assert result["n_train"] == 80
    assert result["fit_seconds"] > 0
    assert result["predict_rows_per_second"] > 0
    assert result["warnings"] == []
    assert result["version"] != "not installed"
    assert json.loads(json.dumps(result)) == result
    assert ("rmse" if data == "diabetes" else "accuracy") in result


def test_a_class_without_a_training_row_gets_a_column(monkeypatch):
    class Constant:
        def fit(self, x, y):
            self.classes_ = np.array([0, 2])

        def predict_proba(self, x):
            return np.full((len(x), 2), 0.5)

    monkeypatch.setattr(
        "benchmarks.peers.tabular_boosting.build_histogram", lambda *_: Constant()
    )
    assert do(QUICK)["log_loss"] > 5.0


def test_ours_is_the_call_without_arguments_and_with_mixup(monkeypatch):
    data = load(None, "wine")
    plain = tabular_ours.build(data, 3, 1).get_params()
    unmixed = tabular_ours.build(data, 3, 1, mixing=False).get_params()
    assert plain["random_state"] == 3
    assert plain.pop("mix") == "mixup"
    assert unmixed.pop("mix") == "auto"
    assert repr(plain) == repr(unmixed)

    class Older:
        def __init__(self, random_state=None):
            pass

    monkeypatch.setattr("sk_mixup.MixupClassifier", Older)
    with pytest.raises(ImportError, match="no presets"):
        tabular_ours.build(data, 0, 1, preset="fast")
    job = replace(QUICK, model="mixup-best")
    assert do(job) == {"skipped": "this version of sk-mixup has no presets"}


# --- cells ---------------------------------------------------------------------------


@pytest.fixture
def options(tmp_path):
    return Options("tabular", quick=True, output=tmp_path, threads=1, models=("hgb",))


@pytest.fixture
def trainings(monkeypatch):
    """The jobs that were run, answered without running them."""
    jobs = []

    def answer(arguments, timeout):
        job = Job(**json.loads(arguments[-1]))
        jobs.append(job)
        if job.model == "catboost":
            return {"skipped": "No module named 'catboost'"}
        if job.model == "mlp":
            raise RuntimeError("it ended with code 1:\nValueError: too bad")
        return result_of(job)

    monkeypatch.setattr(tabular_cells, "run_python", answer)
    return jobs


def result_of(job, loss=0.5, **more):
    if job.temperature_only:
        return {"inverse_temperature": 0.7}
    keys = ["log_loss", "refined_log_loss", "tempered_log_loss", "brier", "ece"]
    keys += ["rmse", "relative_rmse", "accuracy", "fit_seconds", "fit_cpu_seconds"]
    result = dict.fromkeys(keys, loss)
    result |= {"warnings": [], "version": "1.0", "commit": "abc", "date": "2026-01-01"}
    return result | {"n_train": 100} | more


def test_a_finished_cell_is_never_run_again(options, trainings):
    progress = Progress("tabular")
    tabular.run(options, progress)
    assert [(job.data, job.temperature_only) for job in trainings] == [
        ("wine", True),
        ("wine", False),
        ("diabetes", False),
        ("checkerboard", True),
        ("checkerboard", False),
    ]
    assert [job.inverse_temperature for job in trainings[:2]] == [None, 0.7]
    tabular.run(options, progress)
    assert len(trainings) == 5
    # Another model is added to what was found before.
    report = tabular.run(replace(options, models=("lightgbm",)), progress)
    assert len(trainings) == 10
    text = report.markdown()
    assert "LightGBM" in text
    assert "HistGradientBoosting" in text


def test_what_fails_or_is_missing_is_told_and_tried_again(options, trainings, capsys):
    options = replace(options, models=("mlp", "catboost"), only=("diabetes", "wine"))
    report = tabular.run(options, Progress("tabular"))
    rows = report.tables[-1].rows
    assert ["MLP of scikit-learn on diabetes", "failed", "ValueError: too bad"] in rows
    assert ["CatBoost", "skipped", "No module named 'catboost'"] in rows
    assert "too bad" in capsys.readouterr().err
    # A package that is missing is looked for once.
    assert sum(job.model == "catboost" for job in trainings) == 1
    before = len(trainings)
    tabular.run(options, Progress("tabular"))
    assert len(trainings) == 2 * before


def test_a_committed_report_is_enough_to_go_on(options, trainings, tmp_path):
    progress = Progress("tabular")
    cells = tabular.run(options, progress).measurements["cells"]
    later = tmp_path / "later"
    later.mkdir()
    content = json.dumps({"measurements": {"cells": cells}})
    (later / "tabular.json").write_text(content)
    before = len(trainings)
    tabular.run(replace(options, output=later, work=later / "work"), progress)
    assert len(trainings) == before


def test_our_cells_count_for_one_state_of_the_library_alone():
    assert "code" not in key_of(QUICK)
    assert "code" in key_of(replace(QUICK, model="mixup-default"))
    assert key_of(replace(QUICK, noise=0.2)) != key_of(QUICK)
    assert key_of(replace(QUICK, inverse_temperature=2.0)) == key_of(QUICK)


def test_seeds_share_a_temperature_where_they_share_the_split():
    assert temperature_job(replace(QUICK, data="churn", seed=2)).seed == 0
    assert temperature_job(replace(QUICK, seed=2)).seed == 2


def test_time_left_is_told_from_finished_cells(options, trainings):
    runner = Runner(options, Progress("tabular"), "tabular")
    job = replace(QUICK, max_rows=400)
    assert (
        runner._time_left([job], {}) == "about 0 min left and 1 cells of unknown time"
    )
    seconds = {("hgb", "wine"): [100.0, 140.0]}
    assert runner._time_left([job, job], seconds) == "about 4 min left"


# --- comparisons ---------------------------------------------------------------------


def found_with(losses: dict[str, float], **more: float) -> Found:
    found = Found()
    for model, loss in losses.items():
        for data in MAIN_SETS:
            for seed in range(2):
                job = replace(QUICK, data=data, model=model, seed=seed)
                found.add(key_of(job), result_of(job, loss + 0.001 * seed, **more))
    return found


def test_each_of_ours_is_ranked_alone_among_the_peers():
    losses = {"unmixed-default": 0.3, "mixup-fast": 0.31, "hgb": 0.2, "catboost": 0.4}
    ranks = mean_ranks(found_with(losses))
    assert ranks == {"unmixed-default": 2, "mixup-fast": 2, "hgb": 1, "catboost": 3}


def test_a_model_without_one_of_the_sets_has_no_rank():
    found = found_with({"hgb": 0.2, "mlp": 0.3})
    del found.trainings["letter", "mlp"]
    assert mean_ranks(found) == {"hgb": 1.0}


def test_claims_are_met_or_missed():
    losses = {"unmixed-default": 0.3, "hgb": 0.2, "mlp": 0.5, "catboost": 0.1}
    found = found_with(losses | {"tabm-d": 4.0})
    rows = {row[0]: row[1:] for row in claim_table(found).rows}
    assert rows["mean rank, ahead of HistGradientBoosting"][-1] == "missed"
    assert rows["mean rank, ahead of MLP of scikit-learn"][-1] == "met"
    assert rows["log-loss on churn, ahead of TabM-D"][-1] == "met"
    assert rows["fit time on churn, share of TabM-D's"] == [
        *("0.075", "at most 0.1", "met")
    ]
    assert rows["sets with ECE at most CatBoost's"] == [
        "0 of 4",
        "the majority",
        "missed",
    ]
    assert rows["ECE on adult"] == ["0.3005", "at most 0.2010", "missed"]
    assert claim_table(found_with({"hgb": 0.2})) is None


def test_the_report_shows_means_with_errors_and_the_best_in_bold():
    found = found_with({"unmixed-default": 0.3, "catboost": 0.4})
    text = report_of(found, [], Options("tabular")).markdown()
    assert "**0.3005 ± 0.0005**" in text
    assert "0.4005 ± 0.0005" in text
    assert "-25.0 %" in text
    assert "published" in text
    assert mean_text([2.0], digits=1) == "2.0"
    assert mean_text([]) == ""


def test_every_seed_of_ours_is_shown():
    found = found_with({"unmixed-default": 0.3, "catboost": 0.4}, epochs=7)
    tables = report_of(found, [], Options("tabular")).tables
    (table,) = [table for table in tables if "seed by seed" in table.title]
    assert [row[1:3] for row in table.rows] == [["0", "0.3000"], ["1", "0.3010"]]
    assert table.rows[0][-1] == "7"


def test_warnings_of_ours_are_shown():
    found = found_with({"unmixed-default": 0.3}, warnings=["MixupWarning: odd"])
    text = report_of(found, [], Options("tabular")).markdown()
    assert "MixupWarning: odd" in text


def test_the_picture_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    found = found_with(dict.fromkeys(MODELS, 0.3))
    file = draw(found, tmp_path / "new" / "plot.png")
    assert file.read_bytes().startswith(b"\x89PNG")
    assert draw(Found(), tmp_path / "none.png") is None
    assert tabular.plot_file(Options("tabular")).parent.name == "docs"
    assert tabular.plot_file(Options("tabular", output=tmp_path)).parent == tmp_path


def test_mixing_is_compared_within_a_seed(tmp_path, monkeypatch):
    def answer(arguments, timeout):
        job = Job(**json.loads(arguments[-1]))
        gain = 0.1 if job.model.startswith("mixup") else 0.0
        # Seeds differ far more than the two sides of one.
        return result_of(job, 10.0 * job.seed + job.noise - gain)

    monkeypatch.setattr(tabular_cells, "run_python", answer)
    options = Options(
        "label_noise", quick=True, output=tmp_path, threads=1, only=("wine", "diabetes")
    )
    report = label_noise.run(options, Progress("label_noise"))
    tables = {table.title: table for table in report.tables}
    row = tables["What mixing changes: log-loss (default)"].rows[0]
    assert row == ["wine", *["**-0.1000 ± 0.0000**"] * 6]
    row = tables["Rise of the loss from clean to 40 % wrong labels (default)"].rows[0]
    assert row[:3] == ["wine, 100 % of the rows", "0.4000 ± 0.0000", "0.4000 ± 0.0000"]
    assert len(tables["diabetes (default)"].rows) == 6
    assert len(report.measurements["cells"]) == 2 * 6 * 2 * 2


def test_a_difference_is_bold_where_its_interval_leaves_out_zero():
    assert label_noise.marked([-0.22, -0.2, -0.18]) == "**-0.2000 ± 0.0115**"
    # More than two standard errors, of three values.
    assert label_noise.marked([-0.3, -0.2, -0.1]) == "-0.2000 ± 0.0577"
    assert label_noise.marked([0.25]) == "+0.2500"


@pytest.mark.slow
def test_a_quick_run_from_the_command_line(tmp_path, capsys):
    arguments = ["tabular", "--quick", "--data", str(tmp_path), "--threads", "1"]
    arguments += ["--models", "hgb", "--only", "wine", "--output", str(tmp_path)]
    assert main(arguments) == 0
    content = json.loads((tmp_path / "tabular.json").read_text())
    assert content["header"]["command"] == (
        "python -m benchmarks tabular --data DIR --only wine --models hgb"
        " --threads 1 --quick"
    )
    assert [cell["key"]["model"] for cell in content["measurements"]["cells"]] == [
        *("hgb", "hgb")
    ]
    assert (
        "## Log-loss, small and made-up sets" in (tmp_path / "tabular.md").read_text()
    )
    assert "HistGradientBoosting" in capsys.readouterr().out


def test_every_model_of_ours_is_in_one_group():
    assert MODEL_GROUPS[OURS] == tuple(
        f"{side}-{preset}"
        for side in ("mixup", "unmixed")
        for preset in ("fast", "default", "best")
    )


def test_no_group_hides_a_model_or_a_data_set():
    assert not set(MODEL_GROUPS) & set(MODELS)
    assert not set(SET_GROUPS) & set(DATA_SETS)
