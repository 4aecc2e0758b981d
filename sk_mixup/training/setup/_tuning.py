"""From the settings of a user to what a training runs with."""

from __future__ import annotations

from typing import Any

import torch
from skorch.callbacks import LRScheduler

from sk_mixup.training.feeds import first_input, move, seeded_globals, select
from sk_mixup.training.loop import (
    Forward,
    MixingRun,
    Stepper,
    WeightAverage,
    call_module,
    has_images,
    in_precision,
)
from sk_mixup.training.recipes import Knobs, StepSchedule
from sk_mixup.training.setup._companions import make_companions


def try_knobs(net: Any, knobs: Knobs, sample: Any, seed: int) -> Any:
    """Check settings with a net and rows of input, before training.

    Parameters
    ----------
    net : skorch net
        Initialized; gets the memory format of `knobs`.
    knobs : Knobs
    sample : Tensor, dict or tuple
        Some rows of input.
    seed : int
        Of what augmentation draws here.

    Returns
    -------
    sample : like `sample`
        As the training will see such rows: augmented.

    Raises
    ------
    ValueError, TypeError
    """
    knobs.check_net(net)
    if knobs.channels_last:
        if not has_images(sample):
            raise ValueError(
                "channels_last=True is for images, of shape (rows, channels, height,"
                " width); no input has four dimensions. Leave it out."
            )
        net.module_.to(memory_format=torch.channels_last)
    if not knobs.augment and knobs.precision is None:
        return sample
    device = net.place_
    with seeded_globals(seed), torch.no_grad():
        x = sample
        if knobs.augment:
            # A copy: an augmentation may write into the batch that it is given.
            x = move(select(sample, torch.arange(len(first_input(sample)))), device)
            for step in knobs.augment:
                x = _try_step(step, x)
            sample = move(x, torch.device("cpu"))
        _try_module(net, move(x, device), knobs)
    return sample


def start_run(
    run: MixingRun, net: Any, knobs: Knobs, *, schedule: Any, sample: Any = None
) -> None:
    """Give a run what `knobs` ask for, and the net what outlasts it.

    Parameters
    ----------
    run : MixingRun
    net : skorch net
    knobs : Knobs
    schedule : str, callable or None
        "auto": no schedule other than those of callbacks.
    sample : Tensor, dict or tuple
        Some rows of input, as batches have them.
    """
    run.augment = knobs.augment
    if knobs.precision is not None or knobs.compile is not None or knobs.channels_last:
        run.forward = Forward(net, knobs)
    vars(net)["compile_options_"] = knobs.compile
    # skorch saves what is called like the module in a way that finds its device.
    average = vars(net).pop("module_average_", None)
    if knobs.ema is not None:
        average = average or WeightAverage(knobs.ema)
        average.decay = knobs.ema
        average.begin(net.module_)
        vars(net)["module_average_"] = average
    else:
        average = None
    steps = None
    optimizers = [getattr(net, f"{name}_") for name in net._optimizers]
    if schedule != "auto" and (schedule is not None or knobs.warmup > 0):
        if any(isinstance(c, LRScheduler) for _, c in net.callbacks_):
            raise ValueError(
                f"schedule={knobs.schedule!r}, warmup={knobs.warmup:g} and the callback"
                " LRScheduler would both set the learning rate. Leave one of them out."
            )
        steps = StepSchedule(schedule, knobs.warmup, run.n_epochs, optimizers)
    companions = make_companions(run, net, knobs, sample)
    run.facts = run.facts | {"companions": companions}
    if (
        steps is not None
        or average is not None
        or companions
        or knobs.clip_norm is not None
        or knobs.accumulate > 1
        or knobs.precision == torch.float16
    ):
        graphs = run.forward is not None and run.forward.writes_over
        run.stepper = Stepper(
            net, knobs, steps, average, companions, writes_over=graphs
        )


def end_run(run: MixingRun, net: Any, source: Any) -> None:
    """Let go of a training that has ended.

    Parameters
    ----------
    run : MixingRun
    net : skorch net
    source : input object
        Its `after_training` is called with the module.
    """
    stepper = run.stepper
    if stepper is not None and stepper.schedule is not None:
        stepper.schedule.restore()
    if stepper is not None and stepper.scaler is not None:
        vars(net)["scaler_state_"] = stepper.scaler.state_dict()
    if stepper is not None and stepper.average is not None:
        stepper.average.end(lambda: source.after_training(net.module_))
    else:
        source.after_training(net.module_)


def _try_step(step: Any, x: Any) -> Any:
    name = getattr(step, "__name__", None) or repr(step)
    n_rows = len(first_input(x))
    wanted = _description(x)
    try:
        result = step(x)
    except Exception as error:
        raise ValueError(
            f"augment: {name} failed on a batch of {wanted}: {type(error).__name__}:"
            f" {error}"
        ) from error
    if not _is_batch(result):
        raise TypeError(
            f"augment: {name} must return a batch like the one it is given, {wanted};"
            f" it returned {type(result).__name__}."
        )
    tensors = result.values() if isinstance(result, dict) else result
    for tensor in [result] if isinstance(result, torch.Tensor) else tensors:
        if tensor.ndim == 0 or len(tensor) != n_rows:
            raise ValueError(
                f"augment: {name} returned {_description(result)} for {wanted}; it must"
                " keep the number of rows."
            )
    return result


def _is_batch(x: Any) -> bool:
    if isinstance(x, torch.Tensor):
        return True
    values = list(x.values()) if isinstance(x, dict) else x
    if not isinstance(values, (tuple, list)) or not values:
        return False
    return all(isinstance(value, torch.Tensor) for value in values)


def _description(x: Any) -> str:
    if isinstance(x, torch.Tensor):
        return f"shape {tuple(x.shape)}, {x.dtype}"
    if isinstance(x, dict):
        return ", ".join(f"{key!r} of {_description(v)}" for key, v in x.items())
    return " and ".join(map(_description, x))


def _try_module(net: Any, x: Any, knobs: Knobs) -> None:
    module = net.module_
    module.eval()
    try:
        with in_precision(net.place_.type, knobs.precision):
            call_module(net.as_called(module), x)
    except Exception as error:
        causes = ["augmented input"] if knobs.augment else []
        causes += [f"precision {knobs.precision}"] if knobs.precision else []
        raise ValueError(
            f"module: {type(module).__name__} failed with {' and '.join(causes)}, on"
            f" {_description(x)}: {type(error).__name__}: {error}"
        ) from error
    finally:
        module.train()
