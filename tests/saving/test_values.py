"""Values and tensors as they are stored, and read again."""

import datetime
import decimal
import fractions
import json
import math
import uuid

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from sk_mixup.mixing import CutMix, Mixup, OneOf, SoftCrossEntropy
from sk_mixup.mixing.draws import CosineSchedule, MemoryPairing
from sk_mixup.saving._errors import Unstorable
from sk_mixup.saving._tensors import StoredTensors, tensor_bytes
from sk_mixup.saving._values import ValueReader, ValueWriter

VALUES = [
    *(None, True, 0, -1, 2**70, "", "é\ud800", 0.1, 1e300, 5e-324, -0.0),
    *(math.inf, -math.inf, 1 + 2j, b"\x00x", decimal.Decimal("0.10")),
    *(fractions.Fraction(1, 3), uuid.UUID(int=5), datetime.date(2024, 2, 29)),
    *(datetime.datetime(2024, 1, 1, 1, 2, 3, 4), datetime.time(1, 2)),
    *(datetime.timedelta(days=-1, microseconds=3), pd.Timestamp("2024-01-01 00:00:01")),
    *(pd.Timestamp(2**40, unit="s"), pd.Timedelta("1h"), pd.Period("2024-03", "M")),
    *(pd.Interval(0.5, 2, closed="both"), (), (1, ("a", [2.5])), [], [[1], {}]),
    *({"a": 1, 2: (3,), None: []}, {1, 2}, frozenset({"x"})),
    *(torch.float16, torch.device("cuda:1"), torch.optim.SGD, nn.CrossEntropyLoss),
]


def stored(value):
    """Return a value after it was a file."""
    writer = ValueWriter()
    text = json.dumps(writer.write(value, "value"), allow_nan=False)
    tensors = StoredTensors(bytearray(tensor_bytes(writer.tensors)))
    return ValueReader(tensors).read(json.loads(text))


@pytest.mark.parametrize("value", VALUES, ids=lambda value: ascii(value)[:40])
def test_values(value):
    found = stored(value)
    assert type(found) is type(value)
    assert found == value


def test_numbers_that_are_none():
    assert math.isnan(stored(math.nan))
    assert stored(pd.NaT) is pd.NaT
    assert stored(pd.NA) is pd.NA


@pytest.mark.parametrize(
    "dtype",
    [
        "?",
        "i1",
        "i2",
        "i4",
        "i8",
        "u1",
        "u2",
        "u4",
        "u8",
        "f2",
        "f4",
        "f8",
        "m8[s]",
        "M8[ns]",
    ],
)
def test_arrays(dtype):
    values = np.arange(6).astype(dtype).reshape(2, 3)
    for one in (values, values.T, values[:0], values[::-1], values[0, 0]):
        found = stored(one)
        assert type(found) is type(one)
        assert found.dtype == values.dtype
        np.testing.assert_array_equal(found, one)


def test_arrays_of_texts_and_objects():
    for values in (np.array(["a", "bcd"]), np.array([["a", 1], [None, (2,)]], object)):
        found = stored(values)
        assert found.dtype == values.dtype
        assert found.tolist() == values.tolist()


def test_a_big_endian_array_becomes_native():
    found = stored(np.arange(3, dtype=">i4"))
    assert found.dtype == np.dtype("i4")
    assert found.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "value",
    [
        Mixup(0.3, per="row"),
        CutMix(CosineSchedule(1.0, 0.2), p=0.5),
        OneOf([Mixup(0.1), CutMix()], p=[0.3, 0.7]),
        Mixup(pairing=MemoryPairing(16)),
    ],
    ids=repr,
)
def test_methods(value):
    assert repr(stored(value)) == repr(value)


def test_losses():
    weight = torch.tensor([1.0, 3.0])
    found = stored(nn.CrossEntropyLoss(weight=weight, label_smoothing=0.1))
    assert torch.equal(found.weight, weight)
    assert found.label_smoothing == 0.1
    assert stored(SoftCrossEntropy(0.2)).label_smoothing == 0.2


def test_a_random_state_goes_on():
    state = np.random.RandomState(5)
    state.normal(size=3)
    assert stored(state).normal() == state.normal()


class Own:
    pass


@pytest.mark.parametrize(
    "value",
    [Own, Own(), print, lambda: 0, nn.Linear(2, 2), np.zeros(2, complex), OSError()],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_known_is_not_stored(value):
    writer = ValueWriter()
    with pytest.raises(Unstorable, match="value"):
        writer.write([np.ones(2), value], "value")
    assert writer.attempt([np.ones(3), value], "value") == (False, None)
    assert len(writer.tensors) == 1


def test_a_circle_is_not_stored():
    circle: list = []
    circle.append(circle)
    with pytest.raises(Unstorable, match="circle"):
        ValueWriter().write(circle, "value")


# -- safetensors ----------------------------------------------------------------------


def tensors():
    return {
        "a": torch.randn(2, 3, generator=torch.Generator().manual_seed(0)),
        "transposed": torch.arange(6, dtype=torch.int16).reshape(2, 3).t(),
        "half": torch.arange(3).to(torch.bfloat16),
        "bytes": torch.arange(3, dtype=torch.uint8),
        "mask": torch.tensor([True, False]),
        "one": torch.tensor(2.5, dtype=torch.float64),
        "none": torch.empty(0, 4),
        "é": torch.ones(1).expand(3),
    }


def test_our_files_are_read_by_safetensors():
    real = pytest.importorskip("safetensors.torch")
    found = real.load(tensor_bytes(tensors()))
    for name, value in tensors().items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value)


def test_files_of_safetensors_are_read_by_us():
    real = pytest.importorskip("safetensors.torch")
    given = {name: value.contiguous() for name, value in tensors().items()}
    found = StoredTensors(bytearray(real.save(given, {"by": "safetensors"})))
    assert set(found) == set(given)
    for name, value in given.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value)


@pytest.mark.parametrize(
    "value",
    [
        torch.zeros(2, dtype=torch.complex64),
        torch.eye(2).to_sparse(),
    ],
    ids=["complex", "sparse"],
)
def test_uncommon_tensors_are_refused(value):
    with pytest.raises(Unstorable, match="x: a tensor of"):
        tensor_bytes({"x": value})


def test_bytes_that_are_no_booleans_are_refused():
    data = bytearray(tensor_bytes({"x": torch.tensor([True])}))
    data[-1] = 7
    with pytest.raises(ValueError, match="no booleans"):
        StoredTensors(data)["x"]
