"""The skorch net and its steps, forward passes, callbacks and predictions."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.training.loop._alphas import (
        ChooseAlpha as ChooseAlpha,
        chosen_alpha as chosen_alpha,
        member_outputs as member_outputs,
    )
    from sk_mixup.training.loop._callbacks import (
        BestWeights as BestWeights,
        CountedAccuracy as CountedAccuracy,
        ScikitLearnBridge as ScikitLearnBridge,
        StopTraining as StopTraining,
        count_accuracy as count_accuracy,
        score_anew as score_anew,
    )
    from sk_mixup.training.loop._choose_steps import ChooseSteps as ChooseSteps
    from sk_mixup.training.loop._copies import (
        copied as copied,
        detached_copies as detached_copies,
        holds_parametrized as holds_parametrized,
    )
    from sk_mixup.training.loop._ema import WeightAverage as WeightAverage
    from sk_mixup.training.loop._epochs import Epochs as Epochs
    from sk_mixup.training.loop._fetching import on_host as on_host
    from sk_mixup.training.loop._finite import (
        check_item as check_item,
        is_finite as is_finite,
    )
    from sk_mixup.training.loop._forward import (
        Forward as Forward,
        as_float32 as as_float32,
        has_images as has_images,
        in_precision as in_precision,
    )
    from sk_mixup.training.loop._joint_temperature import (
        joint_temperature as joint_temperature,
    )
    from sk_mixup.training.loop._net import MixingMixin as MixingMixin
    from sk_mixup.training.loop._net_class import mixing_net_class as mixing_net_class
    from sk_mixup.training.loop._notebook_bar import (
        NotebookLine as NotebookLine,
        in_notebook as in_notebook,
    )
    from sk_mixup.training.loop._overrides import check_instance as check_instance
    from sk_mixup.training.loop._prediction import (
        call_module as call_module,
        is_double as is_double,
        module_input as module_input,
        pixels_to_floats as pixels_to_floats,
        place_of as place_of,
        predict_outputs as predict_outputs,
        predict_stream as predict_stream,
    )
    from sk_mixup.training.loop._progress import TrainingBar as TrainingBar
    from sk_mixup.training.loop._run import (
        MixingRun as MixingRun,
        ask as ask,
        count_hits as count_hits,
    )
    from sk_mixup.training.loop._shared import SharedSteps as SharedSteps
    from sk_mixup.training.loop._steps import Stepper as Stepper
    from sk_mixup.training.loop._storing import (
        deep_copy as deep_copy,
        reduced_whole as reduced_whole,
        shallow_copy as shallow_copy,
    )
    from sk_mixup.training.loop._temperature import (
        decided as decided,
        log_odds as log_odds,
        log_tempered as log_tempered,
        no_temperature as no_temperature,
        outputs_of as outputs_of,
        takes_temperature as takes_temperature,
        temperature_of as temperature_of,
        tempered as tempered,
    )
    from sk_mixup.training.loop._words import in_words as in_words
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._alphas": "ChooseAlpha chosen_alpha member_outputs",
            "._callbacks": (
                "BestWeights CountedAccuracy ScikitLearnBridge StopTraining "
                "count_accuracy score_anew"
            ),
            "._choose_steps": "ChooseSteps",
            "._copies": "copied detached_copies holds_parametrized",
            "._ema": "WeightAverage",
            "._epochs": "Epochs",
            "._fetching": "on_host",
            "._finite": "check_item is_finite",
            "._forward": "Forward as_float32 has_images in_precision",
            "._joint_temperature": "joint_temperature",
            "._net": "MixingMixin",
            "._net_class": "mixing_net_class",
            "._notebook_bar": "NotebookLine in_notebook",
            "._overrides": "check_instance",
            "._prediction": (
                "call_module is_double module_input pixels_to_floats place_of "
                "predict_outputs predict_stream"
            ),
            "._progress": "TrainingBar",
            "._run": "MixingRun ask count_hits",
            "._shared": "SharedSteps",
            "._steps": "Stepper",
            "._storing": "deep_copy reduced_whole shallow_copy",
            "._temperature": (
                "decided log_odds log_tempered no_temperature outputs_of "
                "takes_temperature temperature_of tempered"
            ),
            "._words": "in_words",
        },
    )
