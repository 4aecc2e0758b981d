"""Which process takes which rows, and draws from which streams."""

import pytest
import torch
from hypothesis import given, strategies as st

from sk_mixup.processes import even_bounds, joined, launched, share_of_batch
from sk_mixup.training import TrainStreams

sizes = given(n_rows=st.integers(0, 60), size=st.integers(1, 7))


@sizes
def test_shares_are_the_batch_in_order(n_rows, size):
    rows = range(n_rows)
    shares = [rows[share_of_batch(n_rows, rank, size)] for rank in range(size)]
    assert [row for part in shares for row in part] == list(rows)


@sizes
def test_no_process_takes_a_row_alone_from_several(n_rows, size):
    shares = [share_of_batch(n_rows, rank, size) for rank in range(size)]
    taken = [part.stop - part.start for part in shares]
    assert n_rows < 2 or 1 not in taken
    assert max(taken) - min(t for t in taken if t or n_rows == 0) <= 1


@given(n_rows=st.integers(0, 60), n_batches=st.integers(1, 40))
def test_batches_of_a_part_are_even_and_hold_every_row_once(n_rows, n_batches):
    bounds = even_bounds(n_rows, n_batches)
    assert len(bounds) <= n_batches
    assert [i for low, high in bounds for i in range(low, high)] == list(range(n_rows))
    lengths = [high - low for low, high in bounds]
    assert not lengths or max(lengths) - min(lengths) <= 1
    assert n_rows < 2 or min(lengths) >= 2


def draws(streams):
    mix = streams.mix
    return {
        "order": torch.rand(4, generator=streams.order).tolist(),
        "partner": torch.rand(4, generator=mix.partner).tolist(),
        "lam": torch.rand(4, generator=mix.lam).tolist(),
    }


def test_the_first_process_draws_what_one_alone_does():
    first = TrainStreams(0).of_process(0, own_order=True)
    assert draws(first) == draws(TrainStreams(0))
    assert first.dropout_seed == TrainStreams(0).dropout_seed


def test_processes_share_the_order_and_mix_apart():
    found = [
        draws(TrainStreams(0).of_process(rank, own_order=False)) for rank in range(3)
    ]
    assert len({tuple(one["order"]) for one in found}) == 1
    assert len({tuple(one["partner"]) for one in found}) == 3
    assert len({tuple(one["lam"]) for one in found}) == 3


def test_processes_with_parts_order_them_apart_and_split_alike():
    streams = [TrainStreams(0).of_process(rank, own_order=True) for rank in range(3)]
    assert len({one.split_seed for one in streams}) == 1
    assert len({one.init_seed for one in streams}) == 1
    assert len({one.dropout_seed for one in streams}) == 3
    assert len({tuple(draws(one)["order"]) for one in streams}) == 3


def test_a_process_alone_joins_nobody(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert not launched()
    with joined("auto") as processes:
        assert processes is None


@pytest.mark.parametrize(
    ("size", "name", "wanted"),
    [
        ("1", "MainProcess", False),
        ("2", "MainProcess", True),
        ("2", "LokyProcess-1", False),
    ],
)
def test_a_launcher_is_known_by_the_environment_and_its_children_are_not(
    monkeypatch, size, name, wanted
):
    environment = {"RANK": "0", "WORLD_SIZE": size, "MASTER_ADDR": "::1"}
    for key, value in (environment | {"MASTER_PORT": "1"}).items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr("multiprocessing.current_process", lambda: _Named(name))
    assert launched() is wanted


class _Named:
    def __init__(self, name):
        self.name = name
