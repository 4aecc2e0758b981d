"""Batches: from tensors, loaders and streams, and mixed ahead of their steps."""

from sk_mixup.training.feeds._ahead import (
    MixedBatch,
    dense_target,
    mixed_batches,
    mixes_input,
)
from sk_mixup.training.feeds._batches import (
    ArrayData,
    Input,
    LoadedBatches,
    LoaderBatches,
    TensorBatches,
    as_is,
    clean_rows,
    first_input,
    move,
    own_copy,
    row_groups,
    select,
    split_weight,
)
from sk_mixup.training.feeds._facts import facts_on, mix_facts, token_information
from sk_mixup.training.feeds._folds import MemberRows, member_folds
from sk_mixup.training.feeds._last_batch import count_batches
from sk_mixup.training.feeds._loaders import (
    loaded_batches,
    stream_batches,
    training_batches,
)
from sk_mixup.training.feeds._mode import own_mode
from sk_mixup.training.feeds._shared import SharedBatches, SharedSampler
from sk_mixup.training.feeds._stream_data import StreamData
from sk_mixup.training.feeds._streams import TrainStreams
from sk_mixup.training.feeds._walk import map_tensors, tensors_of
from sk_mixup.training.feeds._windows import (
    WindowBatches,
    WindowData,
    encoded_rows,
    joined_rows,
    plain_target,
)
from sk_mixup.turns import seeded_globals

__all__ = [
    "ArrayData",
    "Input",
    "LoadedBatches",
    "LoaderBatches",
    "MemberRows",
    "MixedBatch",
    "SharedBatches",
    "SharedSampler",
    "StreamData",
    "TensorBatches",
    "TrainStreams",
    "WindowBatches",
    "WindowData",
    "as_is",
    "clean_rows",
    "count_batches",
    "dense_target",
    "encoded_rows",
    "facts_on",
    "first_input",
    "joined_rows",
    "loaded_batches",
    "map_tensors",
    "member_folds",
    "mix_facts",
    "mixed_batches",
    "mixes_input",
    "move",
    "own_copy",
    "own_mode",
    "plain_target",
    "row_groups",
    "seeded_globals",
    "select",
    "split_weight",
    "stream_batches",
    "tensors_of",
    "token_information",
    "training_batches",
]
