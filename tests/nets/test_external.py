"""Nets of other libraries, built from configurations without a download."""

import sys
import types

import numpy as np
import pytest
import torch
from torch import nn

from sk_mixup.mixing import ManifoldMixup
from tests.builders import bright_images, classifier, regressor

CONFIG = {
    "vocab_size": 30,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
}


class FakeModel(nn.Module):
    """What timm's create_model returns, as far as it matters here."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, 4, 3, padding=1)
        self.layer1 = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
        self.layer2 = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
        self.fc = nn.Linear(4, n_out)

    def forward(self, x):
        return self.fc(self.layer2(self.layer1(self.conv1(x))).mean((2, 3)))


@pytest.fixture
def fake_timm(monkeypatch):
    """Stand in for timm, and note how it was asked."""
    asked = []

    def create_model(name, *, num_classes, in_chans, **options):
        asked.append({"name": name, **options})
        return FakeModel(in_chans, num_classes)

    library = types.ModuleType("timm")
    library.create_model = create_model
    monkeypatch.setitem(sys.modules, "timm", library)
    return asked


def images(dtype=np.uint8):
    return bright_images(24, 2, dtype)


def tokens(n_rows=40):
    random = np.random.default_rng(0)
    ids = random.integers(2, 30, (n_rows, 6))
    ids[::3, 4:] = 0
    return ids, (ids[:, 0] > 15).astype(int)


# -- timm -----------------------------------------------------------------------------


def test_a_missing_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ImportError, match=r"pip install 'sk-mixup\[timm\]'"):
        classifier(module="timm/resnet18").fit(*images())


def test_timm_models_are_sized_and_asked_for_weights(fake_timm):
    X, y = images()
    model = classifier(
        module="timm/resnet18", module__pretrained=True, module__drop_rate=0.1
    ).fit(X, y)
    assert fake_timm[-1] == {"name": "resnet18", "pretrained": True, "drop_rate": 0.1}
    assert model.module_.model.conv1.in_channels == 2
    assert model.predict_proba(X).shape == (len(X), 2)
    assert model.net_.lr < 1e-3  # loaded weights are tuned in small steps


def test_images_are_standardized_by_the_training_data(fake_timm):
    X, y = images()
    model = classifier(module="timm/resnet18").fit(X, y)
    scaled = model.module_.scale(torch.from_numpy(X))
    torch.testing.assert_close(
        scaled.mean((0, 2, 3)), torch.zeros(2), atol=1e-3, rtol=0
    )


def test_vision_transformers_learn_the_image_size(fake_timm):
    classifier(module="timm/vit_tiny_patch16_224").fit(*images())
    assert fake_timm[-1]["img_size"] == (8, 8)


def test_frozen_parts_stay_as_they_were(fake_timm):
    X, y = images()
    model = classifier(
        module="timm/x", module__freeze=["conv1", "layer[1]"], lr=0.1, mix="manifold"
    )
    frozen = model.fit(X, y).module_.model
    torch.manual_seed(0)
    for part in (frozen.conv1, frozen.layer1):
        assert not any(p.requires_grad for p in part.parameters())
    assert (frozen.layer1[1].running_mean == 0).all()
    assert (frozen.layer2[1].running_mean != 0).any()


def test_freezing_what_is_not_there(fake_timm):
    with pytest.raises(ValueError, match=r"freeze: 'layer9' fits no part.*conv1"):
        classifier(module="timm/x", module__freeze="layer9").fit(*images())


def test_freezing_everything(fake_timm):
    with pytest.raises(ValueError, match="leaves nothing"):
        classifier(module="timm/x", module__freeze="*").fit(*images())


def test_learning_rates_fall_towards_the_input(fake_timm):
    model = classifier(
        module="timm/x",
        module__lr_decay=0.5,
        lr=1.0,
        optimizer=torch.optim.SGD,
        max_epochs=5,
        mix=None,
    )
    net = model.fit(*images()).net_
    rates = {
        id(p): group["lr"]
        for group in net.optimizer_.param_groups
        for p in group["params"]
    }
    found = {name: rates[id(p)] for name, p in net.module_.model.named_parameters()}
    assert found["conv1.weight"] == 0.125
    assert found["layer1.0.weight"] == 0.25
    assert found["layer2.1.bias"] == 0.5
    assert found["fc.bias"] == 1.0


@pytest.mark.parametrize("decay", [0.0, 1.5])
def test_a_bad_decay(fake_timm, decay):
    with pytest.raises(ValueError, match="lr_decay"):
        classifier(module="timm/x", module__lr_decay=decay).fit(*images())


def test_timm_itself():
    reason = "timm (with torchvision) cannot be imported here"
    timm = pytest.importorskip("timm", reason=reason, exc_type=ImportError)
    name = timm.list_models("resnet10t")[0]
    X, y = images()
    model = classifier(module=f"timm/{name}", mix="manifold").fit(X, y)
    assert model.predict_proba(X).shape == (len(X), 2)


# -- Hugging Face ---------------------------------------------------------------------


@pytest.fixture
def transformers():
    reason = "transformers cannot be imported here"
    return pytest.importorskip("transformers", reason=reason, exc_type=ImportError)


def bert(**params):
    return classifier(**({"module": "hf/bert", "module__config": CONFIG} | params))


def test_missing_transformers_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match=r"pip install 'sk-mixup\[hf\]'"):
        bert(mix=None).fit(*tokens())


@pytest.mark.parametrize("form", ["array", "by name", "our names", "config object"])
def test_token_ids_of_every_form(transformers, form):
    ids, y = tokens()
    mask = (ids != 0).astype(int)
    X = {
        "by name": {"input_ids": ids, "attention_mask": mask},
        "our names": {"ids": ids, "mask": mask},
    }.get(form, ids)
    config = transformers.BertConfig(**CONFIG) if form == "config object" else CONFIG
    model = bert(mix=None, module__config=config).fit(X, y)
    np.testing.assert_allclose(
        model.predict_proba(X), bert(mix=None).fit(ids, y).predict_proba(ids), atol=1e-6
    )
    if form == "config object":
        assert config.num_labels == 2  # its own default: untouched


@pytest.mark.parametrize("layers", [["model.bert.embeddings"], "auto"])
def test_mixing_at_hidden_layers(transformers, layers):
    ids, y = tokens()
    X = {"input_ids": ids, "attention_mask": (ids != 0).astype(int)}
    method = ManifoldMixup(layers=layers, union="attention_mask")
    model = bert(mix=method).fit(X, y)
    assert model.predict_proba(X).shape == (len(ids), 2)
    assert not np.allclose(
        model.predict_proba(X), bert(mix=None).fit(X, y).predict_proba(X), atol=1e-6
    )


def test_mixing_of_ids_is_refused_with_the_remedy(transformers):
    with pytest.raises(TypeError, match="ManifoldMixup"):
        bert(mix="mixup").fit(*tokens())


def test_the_head_has_the_size_of_the_classes(transformers):
    ids, _ = tokens()
    y = np.array(list("abcde"))[ids[:, 0] % 5]
    assert bert(mix=None).fit(ids, y).predict_proba(ids).shape == (len(ids), 5)


def test_regression(transformers):
    ids, _ = tokens()
    model = regressor(module="hf/bert", module__config=CONFIG, mix=None)
    assert model.fit(ids, ids[:, 0] / 10.0).predict(ids).shape == (len(ids),)


def test_frozen_embeddings_and_layerwise_rates(transformers):
    model = bert(
        mix=None,
        module__freeze=["embeddings", "encoder.layer.0*"],
        module__lr_decay=0.5,
        optimizer=torch.optim.SGD,
        lr=1.0,
    ).fit(*tokens())
    trained = [n for n, p in model.module_.named_parameters() if p.requires_grad]
    assert not any("embeddings" in n or "layer.0." in n for n in trained)
    assert any("layer.1." in n for n in trained)
    assert {g["lr"] for g in model.net_.optimizer_.param_groups} == {
        0.125,
        0.25,
        0.5,
        1.0,
    }


def test_weights_are_loaded_from_a_folder(transformers, tmp_path):
    config = transformers.BertConfig(**CONFIG, num_labels=7)
    torch.manual_seed(3)
    saved = transformers.BertForSequenceClassification(config)
    saved.save_pretrained(tmp_path)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    model = classifier(
        module=f"hf/{tmp_path}", module__pretrained=True, lr=1e-12, mix=None
    ).fit(*tokens())
    loaded = model.module_.model.bert.pooler.dense.weight
    torch.testing.assert_close(loaded, saved.bert.pooler.dense.weight)
    assert model.module_.model.classifier.out_features == 2


def test_image_models(transformers):
    X, y = images(dtype=np.float32)
    sizes = {"image_size": 8, "patch_size": 4, "num_channels": 2}
    model = classifier(
        module="hf/vit",
        module__config=CONFIG | sizes,
        module__channel_mean=[128.0, 128.0],
        module__channel_std=[60.0, 60.0],
        mix="cutmix",
    ).fit(X, y)
    assert model.predict_proba(X).shape == (len(X), 2)


def test_a_config_that_classifies_nothing(transformers):
    config = {"model_type": "vits"}
    with pytest.raises(ValueError, match="no classifier"):
        bert(mix=None, module__config=config).fit(*tokens())
