"""Asking the running net about a batch before it is mixed, without a trace in it."""

from sk_mixup.mixing.looks._activations import class_activations
from sk_mixup.mixing.looks._asking import (
    asked,
    check_images,
    in_rows,
    module_of,
)
from sk_mixup.mixing.looks._average import running_average
from sk_mixup.mixing.looks._gradients import InputLook, input_gradients, look_back
from sk_mixup.mixing.looks._leaves import embedding_layer, layer_gradients
from sk_mixup.mixing.looks._losses import plain_criterion, ready_loss
from sk_mixup.mixing.looks._maps import feature_map, is_map, last_map_layer, only_map
from sk_mixup.mixing.looks._saliency import (
    blurred,
    fine_grained,
    gray_of,
    resized,
    spectral_residual,
    to_sum_one,
)

__all__ = [
    "InputLook",
    "asked",
    "blurred",
    "check_images",
    "class_activations",
    "embedding_layer",
    "feature_map",
    "fine_grained",
    "gray_of",
    "in_rows",
    "input_gradients",
    "is_map",
    "last_map_layer",
    "layer_gradients",
    "look_back",
    "module_of",
    "only_map",
    "plain_criterion",
    "ready_loss",
    "resized",
    "running_average",
    "spectral_residual",
    "to_sum_one",
]
