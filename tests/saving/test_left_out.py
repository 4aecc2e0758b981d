"""Parameters, and what a file does not hold of them."""

import warnings

import numpy as np
import pytest
import torch
from skorch.callbacks import EpochTimer
from torch import nn

import sk_mixup
from sk_mixup import MixupWarning
from sk_mixup.inputs import TextTokenizer
from sk_mixup.saving import from_bytes, to_bytes
from tests.builders import assert_same_weights, blobs, classifier, people, regressor
from tests.saving.models import MODELS, Own, fitted_case, own_loss

X, Y = blobs(48)
LEFT_OUT = {"own_loss": {"criterion"}}


def small(**params):
    return classifier(**({"module": "mlp", "early_stopping": False} | params))


def shown(params):
    """Return parameters in a form that compares."""
    return {
        name: value.get_state()[1].tolist()
        if isinstance(value, np.random.RandomState)
        else repr(value)
        for name, value in params.items()
    }


@pytest.mark.parametrize("name", [n for n in MODELS if "ensemble" not in n])
def test_parameters_come_back(name):
    case = fitted_case(name)
    model = getattr(case.model, "best_estimator_", case.model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MixupWarning)
        loaded = from_bytes(to_bytes(model), case.module)
    before, after = shown(model.get_params()), shown(loaded.get_params())
    if case.module is not None:
        assert loaded.module is case.module
        before.pop("module"), after.pop("module")
    for gone in LEFT_OUT.get(name, ()):
        assert after.pop(gone) == "None"
        before.pop(gone)
    assert after == before


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"callbacks": [EpochTimer()]}, "callbacks"),
        ({"module": Own, "augment": torch.relu}, "augment"),
        ({"schedule": lambda progress: 1 - progress}, "schedule"),
        ({"mix__alpha": lambda progress: 0.4 * progress}, "mix__alpha"),
        ({"module": Own, "criterion": own_loss}, "criterion"),
        ({"module": Own, "iterator_train__worker_init_fn": print}, "iterator_train__"),
    ],
)
def test_code_is_left_out_and_named(params, named):
    model = small(**params).fit(X, Y)
    with pytest.warns(MixupWarning, match=f"leaves out .*{named}"):
        data = to_bytes(model)
    module = params.get("module")
    loaded = from_bytes(data, module)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert loaded.fit(X, Y).n_iter_ == 5


def test_nothing_is_said_where_nothing_is_left_out():
    from_bytes(to_bytes(fitted_case("folds").model))


@pytest.mark.parametrize("name", ["mlp", "own_module", "text_bag", "steps", "images"])
def test_a_fit_anew_ends_as_that_of_the_model(name):
    case = fitted_case(name)
    loaded = from_bytes(to_bytes(case.model), case.module)
    assert_same_weights(loaded.fit(case.X, case.y), case.model)


@pytest.mark.parametrize("name", ["folds", "regressor", "own_module", "wrapped_net"])
def test_a_loaded_model_can_be_trained_further(name):
    case = fitted_case(name)
    loaded = from_bytes(to_bytes(case.model), case.module)
    before = [value.clone() for value in loaded.module_.parameters()]
    loaded.partial_fit(case.X, case.y)
    assert loaded.n_iter_ == case.model.n_iter_ + 1
    after = loaded.module_.parameters()
    assert not all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_warm_start_goes_on():
    model = small(warm_start=True).fit(X, Y)
    assert from_bytes(to_bytes(model)).fit(X, Y).n_iter_ == 2 * model.n_iter_


def test_what_was_learnt_comes_back():
    frame, y, _ = people(48)
    model = classifier(calibration="temperature", module="mlp").fit(frame, y)
    loaded = from_bytes(to_bytes(model))
    assert loaded.temperature_ == model.temperature_ != 1.0
    assert loaded.n_features_in_ == 5
    assert loaded.alpha_ == model.alpha_
    np.testing.assert_array_equal(loaded.feature_names_in_, model.feature_names_in_)
    np.testing.assert_array_equal(loaded.classes_, model.classes_)
    assert loaded.history_[:, "train_loss"] == model.history_[:, "train_loss"]
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(frame.rename(columns={"age": "years"}))


def test_rows_of_another_form_are_refused_as_before():
    loaded = from_bytes(to_bytes(fitted_case("images").model))
    with pytest.raises(ValueError, match="rows of shape"):
        loaded.predict(np.zeros((2, 3, 9, 9), np.float32))


def test_a_device_that_is_not_here_becomes_the_cpu(monkeypatch):
    data = to_bytes(small(device="cpu").fit(X, Y))
    monkeypatch.setattr("sk_mixup.saving._nets.resolve_device", lambda *_: "cuda:99")
    with pytest.warns(MixupWarning, match="not on this machine"):
        assert from_bytes(data).net_.device == "cpu"


# -- modules --------------------------------------------------------------------------


def test_a_module_of_ones_own_must_be_brought():
    data = to_bytes(fitted_case("own_module").model)
    with pytest.raises(ValueError, match=r"Own, is code of your own.*module=\.\.\."):
        from_bytes(data)


def test_another_module_is_refused():
    data = to_bytes(fitted_case("own_module").model)
    with pytest.raises(ValueError, match=r"with module=Linear.*is an instance"):
        from_bytes(data, nn.Linear(4, 2))
    with pytest.raises(ValueError, match=r"with module=.*weights differ in"):
        from_bytes(data, lambda width: nn.Linear(4, 2))


def test_a_module_for_a_net_of_the_library_is_refused():
    data = to_bytes(fitted_case("mlp").model)
    with pytest.raises(ValueError, match="Leave module out"):
        from_bytes(data, Own)


def test_a_module_is_not_changed_by_what_is_loaded():
    case = fitted_case("template")
    before = case.module[0].weight.clone()
    from_bytes(to_bytes(case.model), case.module).partial_fit(case.X, case.y)
    assert torch.equal(case.module[0].weight, before)


def test_a_net_of_another_library_is_named(monkeypatch):
    pytest.importorskip("transformers")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    rows = TextTokenizer(kind="word").fit_transform(["good film", "bad film"] * 24)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = sizes | {"intermediate_size": 8, "vocab_size": 20}
    model = small(module="hf/bert", module__config=config, mix=None).fit(rows, Y)
    data = to_bytes(model)
    with pytest.raises(ValueError, match="module, hf/bert, is code"):
        from_bytes(data)
    loaded = from_bytes(data, "hf/bert")
    np.testing.assert_array_equal(loaded.predict_proba(rows), model.predict_proba(rows))
    assert loaded.module__config == config


# -- models that no file can hold -----------------------------------------------------


class Level:
    """A category that is an object of one's own."""

    def __repr__(self):
        return "Level()"


def test_a_category_of_ones_own_class_is_named():
    import pandas as pd

    frame = pd.DataFrame({"kind": np.array([Level(), Level()] * 24, dtype=object)})
    model = small().fit(frame.map(lambda level: level), Y)
    with pytest.raises(TypeError, match=r"column 'kind': Level\(\).*pickle"):
        to_bytes(model)


def test_a_class_of_ones_own_is_refused():
    class Special(sk_mixup.MixupClassifier):
        pass

    model = Special("mlp", max_epochs=5, random_state=0).fit(X, Y)
    with pytest.raises(TypeError, match="Special is a class of your own"):
        to_bytes(model)


def test_a_pipeline_is_refused():
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    with pytest.raises(TypeError, match="Save its last step"):
        to_bytes(make_pipeline(StandardScaler(), small()).fit(X, Y))


def test_a_model_must_be_fitted(tmp_path):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        regressor().save(tmp_path / "model.skm")
    assert not list(tmp_path.iterdir())
