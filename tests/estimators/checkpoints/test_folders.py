"""Where trainings are stored, and what becomes of them where files are bad."""

import errno
import os
import threading
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import torch
from skorch.callbacks import Callback, LRScheduler
from torch import nn
from torch.utils.data import IterableDataset

from sk_mixup import MixupClassifier, MixupSearchCV, MixupWarning, load
from sk_mixup.mixing import Mixup
from tests.builders import blobs, same_weights
from tests.estimators.checkpoints.kills import (
    assert_ended_alike,
    counted_epochs,
    killed_at,
)

X, Y = blobs(40)
AT = [None]


def model(folder=None, **params):
    own = {"mix": None, "max_epochs": 6, "lr": 0.01, "random_state": 0, "device": "cpu"}
    torch.manual_seed(0)  # of the module, which belongs to the caller
    return MixupClassifier(nn.Linear(4, 2), checkpoint=folder, **(own | params))


class Interrupted(Callback):
    """Stands for Ctrl-C in an epoch; which one is no state of a training."""

    def on_batch_begin(self, net, **kwargs):
        if len(net.history) == AT[0]:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def _global_generator(seeded_torch):
    """Leave the global generator as it was."""


def folders(path):
    return sorted(one for one in path.iterdir() if one.is_dir())


def files(path):
    (folder,) = folders(path)
    return sorted(folder.glob("*.checkpoint"))


@pytest.mark.parametrize(
    "change",
    [
        {"X": X + 1e-6},
        {"y": 1 - Y},
        {"sample_weight": np.arange(1.0, 41.0)},
        {"X_val": X[:9], "y_val": Y[:9]},
        {"lr": 0.02},
        {"random_state": 1},
        {"optimizer__weight_decay": 0.5},
        {"augment": lambda x: -x},
        {"module": nn.Linear(4, 2, bias=False)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_rows_and_parameters_have_a_folder_of_their_own(change, tmp_path):
    model(tmp_path).fit(X, Y)
    given = {"X": X, "y": Y}
    of_fit = ("X", "y", "sample_weight", "X_val", "y_val")
    given |= {name: value for name, value in change.items() if name in of_fit}
    params = {name: value for name, value in change.items() if name not in of_fit}
    other = model(tmp_path).set_params(**params)
    with counted_epochs() as epochs:
        other.fit(**given)
    assert len(epochs) == 6
    assert len(folders(tmp_path)) == 2


@pytest.mark.parametrize("change", [{"verbose": 1}, {"checkpoint_every": 3}])
def test_what_does_not_change_a_training_finds_it(change, tmp_path, capsys):
    model(tmp_path).fit(X, Y)
    with counted_epochs() as epochs:
        model(tmp_path, **change).fit(X, Y)
    assert not epochs


def test_objects_that_were_used_before_are_the_same_parameters(tmp_path):
    used = {"mix": Mixup(0.3), "callbacks": [LRScheduler("StepLR", step_size=2)]}
    model(tmp_path, **used).fit(X, Y)
    with counted_epochs() as epochs:
        model(tmp_path, **used).fit(X, Y)
    assert not epochs


def test_equal_frames_are_the_same_rows(tmp_path):
    frame = pd.DataFrame({"a": X[:, 0], "b": ["x", "y"] * 20, "c": X[:, 1]})
    for rows in (frame, frame[["a", "b", "c"]].copy()):
        one = MixupClassifier(max_epochs=5, random_state=0, checkpoint=tmp_path)
        one.fit(rows, Y)
    assert len(folders(tmp_path)) == 1


def test_a_seed_that_was_drawn_is_kept(tmp_path):
    net = {"module": nn.Linear(4, 2), "random_state": None, "batch_size": 8}
    one = model(tmp_path).set_params(**net)
    with killed_at(4):
        one.fit(X, Y)
    first = model(tmp_path).set_params(**net).fit(X, Y)
    again = model(tmp_path).set_params(**net).fit(X, Y)
    assert_ended_alike(first, again, X)
    other = model(tmp_path / "other").set_params(**net).fit(X, Y)
    assert not same_weights(first, other)


def test_only_what_is_needed_stays(tmp_path):
    with killed_at(6):
        model(tmp_path).fit(X, Y)
    assert [path.stem for path in files(tmp_path)] == ["00000004", "00000005"]
    model(tmp_path).fit(X, Y)
    assert [path.stem for path in files(tmp_path)] == ["finished"]


def test_it_is_stored_every_so_many_epochs(tmp_path):
    with killed_at(2):
        model(tmp_path, checkpoint_every=2).fit(X, Y)
    assert [path.stem for path in files(tmp_path)] == ["00000002"]


@pytest.mark.parametrize("damage", ["torn", "flipped", "empty", "no pickle"])
def test_a_damaged_file_costs_one_checkpoint(damage, tmp_path):
    with killed_at(6):
        model(tmp_path).fit(X, Y)
    path = files(tmp_path)[-1]
    whole = path.read_bytes()
    half = len(whole) // 2
    path.write_bytes(
        {
            "torn": whole[:half],
            "flipped": whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :],
            "empty": b"",
            "no pickle": b"x" * 100,
        }[damage]
    )
    again = model(tmp_path)
    with (
        counted_epochs() as epochs,
        pytest.warns(MixupWarning, match=r"00000005\.checkpoint cannot be used"),
    ):
        again.fit(X, Y)
    assert len(epochs) == 2
    assert_ended_alike(model().fit(X, Y), again, X)


def test_without_any_good_file_it_begins_anew(tmp_path):
    with killed_at(6):
        model(tmp_path).fit(X, Y)
    for path in files(tmp_path):
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.warns(MixupWarning, match="cannot be used") as caught:
        again = model(tmp_path).fit(X, Y)
    assert len(caught) == 1
    assert_ended_alike(model().fit(X, Y), again, X)


@pytest.mark.parametrize("call", ["fsync", "replace", "mkdir"])
def test_a_full_disk_ends_no_training(call, tmp_path):
    full = OSError(errno.ENOSPC, "No space left on device")
    with (
        mock.patch.object(os, call, side_effect=full),
        pytest.warns(MixupWarning, match="No space left") as caught,
    ):
        one = model(tmp_path / "folder").fit(X, Y)
    assert len(caught) == 1
    assert_ended_alike(model().fit(X, Y), one, X)
    assert not list(tmp_path.rglob("*.part"))


def test_a_disk_that_is_full_for_a_while_costs_one_checkpoint(tmp_path):
    fsync, calls = os.fsync, [0]

    def full_once(number):
        calls[0] += 1
        if calls[0] == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(number)

    with (
        mock.patch("os.fsync", full_once),
        pytest.warns(MixupWarning, match="No space left"),
    ):
        model(tmp_path).fit(X, Y)
    assert [path.stem for path in files(tmp_path)] == ["finished"]


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"checkpoint=.*Give a folder"):
        model(tmp_path / "file").fit(X, Y)


@pytest.mark.parametrize("value", [3, "", b"bytes"])
def test_checkpoint_is_a_path(value):
    with pytest.raises(TypeError, match="checkpoint must be None or the path"):
        model(value).fit(X, Y)


@pytest.mark.parametrize(
    ("value", "error"), [(0, ValueError), (None, TypeError), (1.5, TypeError)]
)
def test_checkpoint_every_is_a_count(value, error, tmp_path):
    with pytest.raises(error, match="checkpoint_every"):
        model(tmp_path, checkpoint_every=value).fit(X, Y)


def test_rows_that_nobody_can_tell_apart_are_refused(tmp_path):
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(zip(torch.from_numpy(X), Y, strict=True))

    with pytest.raises(ValueError, match="X is an iterable data set"):
        model(tmp_path).fit(Stream(), classes=[0, 1])
    assert not list(tmp_path.iterdir())


def test_a_callback_that_cannot_be_stored_is_named(tmp_path):
    class Locked(Callback):
        def __init__(self):
            self.lock = threading.Lock()
            self.law = lambda epoch: epoch

    with pytest.warns(MixupWarning, match=r"Locked\.lock cannot be pickled"):
        model(tmp_path, callbacks=[Locked()]).fit(X, Y)


def test_a_file_without_code_does_not_name_the_folder(tmp_path):
    own = {"module": "mlp", "checkpoint": tmp_path / "here"}
    one = MixupClassifier(max_epochs=5, random_state=0, **own).fit(X, Y)
    one.save(tmp_path / "model.skm")
    assert load(tmp_path / "model.skm").checkpoint is None


def test_after_ctrl_c_it_goes_on(tmp_path):
    one = model(tmp_path, callbacks=[Interrupted()])
    AT[0] = 4
    try:
        with pytest.raises(KeyboardInterrupt, match="n_iter_ is 3"):
            one.fit(X, Y)
    finally:
        AT[0] = None
    again = model(tmp_path, callbacks=[Interrupted()]).fit(X, Y)
    assert not again.interrupted_
    assert_ended_alike(model(callbacks=[Interrupted()]).fit(X, Y), again, X)


def test_a_bar_goes_on_where_it_was(tmp_path, capsys):
    pytest.importorskip("tqdm")
    with killed_at(5):
        model(tmp_path, verbose=2).fit(X, Y)
    capsys.readouterr()
    model(tmp_path, verbose=2).fit(X, Y)
    shown = capsys.readouterr().err
    assert "6.0/6" in shown
    assert "3.0/6" not in shown


def test_partial_fit_stores_nothing(tmp_path):
    model(tmp_path).partial_fit(X, Y)
    assert not list(tmp_path.iterdir())


def test_clones_of_a_search_do_not_meet(tmp_path):
    grid = {"lr": [0.01, 0.1]}
    plain = MixupSearchCV(model(), grid, cv=2).fit(X, Y)
    with pytest.warns(MixupWarning, match=r"one by one .* checkpoint is given"):
        kept = MixupSearchCV(model(tmp_path), grid, cv=2).fit(X, Y)
    assert len(folders(tmp_path)) == 2 * 2 + 1
    np.testing.assert_allclose(
        kept.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
    )
    assert same_weights(kept.best_estimator_, plain.best_estimator_)
