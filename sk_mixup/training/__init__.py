"""The training loop: skorch's, on whole mixed batches."""

from sk_mixup.training._batches import ArrayData, TensorBatches, select, split_weight
from sk_mixup.training._building import (
    bundled_net,
    check_mixing,
    initialize_net,
    input_kind,
    make_net,
    module_kind,
)
from sk_mixup.training._callbacks import BestWeights, ScikitLearnBridge, StopTraining
from sk_mixup.training._facts import mix_facts
from sk_mixup.training._heads import TargetKind
from sk_mixup.training._knobs import Knobs, check_knobs
from sk_mixup.training._multilabel import MultiLabel
from sk_mixup.training._multioutput import MultiOutput
from sk_mixup.training._net import MixingMixin, mixing_net_class
from sk_mixup.training._objective import Objective
from sk_mixup.training._prediction import predict_outputs, predict_stream
from sk_mixup.training._progress import TrainingBar
from sk_mixup.training._recipe import (
    AUTO_EARLY_STOPPING_ROWS,
    Recipe,
    image_recipe,
    module_recipe,
    resolve_device,
    table_recipe,
    text_recipe,
    tuning_recipe,
)
from sk_mixup.training._run import MixingRun
from sk_mixup.training._soft_objective import SoftLabels
from sk_mixup.training._stream_data import StreamData
from sk_mixup.training._streams import TrainStreams, seeded_globals
from sk_mixup.training._tuning import end_run, start_run, try_knobs

__all__ = [
    "AUTO_EARLY_STOPPING_ROWS",
    "ArrayData",
    "BestWeights",
    "Knobs",
    "MixingMixin",
    "MixingRun",
    "MultiLabel",
    "MultiOutput",
    "Objective",
    "Recipe",
    "ScikitLearnBridge",
    "SoftLabels",
    "StopTraining",
    "StreamData",
    "TargetKind",
    "TensorBatches",
    "TrainStreams",
    "TrainingBar",
    "bundled_net",
    "check_knobs",
    "check_mixing",
    "end_run",
    "image_recipe",
    "initialize_net",
    "input_kind",
    "make_net",
    "mix_facts",
    "mixing_net_class",
    "module_kind",
    "module_recipe",
    "predict_outputs",
    "predict_stream",
    "resolve_device",
    "seeded_globals",
    "select",
    "split_weight",
    "start_run",
    "table_recipe",
    "text_recipe",
    "try_knobs",
    "tuning_recipe",
]
