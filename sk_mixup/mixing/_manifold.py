"""Manifold Mixup: blend the output of a layer drawn per batch.

The layer is reached by a forward hook that lives for one forward pass, so the module
needs no change and keeps none.
"""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing._laws import LamLaw
from sk_mixup.mixing._method import MixContext
from sk_mixup.mixing._mixup import Mixup
from sk_mixup.mixing._pairing import Pairing
from sk_mixup.mixing._plan import MixPlan
from sk_mixup.mixing._schedules import Schedule
from sk_mixup.mixing._streams import MixStreams, integer

INPUT = "input"


class ManifoldMixup(Mixup):
    r"""Blend the output of a hidden layer that is drawn for each batch.

    Parameters
    ----------
    alpha : float, default=2.0
        Parameter of the Beta law. The paper mixes hidden layers more strongly than
        inputs.
    layers : str or sequence of str, default="auto"
        Names of layers as ``module.named_modules()`` lists them, or patterns such as
        ``"layer*.1"``; ``"input"`` stands for the input (the embedded input of the
        bundled nets). ``"auto"``: the input and the hidden layers that a net names in
        its attribute `mix_layers`, as the bundled nets do.
    per, p, fold, law, single_target, pairing, off_first, off_last :
        As for `Mixup`.

    References
    ----------
    Verma et al.: Manifold Mixup: Better Representations by Interpolating Hidden
    States, ICML 2019.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import ManifoldMixup, MixContext, mix_layer
    >>> net = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Linear(5, 2))
    >>> x, y = torch.randn(8, 3), torch.randint(0, 2, (8,))
    >>> method = ManifoldMixup(alpha=2.0, layers=["0"])
    >>> plan = method.draw(x, y, context=MixContext(module=net))
    >>> with mix_layer(net, plan):
    ...     output = net(x)
    >>> plan.site, plan.targets(y, 2).shape
    ('0', torch.Size([8, 2]))
    """

    short_name = "manifold"
    group = "hidden layers"
    paper = "Verma et al., ICML 2019"

    def __init__(
        self,
        alpha: float | Schedule = 2.0,
        *,
        layers: str | Sequence[str] = "auto",
        per: str = "batch",
        p: float | Schedule = 1.0,
        fold: bool | None = None,
        law: str | LamLaw = "beta",
        single_target: bool = False,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        super().__init__(
            alpha,
            per=per,
            p=p,
            fold=fold,
            law=law,
            single_target=single_target,
            pairing=pairing,
            off_first=off_first,
            off_last=off_last,
        )
        self.layers = layers

    def _validate(self) -> None:
        super()._validate()
        names = [self.layers] if isinstance(self.layers, str) else self.layers
        if not isinstance(names, Sequence) or not names:
            raise ValueError(
                "layers must be 'auto', a layer name or a non-empty list of names;"
                f" got {self.layers!r}."
            )

    def _draw(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> MixPlan:
        sites = self.sites(None if context is None else context.module)
        site = sites[integer(len(sites), streams.site)]
        # Only the rows count at a hidden layer, whatever the dtype of the input.
        plan = super()._draw(x, y, streams, context)
        if plan.is_identity:
            return plan
        return dataclasses.replace(plan, site=None if site == INPUT else site)

    def _clean_plan(self, partner: Tensor, lam: Tensor) -> MixPlan:
        # Not a blend: token ids may reach a net whose embedding is mixed.
        return MixPlan(partner, lam, lam_host=1.0)

    def sites(self, module: torch.nn.Module | None) -> list[str]:
        """Return the names of the layers that may be drawn.

        Parameters
        ----------
        module : torch.nn.Module or None
            None: names are taken as they are.

        Returns
        -------
        sites : list of str

        Raises
        ------
        ValueError
            If a name or pattern fits no layer of the module.
        """
        wanted = [self.layers] if isinstance(self.layers, str) else list(self.layers)
        if wanted == ["auto"]:
            named = getattr(module, "mix_layers", None)
            if named is None:
                raise ValueError(
                    "layers='auto' needs a net that names its layers in `mix_layers`,"
                    " as the bundled nets do; give layers=[...] with names from"
                    " module.named_modules()."
                )
            return [INPUT, *named]
        if module is None:
            return wanted
        names = [name for name, _ in module.named_modules() if name]
        sites: list[str] = []
        for pattern in wanted:
            found = [INPUT] if pattern == INPUT else fnmatch.filter(names, pattern)
            if not found:
                raise ValueError(
                    f"layers: {pattern!r} fits no layer of {type(module).__name__};"
                    f" it has {names[:20]}{' ...' if len(names) > 20 else ''}."
                )
            sites += [name for name in found if name not in sites]
        return sites


@contextmanager
def mix_layer(module: torch.nn.Module, plan: MixPlan) -> Iterator[None]:
    """Mix the output of the plan's layer in the forward pass inside this context.

    Parameters
    ----------
    module : torch.nn.Module
        The net; it has no hook left afterwards.
    plan : MixPlan
        A plan with a `site`; without one nothing happens.

    Raises
    ------
    RuntimeError
        If the layer ran not once but never or several times.
    TypeError
        If the layer returned something else than a tensor.
    """
    if plan.site is None:
        yield
        return
    calls = 0

    def hook(layer: torch.nn.Module, inputs: Any, output: Any) -> Tensor:
        nonlocal calls
        calls += 1
        if not isinstance(output, Tensor):
            raise TypeError(
                f"layers: {plan.site!r} returns {type(output).__name__}, and a tensor"
                " is needed; name a layer inside it."
            )
        return plan.apply(output)

    handle = module.get_submodule(plan.site).register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
    if calls != 1:
        raise RuntimeError(
            f"layers: {plan.site!r} ran {calls} times in one forward pass; a mixed"
            " layer must run exactly once. Name another layer."
        )
