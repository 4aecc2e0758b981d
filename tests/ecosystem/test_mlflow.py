"""MLflow logs, signs and serves a model, from a store of files."""

import numpy as np
import pytest

from sk_mixup import MixupClassifier, MixupRegressor
from tests.builders import people

TRUSTED = [
    "sk_mixup.estimators._classifier.MixupClassifier",
    "sk_mixup.estimators._regressor.MixupRegressor",
]


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    # Since version 3.17 a store of files is taken from those who ask for it.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("GIT_PYTHON_REFRESH", "quiet")
    module = pytest.importorskip("mlflow.sklearn", exc_type=ImportError)
    pytest.importorskip("skops")
    module.mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    return module


# The warnings of other packages are theirs.
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("estimator", [MixupClassifier, MixupRegressor])
def test_a_logged_model_comes_back_with_its_signature(mlflow, estimator):
    from mlflow import pyfunc, start_run
    from mlflow.models import infer_signature

    X, labels, income = people()
    # MLflow's signatures know texts, and no category dtype.
    X["region"] = X["region"].astype(object)
    y = labels if estimator is MixupClassifier else income
    model = estimator("mlp", max_epochs=5, random_state=0).fit(X, y)
    predicted = model.predict(X)
    with start_run():
        logged = mlflow.log_model(
            model,
            name="model",
            signature=infer_signature(X, predicted),
            input_example=X[:3],
            pip_requirements=[],
            skops_trusted_types=TRUSTED,
        )
    native = mlflow.load_model(logged.model_uri)
    np.testing.assert_array_equal(native.predict(X), predicted)
    served = pyfunc.load_model(logged.model_uri)
    assert served.metadata.signature.inputs.input_names() == X.columns.tolist()
    np.testing.assert_array_equal(served.predict(X), predicted)
