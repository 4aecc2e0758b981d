"""The training loop: skorch's, on whole mixed batches."""

from typing import TYPE_CHECKING, Any

from sk_mixup.training._batches import ArrayData, TensorBatches, select, split_weight
from sk_mixup.training._building import make_net
from sk_mixup.training._callbacks import (
    BestWeights,
    ScikitLearnBridge,
    StopTraining,
    score_anew,
)
from sk_mixup.training._check_mixing import check_mixing
from sk_mixup.training._facts import mix_facts, token_information
from sk_mixup.training._head_losses import GaussianLoss, PinballLoss
from sk_mixup.training._heads import TargetKind
from sk_mixup.training._horizon import Horizon, PlannedCosine, follows_plan
from sk_mixup.training._initialize import initialize_net
from sk_mixup.training._knobs import Knobs, check_knobs
from sk_mixup.training._modules import (
    bundled_net,
    input_kind,
    may_take_tables,
    module_kind,
)
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
    text_recipe,
    tuning_recipe,
)
from sk_mixup.training._regression_heads import (
    GaussianHead,
    QuantileHead,
    RegressionHead,
)
from sk_mixup.training._run import MixingRun
from sk_mixup.training._soft_objective import SoftLabels
from sk_mixup.training._stream_data import StreamData
from sk_mixup.training._streams import TrainStreams, seeded_globals
from sk_mixup.training._table_recipe import PRESETS, table_recipe
from sk_mixup.training._temperature import (
    no_temperature,
    outputs_of,
    takes_temperature,
    temperature_of,
    tempered,
)
from sk_mixup.training._tuning import end_run, start_run, try_knobs

if TYPE_CHECKING:
    from sk_mixup.training.packing import (
        PackMember,
        pack_key,
        train_together,
        unfusable_reason,
    )

__all__ = [
    "AUTO_EARLY_STOPPING_ROWS",
    "PRESETS",
    "ArrayData",
    "BestWeights",
    "GaussianHead",
    "GaussianLoss",
    "Horizon",
    "Knobs",
    "MixingMixin",
    "MixingRun",
    "MultiLabel",
    "MultiOutput",
    "Objective",
    "PackMember",
    "PinballLoss",
    "PlannedCosine",
    "QuantileHead",
    "Recipe",
    "RegressionHead",
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
    "follows_plan",
    "image_recipe",
    "initialize_net",
    "input_kind",
    "make_net",
    "may_take_tables",
    "mix_facts",
    "mixing_net_class",
    "module_kind",
    "module_recipe",
    "no_temperature",
    "outputs_of",
    "pack_key",
    "predict_outputs",
    "predict_stream",
    "resolve_device",
    "score_anew",
    "seeded_globals",
    "select",
    "split_weight",
    "start_run",
    "table_recipe",
    "takes_temperature",
    "temperature_of",
    "tempered",
    "text_recipe",
    "token_information",
    "train_together",
    "try_knobs",
    "tuning_recipe",
    "unfusable_reason",
]

# Imported when they are asked for, which searches do.
_PACKING = ("PackMember", "pack_key", "train_together", "unfusable_reason")


def __getattr__(name: str) -> Any:
    """Import what trains many nets together."""
    if name not in _PACKING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sk_mixup.training import packing

    return getattr(packing, name)
