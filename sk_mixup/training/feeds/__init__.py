"""Batches: from tensors, loaders and streams, and mixed ahead of their steps."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.training.feeds._ahead import (
        MixedBatch as MixedBatch,
        dense_target as dense_target,
        mixed_batches as mixed_batches,
        mixes_input as mixes_input,
    )
    from sk_mixup.training.feeds._batches import (
        ArrayData as ArrayData,
        Input as Input,
        LoadedBatches as LoadedBatches,
        LoaderBatches as LoaderBatches,
        TensorBatches as TensorBatches,
        as_is as as_is,
        clean_rows as clean_rows,
        first_input as first_input,
        move as move,
        own_copy as own_copy,
        row_groups as row_groups,
        select as select,
        split_weight as split_weight,
    )
    from sk_mixup.training.feeds._facts import (
        facts_on as facts_on,
        mix_facts as mix_facts,
        token_information as token_information,
    )
    from sk_mixup.training.feeds._folds import (
        MemberRows as MemberRows,
        member_folds as member_folds,
    )
    from sk_mixup.training.feeds._last_batch import count_batches as count_batches
    from sk_mixup.training.feeds._loaders import (
        loaded_batches as loaded_batches,
        stream_batches as stream_batches,
        training_batches as training_batches,
    )
    from sk_mixup.training.feeds._memory import keep_memory as keep_memory
    from sk_mixup.training.feeds._mode import own_mode as own_mode
    from sk_mixup.training.feeds._shared import (
        SharedBatches as SharedBatches,
        SharedSampler as SharedSampler,
    )
    from sk_mixup.training.feeds._stream_data import StreamData as StreamData
    from sk_mixup.training.feeds._streams import TrainStreams as TrainStreams
    from sk_mixup.training.feeds._walk import (
        map_tensors as map_tensors,
        tensors_of as tensors_of,
    )
    from sk_mixup.training.feeds._windows import (
        WindowBatches as WindowBatches,
        WindowData as WindowData,
        encoded_rows as encoded_rows,
        joined_rows as joined_rows,
        plain_target as plain_target,
    )
    from sk_mixup.turns import seeded_globals as seeded_globals
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._ahead": "MixedBatch dense_target mixed_batches mixes_input",
            "._batches": (
                "ArrayData Input LoadedBatches LoaderBatches TensorBatches as_is "
                "clean_rows first_input move own_copy row_groups select split_weight"
            ),
            "._facts": "facts_on mix_facts token_information",
            "._folds": "MemberRows member_folds",
            "._last_batch": "count_batches",
            "._loaders": "loaded_batches stream_batches training_batches",
            "._memory": "keep_memory",
            "._mode": "own_mode",
            "._shared": "SharedBatches SharedSampler",
            "._stream_data": "StreamData",
            "._streams": "TrainStreams",
            "._walk": "map_tensors tensors_of",
            "._windows": (
                "WindowBatches WindowData encoded_rows joined_rows plain_target"
            ),
            "sk_mixup.turns": "seeded_globals",
        },
    )
