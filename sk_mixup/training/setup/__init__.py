"""From parameters to an initialized net; checks before the first step."""

from sk_mixup.training.setup._building import make_net
from sk_mixup.training.setup._check_mixing import check_mixing
from sk_mixup.training.setup._initialize import initialize_net
from sk_mixup.training.setup._modules import (
    bundled_net,
    input_kind,
    may_take_tables,
    module_kind,
)
from sk_mixup.training.setup._randomness import training_randomness
from sk_mixup.training.setup._tuning import end_run, start_run, try_knobs

__all__ = [
    "bundled_net",
    "check_mixing",
    "end_run",
    "initialize_net",
    "input_kind",
    "make_net",
    "may_take_tables",
    "module_kind",
    "start_run",
    "training_randomness",
    "try_knobs",
]
