import functools

import numpy as np
import pytest

from benchmarks.peers.image_trainers import Clocks, ImageItems, ImageTiming
from benchmarks.suites.image_loop import images, in_memory, of_items, tables_of


@pytest.fixture
def task():
    return images(20, np.uint8, epochs=2)


def test_images_of_bytes_and_floats_are_the_same_rows(task):
    floats = images(20, np.float32, epochs=2)
    assert task.x.dtype == np.uint8
    assert floats.x.dtype == np.float32
    np.testing.assert_allclose(floats.x, task.x, atol=1)
    np.testing.assert_array_equal(floats.y, task.y)


def test_items_are_floats_with_their_class(task):
    items = ImageItems(task)
    assert len(items) == 20
    image, label = items[3]
    assert (image.shape, str(image.dtype)) == ((3, 32, 32), "torch.float32")
    assert label == task.y[3]


def test_another_number_of_epochs_is_noticed(task):
    clocks = Clocks()
    clocks.mark()
    clocks.mark()
    with pytest.raises(RuntimeError, match="3 marks; got 2"):
        clocks.timing(task, 0.0)


@pytest.mark.slow
def test_every_contestant_trains(task):
    for make in (in_memory, functools.partial(of_items, workers=(0,))):
        contestants, ratios = make(task)
        found = {name: [train(0)] for name, train in contestants.items()}
        assert all(t.wall > 0 and 0 < t.loss < 10 for ts in found.values() for t in ts)
        assert {name for ratio in ratios for name in ratio[1:3]} <= set(found)


def test_ratios_are_of_neighbours_and_judged():
    found = {
        "ours": [ImageTiming(1.0, 0.5, 2.0), ImageTiming(4.0, 0.5, 2.0)],
        "by hand": [ImageTiming(1.0, 0.5, 2.0), ImageTiming(2.0, 1.0, 2.0)],
    }
    _, ratios = in_memory(images(4, np.uint8, epochs=2))
    judged = [("ours / by hand", "ours", "by hand", ratios[0][3])]
    times, table = tables_of("x", found, judged)
    assert times.rows[0][1:] == ["2500 (1000 to 4000)", "500 (500 to 500)", "2.000"]
    assert table.rows == [
        [
            "ours / by hand",
            "1.50 [1.00, 2.00]",
            "at most 1.05",
            "missed",
            "0.75 [0.50, 1.00]",
        ]
    ]
