"""From parameters to an initialized net; checks before the first step."""

from sk_mixup.training.setup._building import make_net
from sk_mixup.training.setup._check_mixing import check_mixing
from sk_mixup.training.setup._companions import companion_generator, copy_caller
from sk_mixup.training.setup._initialize import give_rates, initialize_net
from sk_mixup.training.setup._modules import (
    bundled_net,
    input_kind,
    may_take_tables,
    module_kind,
    takes_sparse,
)
from sk_mixup.training.setup._names import (
    listed_callbacks,
    named_optimizer,
)
from sk_mixup.training.setup._randomness import training_randomness
from sk_mixup.training.setup._single_rows import check_single_rows
from sk_mixup.training.setup._tuning import end_run, start_run, try_knobs

__all__ = [
    "bundled_net",
    "check_mixing",
    "check_single_rows",
    "companion_generator",
    "copy_caller",
    "end_run",
    "give_rates",
    "initialize_net",
    "input_kind",
    "listed_callbacks",
    "make_net",
    "may_take_tables",
    "module_kind",
    "named_optimizer",
    "start_run",
    "takes_sparse",
    "training_randomness",
    "try_knobs",
]
