"""Arrays larger than memory, in a small setting."""

import ctypes
import sys

import numpy as np
import pytest
import torch
from sklearn.model_selection import train_test_split
from torch import nn

from sk_mixup.inputs import ArrayRows, Rows, _lazy
from sk_mixup.mixing import MixContext, MixStreams, Mixup
from sk_mixup.training import ArrayData, Objective, TensorBatches
from sk_mixup.training.feeds import _ahead, _batches
from tests.builders import assert_same_weights, classifier
from tests.inputs.kinds import IMAGES, Flat, Y, mapped


def anonymous_memory():
    """Return the megabytes that this process holds apart from mapped files."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("RssAnon"))
    return int(line.split()[1]) // 1024


class Watching(nn.Module):
    """Notes the memory at every batch."""

    highest = 0

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.AvgPool2d(32), nn.Flatten(), nn.Linear(12, 2))

    def forward(self, input):
        Watching.highest = max(Watching.highest, anonymous_memory())
        return self.net(input)


@pytest.fixture
def memory_is_given_back():
    """Let freed memory go back at once, so that what is counted is what is held."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        pytest.skip("needs glibc")
    mmap_threshold = -3
    mallopt(mmap_threshold, 2**20)
    yield
    mallopt(mmap_threshold, 2**25)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.filterwarnings("ignore:max_epochs=1")
@pytest.mark.parametrize(("kind", "dtype"), [("array", "float64"), ("rows", "uint8")])
def test_a_mapped_array_is_never_copied_whole(
    kind, dtype, tmp_path, memory_is_given_back
):
    n_rows = 2**28 // np.dtype(dtype).itemsize // (3 * 64 * 64)
    # Sparse: a file of zeros that takes no space.
    X = np.memmap(tmp_path / "x", dtype, "w+", shape=(n_rows, 3, 64, 64))
    y = np.arange(n_rows) % 2
    model = classifier(module=Watching, early_stopping=True, batch_size=64)
    model.set_params(max_epochs=1)

    def given(rows):
        return X[rows] if kind == "array" else {"input": X[rows]}

    model.fit(given(slice(200)), y[:200])  # what the first fit of all allocates
    before, Watching.highest = anonymous_memory(), 0
    model.fit(given(slice(None)), y)
    model.predict(given(slice(None)))
    # A copy, of whatever part and dtype, would be 128 MB or more.
    assert Watching.highest - before < 100


def test_maps_are_read_as_what_they_hold(tmp_path):
    random = np.random.default_rng(0)
    for dtype, expected in (
        (np.uint8, torch.uint8),
        (np.int16, torch.int64),
        (np.uint16, torch.int64),
        (">f4", torch.float32),
        (np.float64, torch.float32),
        (np.float16, torch.float32),
        (bool, torch.float32),
    ):
        array = random.integers(0, 2, (9, 2, 3)).astype(dtype)
        rows = ArrayRows(mapped(tmp_path / "x.npy", array))
        index = torch.tensor([5, 2, 2, 8])
        assert rows.dtype == expected
        for given, plain in ((index, index.numpy()), (slice(2, 7), slice(2, 7))):
            read = rows.read(given)
            assert read.dtype == expected
            np.testing.assert_array_equal(read, array[plain].astype(float))
        part = rows[[1, 3, 5]][[2, 0]]
        expected = array[[5, 1]].astype(float)
        np.testing.assert_array_equal(part.read(slice(None)), expected)


def test_only_large_maps_stay_in_their_files(tmp_path):
    small = mapped(tmp_path / "x.npy", np.zeros((4, 2)))
    assert _lazy.is_mapped(small)
    assert _lazy.is_mapped(np.asarray(small)[1:])
    assert not _lazy.is_mapped(small[[0, 1]])
    assert not _lazy.is_large_map(small)
    assert isinstance(Rows(a=small)["a"], np.ndarray)


def test_cutting_rows_of_a_map_reads_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(_lazy, "MAPPED_BYTES", 1)
    rows = Rows(a=mapped(tmp_path / "x.npy", np.zeros((40, 2))))
    train, _ = train_test_split(rows, random_state=0)
    assert train["a"].source is rows["a"].source


def test_a_large_array_is_not_copied_to_hold_out_rows(monkeypatch):
    x = torch.arange(40.0).reshape(20, 2)
    data = ArrayData({"x": x}, torch.arange(20))
    rows = torch.tensor([3, 9, 15])
    copied = data.take(rows)
    monkeypatch.setattr(_batches, "_COPIED_BYTES", 0)
    listed = data.take(rows)
    assert listed.X["x"].source is x
    for index in (slice(None), torch.tensor([2, 0])):
        assert torch.equal(copied[index][0]["x"], listed[index][0]["x"])
        assert torch.equal(copied[index][1], listed[index][1])


def test_training_on_a_listed_part_is_the_same(monkeypatch):
    model = classifier(module=Flat, early_stopping=True, batch_size=16)
    one = model.fit(IMAGES, Y)
    other = classifier(module=Flat, early_stopping=True, batch_size=16)
    monkeypatch.setattr(_batches, "_COPIED_BYTES", 0)
    assert_same_weights(one, other.fit(IMAGES, Y))


def test_batches_made_ahead_take_bounded_memory():
    held = []

    class Spy(Mixup):
        def draw_many(self, batches, **kwargs):
            held.append(sum(x.numel() for x, _ in batches))
            return super().draw_many(batches, **kwargs)

    x = torch.zeros(64, 3, 512, 512, dtype=torch.uint8)
    batches = TensorBatches(ArrayData(x, torch.arange(64) % 2), 8, "cpu")
    objective = Objective(torch.nn.CrossEntropyLoss(reduction="none"), 2)
    list(
        _ahead.mixed_batches(
            batches,
            Spy(),
            objective,
            streams=MixStreams.of(torch.Generator()),
            context=MixContext(),
            mixes_inside=False,
        )
    )
    assert max(held) <= 2**24
