"""The training loop: skorch's, on whole mixed batches."""

from typing import TYPE_CHECKING, Any

from sk_mixup.training.feeds import (
    ArrayData,
    StreamData,
    TensorBatches,
    TrainStreams,
    mix_facts,
    seeded_globals,
    select,
    split_weight,
    token_information,
)
from sk_mixup.training.loop import (
    BestWeights,
    MixingMixin,
    MixingRun,
    ScikitLearnBridge,
    StopTraining,
    TrainingBar,
    mixing_net_class,
    no_temperature,
    outputs_of,
    predict_outputs,
    predict_stream,
    score_anew,
    takes_temperature,
    temperature_of,
    tempered,
)
from sk_mixup.training.objectives import (
    GaussianHead,
    GaussianLoss,
    MultiLabel,
    MultiOutput,
    Objective,
    PinballLoss,
    QuantileHead,
    RegressionHead,
    SoftLabels,
    TargetKind,
)
from sk_mixup.training.recipes import (
    AUTO_EARLY_STOPPING_ROWS,
    PRESETS,
    Horizon,
    Knobs,
    PlannedCosine,
    Recipe,
    check_knobs,
    follows_plan,
    image_recipe,
    module_recipe,
    resolve_device,
    table_recipe,
    text_recipe,
    tuning_recipe,
)
from sk_mixup.training.setup import (
    bundled_net,
    check_mixing,
    end_run,
    initialize_net,
    input_kind,
    make_net,
    may_take_tables,
    module_kind,
    start_run,
    try_knobs,
)

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
