"""Sparse matrices: trained on as the dense ones are, and made dense by batch alone."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from torch import nn

import sk_mixup
from sk_mixup import MixupSearchCV, MixupWarning
from sk_mixup.encoding import SparseScale
from sk_mixup.inputs import SparseRows
from tests.builders import assert_same_weights, classifier, people, regressor

KINDS = [
    sparse.csr_matrix,
    sparse.csc_matrix,
    sparse.coo_matrix,
    sparse.csr_array,
    sparse.csc_array,
    sparse.coo_array,
]


def marks(n_rows=80, n_columns=12, seed=0):
    """Return rows of which a third is not zero, and labels that two columns tell."""
    random = np.random.default_rng(seed)
    X = random.random((n_rows, n_columns)) * (random.random((n_rows, n_columns)) < 0.3)
    return X.astype(np.float32), (X[:, 0] > X[:, 1]).astype(int)


X, Y = marks()
ROWS = sparse.csr_matrix(X)


def linear():
    torch.manual_seed(0)
    return nn.Linear(12, 2)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_module_of_ones_own_learns_the_same_of_sparse_and_dense_rows(kind):
    dense = classifier(module=linear(), alpha=0.4).fit(X, Y)
    model = classifier(module=linear(), alpha=0.4).fit(kind(X), Y)
    assert_same_weights(model, dense)
    np.testing.assert_array_equal(model.predict_proba(kind(X)), dense.predict_proba(X))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_mlp_takes_all_kinds_of_matrices_alike(kind):
    model = classifier(module="mlp").fit(ROWS, Y)
    assert_same_weights(classifier(module="mlp").fit(kind(X), Y), model)
    np.testing.assert_array_equal(model.predict(kind(X)), model.predict(X))


@pytest.mark.parametrize("module", ["mlp", None])
def test_what_sparse_columns_tell_is_learnt(module):
    rows, y = marks(600)
    model = classifier(module=module, max_epochs=40, mix="mixup")
    assert model.fit(sparse.csr_matrix(rows), y).score(ROWS, Y) > 0.9


def test_integers_and_marks_are_floats():
    counts = sparse.csr_matrix((X > 0).astype(np.int64))
    model = classifier(module=linear()).fit(counts, Y)
    other = classifier(module=linear()).fit(counts.astype(bool), Y)
    assert_same_weights(model, other)


@pytest.mark.parametrize("module", ["mlp", "own"])
def test_rows_are_never_all_dense(module, monkeypatch):
    sizes, read = [], SparseRows.read

    def watched(self, index):
        dense = read(self, index)
        sizes.append(len(dense))
        return dense

    monkeypatch.setattr(SparseRows, "read", watched)
    rows, y = marks(2000)
    rows = sparse.hstack([sparse.csr_matrix(rows), sparse.csr_matrix((2000, 50_000))])
    module = nn.LazyLinear(2) if module == "own" else module
    model = classifier(module=module, max_epochs=1, mix=None, batch_size=100)
    model.fit(rows, y, X_val=rows[:300], y_val=y[:300]).predict(rows)
    # A few megabytes of so wide rows are few rows.
    assert max(sizes) <= 256


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_rows_that_are_read_are_those_of_the_matrix(data):
    n, k = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 6))
    dense = np.array(
        data.draw(
            st.lists(
                st.lists(st.sampled_from([0, 0, 0, 1.5, -2]), min_size=k, max_size=k),
                min_size=n,
                max_size=n,
            )
        ),
        dtype=np.float32,
    )
    rows = SparseRows.of(sparse.csr_matrix(dense), "a test")
    index = np.array(data.draw(st.lists(st.integers(0, n - 1), max_size=9)), dtype=int)
    np.testing.assert_array_equal(rows.read(index).numpy(), dense[index])
    part = rows.view(index)
    again = torch.arange(len(index)).flip(0)
    np.testing.assert_array_equal(part.read(again).numpy(), dense[index][::-1])
    np.testing.assert_array_equal(part.read(slice(1, 3)).numpy(), dense[index][1:3])


def test_entries_that_come_twice_are_added_and_the_callers_matrix_stays():
    given_ = sparse.csr_matrix(
        (np.array([1.0, 2.0, 0.0]), np.array([1, 1, 0]), np.array([0, 2, 3])), (2, 3)
    )
    rows = SparseRows.of(given_, "a test")
    assert rows.read(slice(None)).tolist() == [[0, 3, 0], [0, 0, 0]]
    assert given_.data.tolist() == [1.0, 2.0, 0.0]


@pytest.mark.parametrize(
    ("value", "words"), [(np.nan, "contains NaN"), (np.inf, "contains infinity")]
)
@pytest.mark.parametrize("module", ["mlp", nn.Linear(12, 2)], ids=["mlp", "own"])
def test_a_value_that_is_no_number_is_refused_by_its_place(module, value, words):
    bad = sparse.lil_matrix(X)
    bad[5, 3] = value
    with pytest.raises(ValueError, match=rf"{words}: row 5, column 3"):
        classifier(module=module).fit(bad.tocsr(), Y)


@pytest.mark.parametrize("module", ["tabm", "ft_transformer", "excelformer", "resnet"])
def test_nets_that_make_a_vector_of_each_column_name_the_remedy(module):
    with pytest.raises(TypeError, match=r"Sparse input.*module='mlp'.*X\.toarray\(\)"):
        classifier(module=module).fit(ROWS, Y)


def test_columns_of_a_sparse_matrix_are_no_categories():
    with pytest.raises(ValueError, match=r"categorical_features.*OneHotEncoder"):
        classifier(module="mlp", categorical_features=[0]).fit(ROWS, Y)


def test_another_width_is_refused():
    model = classifier(module="mlp").fit(ROWS, Y)
    with pytest.raises(ValueError, match="12 features"):
        model.predict(ROWS[:, :7])


def test_validation_rows_may_be_sparse_and_dense():
    kept = {"y_val": Y[60:]}
    one = classifier(module="mlp").fit(ROWS[:60], Y[:60], X_val=ROWS[60:], **kept)
    other = classifier(module="mlp").fit(ROWS[:60], Y[:60], X_val=X[60:], **kept)
    assert_same_weights(one, other)


def test_rows_can_come_in_parts_and_with_weights():
    model = classifier(module="mlp")
    for part in range(4):
        rows = slice(20 * part, 20 * part + 20)
        weight = np.r_[np.zeros(5), np.ones(15)]
        model.partial_fit(ROWS[rows], Y[rows], classes=[0, 1], sample_weight=weight)
    assert model.n_iter_ == 4
    assert model.score(ROWS, Y) > 0


def test_an_early_stop_holds_out_sparse_rows():
    rows, y = marks(600)
    model = classifier(module="mlp", early_stopping=True)
    model.fit(sparse.csr_matrix(rows), y)
    assert "valid_loss" in model.history_[-1]


def test_scores_of_folds_and_searches():
    model = classifier(module="mlp")
    scores = cross_val_score(model, ROWS, Y, cv=2)
    grid = {"alpha": [0.1, 0.4]}
    plain = GridSearchCV(model, grid, cv=2).fit(sparse.coo_matrix(X), Y)
    with pytest.warns(MixupWarning, match="the rows of X are sparse"):
        ours = MixupSearchCV(model, grid, cv=2).fit(sparse.coo_matrix(X), Y)
    np.testing.assert_array_equal(
        ours.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
    )
    assert len(scores) == 2


def test_pipelines_from_texts_and_categories():
    table, y, income = people()
    pairs = zip(table.job, table.region, strict=True)
    texts = [f"{job} of {region}" for job, region in pairs]
    model = make_pipeline(TfidfVectorizer(), classifier(module=nn.LazyLinear(2)))
    assert len(model.fit(texts, y).predict_proba(texts)) == len(y)
    model = make_pipeline(OneHotEncoder(), regressor(module="mlp"))
    assert len(model.fit(table[["job"]], income).predict(table[["job"]])) == len(y)


def test_a_model_of_sparse_rows_is_stored_and_pickled(tmp_path):
    model = classifier(module="mlp").fit(ROWS, Y)
    model.save(tmp_path / "model")
    expected = model.predict_proba(ROWS)
    stored = sk_mixup.load(tmp_path / "model")
    np.testing.assert_array_equal(stored.predict_proba(ROWS), expected)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), expected)


def test_a_program_of_a_sparse_model_is_refused():
    from sk_mixup.export import to_torch

    with pytest.raises(ValueError, match="sparse"):
        to_torch(classifier(module="mlp").fit(ROWS, Y))


def test_rows_are_encoded_and_previewed():
    model = classifier(module="mlp", alpha=1.0).fit(ROWS, Y)
    assert model.encode(ROWS)["numeric"].shape == (80, 12)
    preview = classifier(module="mlp", alpha=1.0).preview(ROWS, Y, n=4)
    table = preview.table
    lam = table["lambda"].to_numpy().ravel()
    own, partner = table["own"].to_numpy(), table["partner"].to_numpy()
    expected = lam[:, None] * own + (1 - lam[:, None]) * partner
    np.testing.assert_allclose(table["mixed"].to_numpy(), expected, atol=1e-6)


def test_methods_and_importances_that_look_at_every_column_are_refused():
    with pytest.raises(ValueError, match=r"mix: FeatMix.*sparse"):
        classifier(module="mlp", mix="feat_mix").fit(ROWS, Y)
    with pytest.raises(ValueError, match=r"importance.*sparse"):
        classifier(module=linear(), importance="permutation").fit(ROWS, Y)


# -- scales ---------------------------------------------------------------------------


def test_marks_keep_their_size_and_an_outlier_harms_nothing():
    columns = np.repeat([0, 1], [5, 5])
    values = np.array([1.0, 1, 1, 1, 1, 2, 2, 2, 2, 1e30])
    scale = SparseScale.fit(columns, values, 2)
    assert scale.scale.tolist() == [1.0, 2.0]
    marks_ = 1.0 / np.sqrt(1.0 + 1.0 / 9.0)
    expected = [marks_] * 9 + [3.0]
    np.testing.assert_allclose(scale.apply(columns, values), expected, rtol=1e-6)


def test_a_column_without_entries_stays_zero_whatever_comes():
    scale = SparseScale.fit(np.array([0]), np.array([4.0]), 2)
    assert scale.apply(np.array([1]), np.array([7.0])).tolist() == [0.0]


def test_medians_of_many_entries_are_those_of_a_choice(monkeypatch):
    monkeypatch.setattr("sk_mixup.encoding._sparse._SAMPLE_ENTRIES", 1000)
    random = np.random.default_rng(0)
    columns, values = random.integers(0, 3, 9000), random.exponential(1.0, 9000)
    columns = np.r_[columns, 3]
    values = np.r_[values, 5.0]
    scale = SparseScale.fit(columns, values, 4, seed=0).scale
    np.testing.assert_allclose(scale[:3], np.log(2), rtol=0.25)
    assert scale[3] == 5.0


def test_rows_are_the_same_where_nobody_asks_how_many_entries_they_have():
    rows = SparseRows.of(ROWS, "model")
    chosen = torch.tensor([79, 0, 3, 3, 40])
    assert rows._most_entries() == int((X != 0).sum(1).max())
    dense = rows._added_to(torch.zeros(5, 12), chosen)
    assert torch.equal(dense, rows.read(chosen))


def test_a_matrix_of_zeros_is_one_there_too():
    rows = SparseRows.of(sparse.csr_matrix((4, 3), dtype=np.float32), "model")
    assert torch.equal(
        rows._added_to(torch.zeros(2, 3), torch.tensor([0, 3])), torch.zeros(2, 3)
    )
