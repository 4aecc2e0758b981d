"""The bar of a notebook is text that stays with the outputs of its cell."""

import sys
import types

import pytest

from sk_mixup.training.loop._notebook_bar import in_notebook
from tests.builders import blobs, classifier

pytest.importorskip("tqdm")
display_module = pytest.importorskip("IPython.display")


class Handle:
    """Keeps what an output shows."""

    def __init__(self, bundle):
        self.bundles = [bundle]

    def update(self, bundle, raw):
        assert raw
        self.bundles.append(bundle)


@pytest.fixture
def outputs(monkeypatch):
    shell = types.SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: shell)
    handles = []

    def display(bundle, raw, display_id):
        handles.append(Handle(bundle))
        return handles[-1]

    monkeypatch.setattr(display_module, "display", display)
    return handles


def test_there_is_no_notebook_in_a_terminal():
    assert not in_notebook()


def test_the_end_of_a_training_is_kept(outputs, capsys):
    assert in_notebook()
    model = classifier(module="mlp", verbose=2, max_epochs=5).fit(*blobs(40))
    assert len(outputs) == 1
    last = outputs[0].bundles[-1]
    loss = f"train_loss {model.history_[-1, 'train_loss']:.4f}"
    for kind in ("text/plain", "text/html"):
        assert "5.0/5" in last[kind]
        assert loss in last[kind]
    assert "train_loss" in capsys.readouterr().out
