"""AdamW, with orthogonal steps for the matrices of hidden layers.

A gradient of a matrix is dominated by few directions. Muon (Jordan et al., 2024) makes
all singular values of the step alike, so that rare directions are learnt as fast as
common ones; for nets on tables it is ahead of fourteen other optimizers (Gorishniy et
al.: Benchmarking Optimizers for MLPs in Tabular Deep Learning, 2026). What is no matrix
of a hidden layer (embeddings, biases, heads) is left to AdamW.

Orthogonal is what a few products make of the momentum: polynomials of its singular
values, each the best one for what the one before it leaves (Amsel et al.: The Polar
Express, 2025). They are the costly part of a step, and bear half precision. Afterwards
the units get steps of about one size (Li et al.: NorMuon, 2025).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from sk_mixup.training.recipes._fused_step import step_fused
from sk_mixup.training.recipes._recipe import fast_precision

# Coefficients of x, x**3 and x**5, one polynomial after the other: odd, so that they
# work on singular values alone. Each is the nearest to 1, in the largest difference, on
# the interval that the one before it leaves, and the first on [0.01, 1]: after three,
# 0.27 at most is missing. A smaller bound leaves more, and led to higher losses.
_POLYNOMIALS = (
    (8.0933687994, -23.6204310370, 17.4461521701),
    (3.6365862105, -2.7219271674, 0.5365463525),
    (2.6612999952, -1.9771548133, 0.4526165157),
)
# Rounded values may exceed 1 a little, where the polynomials grow fast.
_MARGIN = 1.01
# Size of a number of a step, in learning rates: about as AdamW's are.
_SIZE = 0.2
# Share of its former size in that of a unit.
_UNIT_MEMORY = 0.95
_TINY = 1e-12


class MuonAdamW(torch.optim.AdamW):
    """AdamW that takes orthogonal steps where a group of parameters asks for them.

    Groups with ``orthogonal=True`` hold matrices (n_out, n_in), as those of
    `torch.nn.Linear`, or stacks of them (k, n_in, n_out), as those of `EnsembleLinear`;
    each matrix of a stack is made orthogonal for itself. Other groups take the steps of
    `torch.optim.AdamW`, to the bit. Learning rates and weight decays are meant alike in
    both: a step of a matrix has the size of AdamW's.

    Parameters
    ----------
    params : iterable
        Parameters, or groups of them.
    lr : float, default=1e-3
    momentum : float, default=0.95
        Share of the former gradients in a step of a matrix, at least 0 and below 1.
    interval : int, default=1
        Steps of the others to one of a matrix, which follows the mean of the gradients
        since the last one. What it costs falls as much.
    **settings
        Of `torch.optim.AdamW`.

    Raises
    ------
    ValueError
        If a parameter of an orthogonal group has not two dimensions or three, or
        `momentum` or `interval` are out of range.

    Notes
    -----
    NOTE[DIFF] The momentum is an average and not a sum, five iterations are three of
    the Polar Express, and the size follows Liu et al. (Muon is Scalable for LLM
    Training, 2025), so that one rate suits all groups.

    References
    ----------
    Jordan et al.: Muon: An optimizer for hidden layers in neural networks, 2024.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.training import MuonAdamW
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Linear(8, 1))
    >>> groups = [
    ...     {"params": [net[0].weight], "orthogonal": True},
    ...     {"params": [net[0].bias, *net[1].parameters()]},
    ... ]
    >>> optimizer = MuonAdamW(groups, lr=0.1)
    >>> net(torch.ones(2, 4)).sum().backward()
    >>> optimizer.step()

    With an estimator, names choose the matrices: ``optimizer=MuonAdamW,
    optimizer__param_groups=[("hidden.*.weight", {"orthogonal": True})]``.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        *,
        momentum: float = 0.95,
        interval: int = 1,
        **settings: Any,
    ) -> None:
        if not 0.0 <= momentum < 1.0:
            raise ValueError(f"momentum must be in [0, 1); got {momentum!r}.")
        if interval != int(interval) or interval < 1:
            raise ValueError(f"interval must be a whole number >= 1; got {interval!r}.")
        super().__init__(params, lr=lr, **settings)
        self.defaults["orthogonal"] = False
        self.defaults["momentum"] = momentum
        self.defaults["interval"] = int(interval)
        for group in self.param_groups:
            for name in ("orthogonal", "momentum", "interval"):
                group.setdefault(name, self.defaults[name])
        # Averages want gradients as they are: a scaler of float16 must not leave it to
        # a fused step to divide them.
        self._step_supports_amp_scaling = False

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, whose parameters must be matrices if its steps are orthogonal.

        Parameters
        ----------
        param_group : dict

        Raises
        ------
        ValueError
        """
        super().add_param_group(param_group)
        if not param_group.get("orthogonal", False):
            return
        for parameter in param_group["params"]:
            if parameter.ndim not in (2, 3):
                raise ValueError(
                    "orthogonal=True needs matrices, or stacks of them; got a"
                    f" parameter of shape {tuple(parameter.shape)}. Leave it to a group"
                    " without."
                )

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state of a pickle."""
        super().__setstate__(state)
        self._step_supports_amp_scaling = False

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step.

        Parameters
        ----------
        closure : callable or None, default=None
            Computes the loss and its gradients anew.

        Returns
        -------
        loss : object
            What `closure` returns.
        """
        loss = None
        if closure is not None:
            # Now, with all groups in their place: it clears the gradients of them all.
            with torch.enable_grad():
                loss = closure()
        groups = self.param_groups
        plain = [group for group in groups if not group["orthogonal"]]
        if not step_fused(self, plain):
            self.param_groups = plain
            try:
                _step_of_adamw()(self)
            finally:
                self.param_groups = groups
        for group in groups:
            if group["orthogonal"]:
                self._step_orthogonally(group)
        return loss

    @torch.no_grad()
    def _step_orthogonally(self, group: dict[str, Any]) -> None:
        """Take the steps of a group of matrices."""
        interval, momentum = group["interval"], group["momentum"]
        sign = 1.0 if group["maximize"] else -1.0
        for weight in group["params"]:
            if weight.grad is None:
                continue
            state = self.state[weight]
            if "average" not in state:
                # AdamW looks for the number of steps in whatever state it is given.
                state["step"] = torch.tensor(0.0)
                state["average"] = torch.zeros_like(weight)
                state["n_waiting"] = 0
            state["step"] += 1
            gradient = weight.grad
            if interval > 1:
                state["n_waiting"] += 1
                if state["n_waiting"] == 1:
                    state["waiting"] = gradient.clone()
                else:
                    state["waiting"].add_(gradient)
                if state["n_waiting"] < interval:
                    continue
                gradient = state["waiting"].div_(interval)
                state["n_waiting"] = 0
            average = state["average"].lerp_(gradient, 1.0 - momentum)
            # Nesterov's: the newest gradient counts once more.
            step = orthogonal(torch.lerp(gradient, average, momentum))
            step = _evened(step, state)
            lr = interval * group["lr"]
            weight.mul_(1.0 - lr * group["weight_decay"])
            size = _SIZE * max(weight.shape[-2:]) ** 0.5
            weight.add_(step, alpha=sign * size * group["lr"])


def _step_of_adamw() -> Callable[[torch.optim.Optimizer], Any]:
    """Return the step of AdamW as it is written.

    torch wraps the steps of classes that are used, for hooks and profilers, which this
    class is for already: they must not run twice.
    """
    step: Any = torch.optim.AdamW.step
    wrapped: Callable[[torch.optim.Optimizer], Any] = (
        step.__wrapped__ if getattr(step, "hooked", False) else step
    )
    return wrapped


def _evened(step: Tensor, state: dict[str, Any]) -> Tensor:
    """Return a step of the same size, to which all units contribute alike."""
    # Inputs of a unit: a row of a matrix, a column of those in a stack.
    inputs = -1 if step.ndim == 2 else -2
    found = step.square().mean(inputs, keepdim=True)
    if "units" not in state:
        state["units"] = found.clone()
    else:
        state["units"].lerp_(found, 1.0 - _UNIT_MEMORY)
    evened = step / (state["units"].sqrt() + 1e-8)
    size, now = (torch.linalg.matrix_norm(x, keepdim=True) for x in (step, evened))
    return evened * (size / (now + 1e-8))


def orthogonal(matrix: Tensor) -> Tensor:
    """Return about the nearest matrix whose singular values are all one.

    Parameters
    ----------
    matrix : Tensor of shape (n, m), or of several ones (k, n, m)

    Returns
    -------
    orthogonal : Tensor of the same shape and dtype
        Its singular values lie between 0.73 and 1.27 where those of `matrix` are at
        least a hundredth of its norm, and less ones below.
    """
    x = matrix if matrix.ndim == 3 else matrix.unsqueeze(0)
    is_tall = x.shape[1] > x.shape[2]
    x = x / (_MARGIN * torch.linalg.matrix_norm(x, keepdim=True) + _TINY)
    x = x.to(_precision(x.dtype, x.device.type))
    x = x.mT if is_tall else x
    for a, b, c in _POLYNOMIALS:
        gram = torch.bmm(x, x.mT)
        rest = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.baddbmm(x, rest, x, beta=a)
    x = x.mT if is_tall else x
    return x.to(matrix.dtype).reshape(matrix.shape)


@functools.cache
def _precision(dtype: torch.dtype, device: str) -> torch.dtype:
    """Return what products are computed in."""
    if dtype == torch.float64 or device == "mps":
        return dtype
    halves = device == "cuda" or fast_precision("cpu") == "bfloat16"
    return torch.bfloat16 if halves else torch.float32
