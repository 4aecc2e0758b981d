"""The same small data as every kind of input, and modules that read them."""

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from sk_mixup.inputs import DatasetRows, Rows

N = 48
Y = np.arange(N) % 2
_random = np.random.default_rng(0)
FLAT = (_random.standard_normal((N, 12)) + 2.0 * Y[:, None]).astype(np.float32)
IMAGES = _random.integers(0, 120, (N, 3, 6, 6), dtype=np.uint8)
IMAGES[Y == 1, :, :3] += 130
AGES = (20.0 + 30.0 * Y + _random.standard_normal(N)).astype(np.float32)


class Flat(nn.Module):
    """Reads one array of any rank."""

    def __init__(self, n_outputs=2):
        super().__init__()
        self.scale = nn.Flatten()
        self.head = nn.LazyLinear(n_outputs)

    def forward(self, x):
        return self.head(self.scale(x) / 16)


class TwoInputs(nn.Module):
    """Reads an image and an age."""

    def __init__(self, n_outputs=2):
        super().__init__()
        self.image = nn.Linear(3 * 6 * 6, 4)
        self.head = nn.Linear(5, n_outputs)

    def forward(self, image, age):
        hidden = self.image(image.flatten(1) / 255)
        return self.head(torch.cat([hidden, age.reshape(-1, 1) / 50], 1))


class Pairs(Dataset):
    """A map-style data set that is neither from torch nor keeps its targets."""

    def __init__(self, X=IMAGES, y=Y):
        self.X, self.y = X, y

    def __len__(self):
        return len(self.X)

    def __getitem__(self, i):
        return self.X[i], self.y[i]


class DictPairs(Dataset):
    """A data set whose items hold several inputs by name."""

    def __len__(self):
        return N

    def __getitem__(self, i):
        return {"image": IMAGES[i], "age": AGES[i]}, int(Y[i])


class Stream(IterableDataset):
    """An iterable data set; workers share it out."""

    def __init__(self, y=Y, with_target=True):
        self.y, self.with_target = y, with_target

    def __iter__(self):
        info = torch.utils.data.get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        for i in range(first, N, step):
            x = torch.from_numpy(FLAT[i])
            yield (x, self.y[i]) if self.with_target else x


def mapped(path, array):
    """Return an array as a read-only memory map."""
    np.save(path, array)
    return np.load(path, mmap_mode="r")


def make(kind, tmp_path):
    """Return X, y for `fit` (None: X has it) and a module."""
    tensor = torch.from_numpy
    named = {"image": IMAGES, "age": AGES}
    return {
        "array": (FLAT, Y, Flat),
        "images": (IMAGES, Y, Flat),
        "float64 images": (IMAGES.astype(np.float64), Y, Flat),
        "tensor": (tensor(FLAT), tensor(Y), Flat),
        "image tensor": (tensor(IMAGES), tensor(Y), Flat),
        "memory map": (mapped(tmp_path / "x.npy", IMAGES), Y, Flat),
        "dict": (named, Y, TwoInputs),
        "tuple": ((IMAGES, AGES), Y, TwoInputs),
        "rows by name": (Rows(named), Y, TwoInputs),
        "rows by position": (Rows((tensor(IMAGES), AGES)), Y, TwoInputs),
        "rows of maps": (
            Rows(image=mapped(tmp_path / "i.npy", IMAGES), age=AGES),
            Y,
            TwoInputs,
        ),
        "dataset": (Pairs(), None, Flat),
        "tensor dataset": (TensorDataset(tensor(FLAT), tensor(Y)), None, Flat),
        "dataset of dicts": (DictPairs(), None, TwoInputs),
        "dataset and y": (Pairs(), Y, Flat),
        "dataset rows": (DatasetRows(Pairs()), Y, Flat),
    }[kind]


INDEXABLE = [
    "array",
    "images",
    "float64 images",
    "tensor",
    "image tensor",
    "memory map",
    "rows by name",
    "rows by position",
    "rows of maps",
    "dataset rows",
]
KINDS = [
    *INDEXABLE,
    "dict",
    "tuple",
    "dataset",
    "tensor dataset",
    "dataset of dicts",
    "dataset and y",
]
