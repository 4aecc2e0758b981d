"""Models that come with code of their own."""

import json
import sys

import numpy as np
import pytest

from tests.builders import classifier

CODE = """
from pathlib import Path
import torch
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

Path({ran!r}).touch()

class OwnConfig(PretrainedConfig):
    model_type = "of_ones_own"

class OwnModel(PreTrainedModel):
    config_class = OwnConfig

    def __init__(self, config):
        super().__init__(config)
        self.embed = torch.nn.Embedding(50, 4)
        self.head = torch.nn.Linear(4, config.num_labels)
        self.post_init()

    def forward(self, input_ids, attention_mask=None):
        return SequenceClassifierOutput(logits=self.head(self.embed(input_ids).mean(1)))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    pytest.importorskip("transformers", exc_type=ImportError)
    from transformers import dynamic_module_utils

    def never(*args):
        raise AssertionError("the user was asked")

    monkeypatch.setattr("builtins.input", never)
    # Where transformers copies such code to.
    cache = tmp_path / "cache"
    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(cache))
    monkeypatch.setattr(sys, "path", list(sys.path))
    model = tmp_path / "model"
    model.mkdir()
    config = {
        "model_type": "of_ones_own",
        "auto_map": {
            "AutoConfig": "own.OwnConfig",
            "AutoModelForSequenceClassification": "own.OwnModel",
        },
    }
    (model / "config.json").write_text(json.dumps(config))
    (model / "own.py").write_text(CODE.format(ran=str(tmp_path / "ran")))
    return model


def tokens():
    ids = np.random.default_rng(0).integers(2, 30, (20, 4))
    return ids, np.arange(20) % 2


def test_code_does_not_run_and_nobody_is_asked(folder):
    model = classifier(module=f"hf/{folder}", mix=None)
    with pytest.raises(ValueError, match="module__trust_remote_code=True"):
        model.fit(*tokens())
    assert not (folder.parent / "ran").exists()


def test_code_runs_where_a_parameter_says_so(folder):
    model = classifier(
        module=f"hf/{folder}",
        module__trust_remote_code=True,
        mix=None,
        max_epochs=1,
    ).fit(*tokens())
    assert (folder.parent / "ran").exists()
    assert model.predict_proba(tokens()[0]).shape == (20, 2)


def test_the_parameter_is_a_bool(folder):
    model = classifier(module=f"hf/{folder}", module__trust_remote_code="yes", mix=None)
    with pytest.raises(TypeError, match="trust_remote_code must be True or False"):
        model.fit(*tokens())
