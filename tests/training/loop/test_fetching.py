"""Tensors on their way to the host: as they were, in few messages."""

import pytest
import torch

from sk_mixup.training import on_host
from sk_mixup.training.loop import _fetching
from tests.training.accelerator.meta import Traffic

DTYPES = [
    torch.bool,
    torch.uint8,
    torch.int16,
    torch.float16,
    torch.bfloat16,
    torch.float32,
    torch.int64,
    torch.float64,
    torch.complex128,
]


def of_every_dtype():
    """Tensors whose bytes would not lie where they may if sent in this order."""
    torch.manual_seed(0)
    return [
        (100 * torch.randn(k + 1, 3, dtype=torch.float64)).to(dtype)
        for k, dtype in enumerate(DTYPES)
    ]


def as_if_elsewhere(monkeypatch, tensors):
    """Let tensors of the host be taken for those of a device."""
    monkeypatch.setattr(_fetching, "_elsewhere", lambda values: list(tensors))


def test_values_and_dtypes_stay(monkeypatch):
    tensors = of_every_dtype()
    as_if_elsewhere(monkeypatch, tensors)
    for tensor, found in zip(tensors, on_host(tensors), strict=True):
        assert found.dtype == tensor.dtype
        assert torch.equal(found, tensor)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor(3.5),
        torch.empty(0, 4),
        torch.arange(12.0).view(3, 4).T,
        torch.arange(3.0).expand(2, 3),
        torch.tensor([1 + 2j]).conj(),
        torch.ones(2, requires_grad=True),
        torch.tensor([float("nan"), -0.0]),
    ],
    ids=["number", "empty", "turned", "expanded", "conjugated", "learnt", "missing"],
)
def test_tensors_of_every_form_stay_what_they_are(monkeypatch, tensor):
    both = [torch.ones(3, dtype=torch.int16), tensor]
    as_if_elsewhere(monkeypatch, both)
    found = on_host(both)[1]
    assert found.shape == tensor.shape
    assert torch.equal(found.isnan(), tensor.isnan())
    assert torch.equal(found.nan_to_num(), tensor.detach().nan_to_num())


def test_what_is_on_the_host_is_passed_on():
    values = {"a": [torch.ones(2), None], "b": (torch.zeros(3), "word")}
    assert on_host(values) is values


def test_nested_values_keep_their_form():
    there = torch.ones(2, device="meta")
    with Traffic().watched() as found:
        here = on_host({"a": [there, None], "b": (there, 3, torch.ones(1))})
    assert here["a"][1] is None
    assert here["b"][1:] == (3, torch.ones(1))
    # The same tensor twice is sent once.
    assert here["a"][0] is here["b"][0]
    assert here["a"][0].device.type == "cpu"
    assert found.events == ["read"]


def test_all_of_a_device_are_one_message():
    there = [torch.ones(3, dtype=dtype, device="meta") for dtype in DTYPES]
    with Traffic().watched() as found:
        here = on_host(there)
    assert [tensor.dtype for tensor in here] == DTYPES
    assert found.events == ["read"]


def test_much_is_several_messages(monkeypatch):
    monkeypatch.setattr(_fetching, "_FETCHED_BYTES", 40)
    with Traffic().watched() as found:
        on_host([torch.ones(5, device="meta") for _ in range(5)])
    assert found.events == ["read"] * 3


def test_outputs_come_in_their_order(monkeypatch):
    monkeypatch.setattr(_fetching, "_FETCHED_BYTES", 40)
    sizes = [5, 2, 9, 1, 1]
    outputs = (torch.ones(size, device="meta") for size in sizes)
    with Traffic().watched() as found:
        here = list(_fetching.fetched(outputs))
    assert [len(output) for output in here] == sizes
    assert found.events == ["read"] * 3


def test_outputs_of_the_host_do_not_wait_for_others():
    made = []

    def outputs():
        for k in range(3):
            made.append(k)
            yield torch.full((1,), k)

    fetched = _fetching.fetched(outputs())
    assert next(fetched).item() == 0
    assert made == [0]
