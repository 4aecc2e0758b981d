"""Raw texts straight into an estimator, mixed at the words and at the sentence."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from torch import nn

from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.inputs import Rows, TextTokenizer
from sk_mixup.mixing import ManifoldMixup, Mixup, Repeat
from tests.builders import no_hooks

pytest.importorskip("tokenizers")

THEMES = {
    "sport": ["the team won a match", "a late goal", "the coach and players", "league"],
    "money": ["shares fell on the market", "the bank lends", "profit rose", "a merger"],
    "space": ["a probe orbits mars", "the rocket and moon", "stars far off", "a comet"],
}
NETS = ["text_bag", "text_cnn"]
WORDS = ManifoldMixup(layers=["embedding"])
SENTENCE = ManifoldMixup(layers=["pooled"])
FAST = {"max_epochs": 8, "batch_size": 16, "random_state": 0}


def corpus(n=60, seed=0):
    """Sentences of phrases of one theme, of unequal length."""
    rng = np.random.default_rng(seed)
    y = [list(THEMES)[i % 3] for i in range(n)]
    texts = [
        ", ".join(rng.choice(THEMES[label], size=rng.integers(1, 4))) for label in y
    ]
    return texts, y


def classifier(net="text_bag", **params):
    return MixupClassifier(net, **FAST | params)


@pytest.mark.parametrize("mix", [None, "mixup", WORDS, SENTENCE], ids=repr)
@pytest.mark.parametrize("net", NETS)
def test_a_list_of_strings_is_learnt(net, mix):
    X, y = corpus()
    clf = classifier(net, mix=mix, max_epochs=12).fit(X, y)
    asked, answers = corpus(30, seed=1)
    assert clf.score(asked, answers) > 0.8
    np.testing.assert_allclose(clf.predict_proba(asked).sum(1), 1)
    assert no_hooks(clf.module_)


@pytest.mark.parametrize(
    "container",
    [
        list,
        np.array,
        pd.Series,
        lambda X: pd.DataFrame({"text": X}),
        lambda X: np.array(X, dtype=object)[:, None],
    ],
    ids=["list", "array", "series", "frame", "column"],
)
def test_every_container_of_texts_gives_the_same_fit(container):
    X, y = corpus()
    wanted = classifier().fit(X, y).predict_proba(X)
    found = classifier().fit(container(X), y).predict_proba(container(X))
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("container", [list, pd.Series], ids=["list", "series"])
def test_texts_are_cross_validated(container):
    X, y = corpus()
    assert cross_val_score(classifier(), container(X), y, cv=3).mean() > 0.6


def test_a_fold_learns_its_own_vocabulary():
    X = [f"common word{i} word{i}" for i in range(6)]
    clf = classifier("text_bag", max_epochs=5).fit(X[:4], list("abab"))
    known = clf._source_.tokenizer.tokenizer_.get_vocab()
    # A part that stands in the test texts alone is unknown.
    assert not {"word4", "word5", "##4", "##5"} & set(known)
    assert clf.predict(X[4:]).shape == (2,)


def test_levels_of_mixing_are_a_grid():
    X, y = corpus()
    search = GridSearchCV(
        classifier(), {"mix": [None, WORDS, SENTENCE, "manifold"]}, cv=2
    )
    search.fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_pipeline_sets_the_tokenizer():
    X, y = corpus()
    pipe = make_pipeline(TextTokenizer("word"), classifier(mix=WORDS))
    grid = {
        "texttokenizer__kind": ["word", "bpe"],
        "mixupclassifier__mix__alpha": [0.2, 2.0],
    }
    search = GridSearchCV(pipe, grid, cv=2).fit(pd.Series(X), y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    best = search.best_estimator_
    size = best[-1].module_.embedding.tokens.num_embeddings
    assert size == best[0].n_tokens_


def test_the_same_tokens_give_the_same_fit_with_and_without_pipeline():
    X, y = corpus()
    inside = classifier().fit(X, y).predict_proba(X)
    before = make_pipeline(TextTokenizer(), classifier()).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(inside, before)


def test_a_fitted_estimator_survives_clone_and_pickle():
    X, y = corpus()
    clf = classifier("text_cnn").fit(X, y)
    again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
    np.testing.assert_array_equal(
        clone(clf).fit(X, y).predict_proba(X), clf.predict_proba(X)
    )


def test_weights_validation_data_and_warm_start_take_texts():
    X, y = corpus()
    weight = np.r_[np.zeros(6), np.ones(54)]
    clf = classifier(warm_start=True)
    clf.fit(X, y, sample_weight=weight, X_val=X[:9], y_val=y[:9])
    clf.fit(X, y)
    assert len(clf.history_) == 16


def test_a_regressor_takes_texts():
    X, _ = corpus()
    numbers = np.array([len(text) for text in X], dtype=float)
    reg = MixupRegressor("text_bag", **FAST).fit(X, numbers)
    assert np.isfinite(reg.predict(X)).all()


def test_missing_and_long_texts_are_predicted():
    X, y = corpus()
    clf = classifier("text_cnn").fit([*X, None], [*y, "sport"])
    found = clf.predict_proba([None, "", "a match " * 500])
    np.testing.assert_array_equal(found[0], found[1])


def test_more_mixed_rows_than_texts():
    X, y = corpus()
    clf = classifier(mix=Repeat(WORDS, k=2)).fit(X, y)
    assert np.isfinite(clf.history_[:, "train_loss"]).all()


def test_ids_of_another_tokenizer_are_refused():
    X, y = corpus()
    rows = TextTokenizer().fit_transform(X)
    clf = classifier().fit(rows, y)
    strange = Rows(ids=np.full((2, 4), rows.n_tokens), mask=np.ones((2, 4), bool))
    with pytest.raises(ValueError, match=r"ids hold .* outside of the vocabulary"):
        clf.predict(strange)
    with pytest.raises(ValueError, match="fitted on token ids"):
        clf.predict(X)
    with pytest.raises(ValueError, match="fitted on raw texts"):
        classifier().fit(X, y).predict(rows)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (["a"] * 5 + [3], TypeError, "row 5 holds 3 of type int, which is no text"),
        (np.zeros((6, 2)), ValueError, "one text per row"),
        (Rows(words=np.zeros((6, 2), int)), ValueError, "entries 'ids' and 'mask'"),
        (Rows(ids=np.zeros((6, 2))), ValueError, "ids must be integers"),
        (Rows(ids=np.full((6, 2), -1)), ValueError, "ids hold -1"),
    ],
)
def test_what_is_no_text_is_refused_before_training(X, error, message):
    clf = classifier()
    with pytest.raises(error, match=message):
        clf.fit(X, list("ababab"))
    assert not hasattr(clf, "net_")


# -- modules of the user's own ---------------------------------------------------------


class Reader(nn.Module):
    """Averages the words where the mask is set; knows nothing of mixing."""

    def __init__(self, n_tokens=200):
        super().__init__()
        self.embedding = nn.Embedding(n_tokens, 16)
        self.head = nn.Linear(16, 3)

    def forward(self, ids, mask):
        present = mask.unsqueeze(2).float()
        words = (self.embedding(ids) * present).sum(1)
        return self.head(words / present.sum(1))


def test_a_module_of_the_users_own_mixes_words_with_joined_masks():
    X, y = corpus()
    mix = ManifoldMixup(layers=["embedding"], union=("mask",))
    pipe = make_pipeline(TextTokenizer(), MixupClassifier(Reader, mix=mix, lr=0.05))
    pipe.set_params(mixupclassifier__max_epochs=10, mixupclassifier__random_state=0)
    assert pipe.fit(X, y).score(X, y) > 0.8
    module = pipe[-1].module_
    assert not module._forward_pre_hooks
    module(torch.ones(1, 2, dtype=torch.int64), torch.ones(1, 2, dtype=torch.bool))


def test_a_mask_by_another_name_is_refused_before_training():
    X, y = corpus()
    mix = ManifoldMixup(layers=["embedding"], union=("attention_mask",))
    pipe = make_pipeline(TextTokenizer(), MixupClassifier(Reader, mix=mix))
    with pytest.raises(ValueError, match="union: the input has no entry 'attention_m"):
        pipe.fit(X, y)


def test_ids_are_not_blended_and_the_remedy_names_the_entry():
    X, y = corpus()
    pipe = make_pipeline(TextTokenizer(), MixupClassifier(Reader, mix=Mixup()))
    with pytest.raises(TypeError, match=r"'ids' \(torch.int64\).*ManifoldMixup"):
        pipe.fit(X, y)
