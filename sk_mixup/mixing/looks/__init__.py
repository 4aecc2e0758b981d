"""Asking the running net about a batch before it is mixed, without a trace in it."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.mixing.looks._activations import (
        class_activations as class_activations,
    )
    from sk_mixup.mixing.looks._asking import (
        asked as asked,
        check_images as check_images,
        in_rows as in_rows,
        module_of as module_of,
    )
    from sk_mixup.mixing.looks._average import running_average as running_average
    from sk_mixup.mixing.looks._gradients import (
        InputLook as InputLook,
        input_gradients as input_gradients,
        look_back as look_back,
    )
    from sk_mixup.mixing.looks._leaves import (
        embedding_layer as embedding_layer,
        layer_gradients as layer_gradients,
    )
    from sk_mixup.mixing.looks._losses import (
        plain_criterion as plain_criterion,
        ready_loss as ready_loss,
    )
    from sk_mixup.mixing.looks._maps import (
        feature_map as feature_map,
        is_map as is_map,
        last_map_layer as last_map_layer,
        only_map as only_map,
    )
    from sk_mixup.mixing.looks._saliency import (
        blurred as blurred,
        fine_grained as fine_grained,
        gray_of as gray_of,
        resized as resized,
        spectral_residual as spectral_residual,
        to_sum_one as to_sum_one,
    )
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._activations": "class_activations",
            "._asking": "asked check_images in_rows module_of",
            "._average": "running_average",
            "._gradients": "InputLook input_gradients look_back",
            "._leaves": "embedding_layer layer_gradients",
            "._losses": "plain_criterion ready_loss",
            "._maps": "feature_map is_map last_map_layer only_map",
            "._saliency": (
                "blurred fine_grained gray_of resized spectral_residual to_sum_one"
            ),
        },
    )
