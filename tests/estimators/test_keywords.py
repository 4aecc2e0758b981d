"""Keywords of other libraries, and names that are nearly right."""

import inspect
import re

import pytest

from sk_mixup import MixupClassifier, MixupRegressor
from tests.builders import blobs, classifier, people, regressor

X, Y = blobs(20)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"eval_set": [(X, Y)]}, "'eval_set': give validation data as X_val and y_val"),
        ({"validation_data": (X, Y)}, "X_val and y_val"),
        ({"epochs": 5}, r"'epochs': say max_epochs=\.\.\. to MixupClassifier\(\)"),
        ({"batch_size": 5}, r"say batch_size=\.\.\. to MixupClassifier\(\)"),
        ({"cat_features": [0]}, r"say categorical_features=\.\.\."),
        ({"early_stopping_rounds": 3}, r"say n_iter_no_change=\.\.\."),
        ({"sample_weights": Y}, "as sample_weight"),
        ({"x_vall": X}, "'X_val' may be meant"),
        ({"zzz": 1}, "fit takes X, y, sample_weight, X_val"),
        ({"eval_set": [], "epochs": 5}, r"\['eval_set', 'epochs'\].*X_val.*max_epochs"),
    ],
)
def test_fit_says_what_a_keyword_is_called_here(given, said):
    with pytest.raises(TypeError, match=r"MixupClassifier\.fit\(\) got.*" + said):
        classifier().fit(X, Y, **given)


def test_regressors_and_partial_fit_say_it_too():
    with pytest.raises(TypeError, match=r"MixupRegressor\.fit\(\).*X_val and y_val"):
        regressor().fit(X, X[:, 0], eval_set=(X, X[:, 0]))
    with pytest.raises(TypeError, match=r"X_val and y_val, to fit"):
        classifier().partial_fit(X, Y, eval_set=(X, Y))


def test_tools_still_see_the_arguments_of_fit():
    for leaf in (MixupClassifier, MixupRegressor):
        names = list(inspect.signature(leaf.fit).parameters)
        assert names[:4] == ["self", "X", "y", "sample_weight"]
        assert "kwargs" not in names


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("epochs", ["max_epochs"]),
        ("learning_rate", ["lr"]),
        ("weight_decay", ["optimizer__weight_decay"]),
        ("random_stat", ["random_state", "warm_start"]),
        ("mdule__width", ["module__width"]),
        ("optimizer_lr", ["optimizer__lr", "optimizer"]),
        ("calback", ["callbacks"]),
    ],
)
def test_few_near_names_are_shown(name, meant):
    listed = " or ".join(map(repr, meant))
    message = f"MixupClassifier has no parameter {name!r}. Did you mean {listed}?"
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        MixupClassifier(**{name: 1})
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        MixupClassifier().set_params(**{name: 1})


def test_no_message_lists_all_parameters():
    for name in ("zzz", "class_weight", "e", "max", "val", "n_it", "random", "mix_"):
        with pytest.raises(TypeError, match="MixupRegressor has no parameter") as error:
            MixupRegressor(**{name: 1})
        assert len(str(error.value)) < 200
        assert str(error.value).count("'") <= 8


def test_all_missing_columns_are_named_at_once():
    table, labels, _ = people(40)
    table = table.assign(**{f"c{i}": 1.0 for i in range(9)})
    model = classifier(module="mlp", max_epochs=1, mix=None).fit(table, labels)
    lacking = table.drop(columns=[f"c{i}" for i in range(9)])
    listed = "yet now missing:\n" + "".join(f"- c{i}\n" for i in range(9))
    for ask in (
        lambda: model.predict(lacking),
        lambda: model.encode(lacking),
        lambda: model.partial_fit(lacking, labels),
        lambda: model.fit(table, labels, X_val=lacking, y_val=labels),
    ):
        with pytest.raises(ValueError, match=re.escape(listed)) as error:
            ask()
        assert "X.reindex(columns=model.feature_names_in_)" in str(error.value)
    filled = lacking.reindex(columns=model.feature_names_in_)
    assert model.predict(filled).shape == (40,)
    renamed = table.rename(columns={f"c{i}": f"d{i}" for i in range(9)})
    unseen = "unseen at fit time:\n" + "".join(f"- d{i}\n" for i in range(9))
    with pytest.raises(ValueError, match=re.escape(unseen)):
        model.predict(renamed)
