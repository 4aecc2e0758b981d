"""What trains beside the net of a training, for methods that learn how to mix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from sk_mixup.mixing import Companion, companions_of
from sk_mixup.training.feeds import TrainStreams, own_copy
from sk_mixup.training.loop import MixingRun, ask
from sk_mixup.training.recipes import Knobs

# Tells the seed of companions from others that follow from the same number.
_SALT = 17


def make_companions(
    run: MixingRun, net: Any, knobs: Knobs, sample: Any
) -> tuple[Companion, ...]:
    """Make the companions of a run's method, for its net as it is now.

    Parameters
    ----------
    run : MixingRun
    net : skorch net
        Initialized.
    knobs : Knobs
    sample : Tensor, dict or tuple
        Some rows of input, as batches have them.
    """
    if run.method is None:
        return ()
    return companions_of(
        run.method,
        net.module_,
        own_copy(sample),
        call=copy_caller(net, knobs),
        criterion=run.objective.row_losses,
        generator=companion_generator(run.streams),
    )


def companion_generator(streams: TrainStreams) -> torch.Generator:
    """Return what companions of a training are seeded by, from its own streams."""
    # The seed of dropout is another one in each further training.
    seeds = np.random.SeedSequence([streams.dropout_seed, _SALT])
    return torch.Generator().manual_seed(int(seeds.generate_state(1)[0]))


def copy_caller(
    net: Any, knobs: Knobs | None = None
) -> Callable[[nn.Module, Any], Any]:
    """Return what runs a copy of a net's module as the net runs its module.

    Parameters
    ----------
    net : skorch net
    knobs : Knobs or None
        Gradients of half precision would need to be scaled: with float16, copies run
        in float32.
    """
    in_full = knobs is not None and knobs.precision == torch.float16

    def call(module: nn.Module, x: Any) -> Any:
        state = vars(net)
        trained, state["module_"] = state["module_"], module
        try:
            if getattr(net, "run_", None) is None:
                return net.infer(x)
            return net._infer(x) if in_full else ask(net, x)
        finally:
            state["module_"] = trained

    return call
