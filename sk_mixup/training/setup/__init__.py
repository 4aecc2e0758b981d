"""From parameters to an initialized net; checks before the first step."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.training.setup._building import make_net as make_net
    from sk_mixup.training.setup._check_mixing import check_mixing as check_mixing
    from sk_mixup.training.setup._companions import (
        companion_generator as companion_generator,
        copy_caller as copy_caller,
    )
    from sk_mixup.training.setup._initialize import (
        give_rates as give_rates,
        initialize_net as initialize_net,
    )
    from sk_mixup.training.setup._modules import (
        bundled_net as bundled_net,
        input_kind as input_kind,
        may_take_tables as may_take_tables,
        module_kind as module_kind,
        takes_sparse as takes_sparse,
    )
    from sk_mixup.training.setup._names import (
        listed_callbacks as listed_callbacks,
        named_optimizer as named_optimizer,
    )
    from sk_mixup.training.setup._randomness import (
        training_randomness as training_randomness,
    )
    from sk_mixup.training.setup._single_rows import (
        check_single_rows as check_single_rows,
    )
    from sk_mixup.training.setup._tuning import (
        end_run as end_run,
        start_run as start_run,
        try_knobs as try_knobs,
    )
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._building": "make_net",
            "._check_mixing": "check_mixing",
            "._companions": "companion_generator copy_caller",
            "._initialize": "give_rates initialize_net",
            "._modules": (
                "bundled_net input_kind may_take_tables module_kind takes_sparse"
            ),
            "._names": "listed_callbacks named_optimizer",
            "._randomness": "training_randomness",
            "._single_rows": "check_single_rows",
            "._tuning": "end_run start_run try_knobs",
        },
    )
