"""The skorch net and its steps, forward passes, callbacks and predictions."""

from sk_mixup.training.loop._alphas import ChooseAlpha, chosen_alpha, member_outputs
from sk_mixup.training.loop._callbacks import (
    BestWeights,
    CountedAccuracy,
    ScikitLearnBridge,
    StopTraining,
    count_accuracy,
    score_anew,
)
from sk_mixup.training.loop._copies import copied, detached_copies, holds_parametrized
from sk_mixup.training.loop._ema import WeightAverage
from sk_mixup.training.loop._epochs import Epochs
from sk_mixup.training.loop._finite import check_item, is_finite
from sk_mixup.training.loop._forward import (
    Forward,
    as_float32,
    has_images,
    in_precision,
)
from sk_mixup.training.loop._joint_temperature import joint_temperature
from sk_mixup.training.loop._net import MixingMixin
from sk_mixup.training.loop._net_class import mixing_net_class
from sk_mixup.training.loop._notebook_bar import NotebookLine, in_notebook
from sk_mixup.training.loop._overrides import check_instance
from sk_mixup.training.loop._prediction import (
    call_module,
    is_double,
    module_input,
    pixels_to_floats,
    place_of,
    predict_outputs,
    predict_stream,
)
from sk_mixup.training.loop._progress import TrainingBar
from sk_mixup.training.loop._run import MixingRun, ask, count_hits
from sk_mixup.training.loop._shared import SharedSteps
from sk_mixup.training.loop._steps import Stepper
from sk_mixup.training.loop._storing import deep_copy, reduced_whole, shallow_copy
from sk_mixup.training.loop._temperature import (
    decided,
    log_odds,
    log_tempered,
    no_temperature,
    outputs_of,
    takes_temperature,
    temperature_of,
    tempered,
)
from sk_mixup.training.loop._words import in_words

__all__ = [
    "BestWeights",
    "ChooseAlpha",
    "CountedAccuracy",
    "Epochs",
    "Forward",
    "MixingMixin",
    "MixingRun",
    "NotebookLine",
    "ScikitLearnBridge",
    "SharedSteps",
    "Stepper",
    "StopTraining",
    "TrainingBar",
    "WeightAverage",
    "as_float32",
    "ask",
    "call_module",
    "check_instance",
    "check_item",
    "chosen_alpha",
    "copied",
    "count_accuracy",
    "count_hits",
    "decided",
    "deep_copy",
    "detached_copies",
    "has_images",
    "holds_parametrized",
    "in_notebook",
    "in_precision",
    "in_words",
    "is_double",
    "is_finite",
    "joint_temperature",
    "log_odds",
    "log_tempered",
    "member_outputs",
    "mixing_net_class",
    "module_input",
    "no_temperature",
    "outputs_of",
    "pixels_to_floats",
    "place_of",
    "predict_outputs",
    "predict_stream",
    "reduced_whole",
    "score_anew",
    "shallow_copy",
    "takes_temperature",
    "temperature_of",
    "tempered",
]
