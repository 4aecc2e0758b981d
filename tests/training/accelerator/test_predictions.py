"""What predictions read from a device: all rows in one message, if they are few."""

import numpy as np
import pytest

from tests.training.accelerator.builders import (
    STEPS,
    Convolution,
    classes,
    images,
    model,
    perceptron,
    table,
    vectors,
)
from tests.training.accelerator.meta import Traffic

pytestmark = pytest.mark.filterwarnings("ignore:max_epochs")


def events_of(action):
    with Traffic().watched() as found:
        action()
    return found.events


@pytest.fixture
def fitted():
    with Traffic().watched():
        return model(module=perceptron(), device="meta").fit(vectors(), classes())


@pytest.mark.parametrize("n_rows", [1, 40, 5000])
@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_rows_are_sent_and_read_once(fitted, n_rows, method):
    X = np.tile(vectors(), (125, 1))[:n_rows]
    events = events_of(lambda: getattr(fitted, method)(X))
    assert events == ["copy", "read"]


def test_blocks_of_many_rows_are_read_together(fitted):
    X = np.tile(vectors(), (1250, 1))
    events = events_of(lambda: fitted.predict(X))
    assert events.count("copy") == 4  # of 16 384 rows at most
    assert events.count("read") == 1


def test_images_and_tables():
    for module, X in ((Convolution(), images()), ("mlp", table()), (None, table())):
        with Traffic().watched():
            net = model(module=module, device="meta").fit(X, classes())
        assert events_of(lambda net=net, X=X: net.predict(X)).count("read") == 1


def test_partial_fit_reads_at_its_end():
    net = model(module=perceptron(), device="meta", mix="mixup")
    with Traffic().watched():
        net.partial_fit(vectors(), classes(), classes=[0, 1, 2])
    events = events_of(lambda: net.partial_fit(vectors(), classes()))
    last = len(events) - 1 - events[::-1].index("step")
    assert events.count("step") == STEPS
    assert "read" not in events[:last]
    assert events.count("read") == 1
