"""The skorch net and its steps, forward passes, callbacks and predictions."""

from sk_mixup.training.loop._alphas import ChooseAlpha, chosen_alpha, member_outputs
from sk_mixup.training.loop._callbacks import (
    BestWeights,
    ScikitLearnBridge,
    StopTraining,
    score_anew,
)
from sk_mixup.training.loop._copies import copied, detached_copies, let_pickle
from sk_mixup.training.loop._ema import WeightAverage
from sk_mixup.training.loop._forward import Forward, as_float32, has_images
from sk_mixup.training.loop._joint_temperature import joint_temperature
from sk_mixup.training.loop._net import MixingMixin, mixing_net_class
from sk_mixup.training.loop._prediction import (
    call_module,
    is_double,
    predict_outputs,
    predict_stream,
)
from sk_mixup.training.loop._progress import TrainingBar
from sk_mixup.training.loop._run import MixingRun, count_hits
from sk_mixup.training.loop._steps import Stepper
from sk_mixup.training.loop._temperature import (
    no_temperature,
    outputs_of,
    takes_temperature,
    temperature_of,
    tempered,
)

__all__ = [
    "BestWeights",
    "ChooseAlpha",
    "Forward",
    "MixingMixin",
    "MixingRun",
    "ScikitLearnBridge",
    "Stepper",
    "StopTraining",
    "TrainingBar",
    "WeightAverage",
    "as_float32",
    "call_module",
    "chosen_alpha",
    "copied",
    "count_hits",
    "detached_copies",
    "has_images",
    "is_double",
    "joint_temperature",
    "let_pickle",
    "member_outputs",
    "mixing_net_class",
    "no_temperature",
    "outputs_of",
    "predict_outputs",
    "predict_stream",
    "score_anew",
    "takes_temperature",
    "temperature_of",
    "tempered",
]
