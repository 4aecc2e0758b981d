"""The training loop: skorch's, on whole mixed batches."""

from sk_mixup.training._batches import ArrayData, TensorBatches, select, split_weight
from sk_mixup.training._building import (
    check_mixing,
    initialize_net,
    make_net,
    module_kind,
)
from sk_mixup.training._callbacks import BestWeights, ScikitLearnBridge, StopTraining
from sk_mixup.training._facts import mix_facts
from sk_mixup.training._net import MixingMixin, MixingRun, mixing_net_class
from sk_mixup.training._objective import Objective
from sk_mixup.training._prediction import predict_outputs
from sk_mixup.training._recipe import (
    AUTO_EARLY_STOPPING_ROWS,
    Recipe,
    module_recipe,
    resolve_device,
    table_recipe,
)
from sk_mixup.training._streams import TrainStreams, seeded_globals

__all__ = [
    "AUTO_EARLY_STOPPING_ROWS",
    "ArrayData",
    "BestWeights",
    "MixingMixin",
    "MixingRun",
    "Objective",
    "Recipe",
    "ScikitLearnBridge",
    "StopTraining",
    "TensorBatches",
    "TrainStreams",
    "check_mixing",
    "initialize_net",
    "make_net",
    "mix_facts",
    "mixing_net_class",
    "module_kind",
    "module_recipe",
    "predict_outputs",
    "resolve_device",
    "seeded_globals",
    "select",
    "split_weight",
    "table_recipe",
]
