"""Manifold Mixup: blend the output of a layer drawn per batch.

The layer is reached by a forward hook, see `mix_layer`, so that a module needs no
change.
"""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing
from sk_mixup.mixing.draws import LamLaw, MixStreams, Pairing, Schedule, integer
from sk_mixup.mixing.layers import (
    INPUT,
    Sites,
    find_layer,
    find_sites,
    known_sites,
    layer_names,
    unwrapped,
)
from sk_mixup.mixing.methods._mixup import Mixup
from sk_mixup.mixing.plans import MixPlan, check_union


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
        its attribute `mix_layers`, as the bundled nets do. For other nets they are
        found by trying, see Notes.
    union : str or sequence of str, default=()
        Names of attention masks in a dict input, such as ``("mask",)``: where a hidden
        layer is mixed, the net gets what is set in either of the two masks. For a layer
        before anything reads the mask, such as the embedding of words; the bundled text
        nets need no such help.
    per, p, fold, law, single_target, pairing, off_first, off_last :
        As for `Mixup`.

    Notes
    -----
    A layer must run exactly once per forward pass. It may return a tensor, or a tuple,
    list or mapping (such as an output of Hugging Face): all float tensors whose first
    axis is the batch are mixed. Recurrent layers, attention and transformers of torch
    may have the batch second.

    ``layers="auto"`` tries a net without `mix_layers` on two rows, in evaluation mode,
    and takes

    - the input, if it can be blended: not for token ids;
    - the children of the net with weights that are no normalisation, in the order in
      which they run, a list of layers by its elements, if they run once, return floats
      with the batch first, and take all that the net knows of a row (not one of two
      branches; masks are passed over). The last layer with weights, and what holds it,
      is the head and is never mixed. Where fewer than three are left, the largest
      parts are looked into.

    The choice depends on the net alone and is kept as long as the net lives. It is made
    by the first draw, or before the training of an estimator. Names are those of the
    net inside torch.compile, DataParallel and DistributedDataParallel. A compiled net
    runs uncompiled in steps that mix a hidden layer. DataParallel over several devices
    is refused.

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
    mixes_layers = True
    group = "hidden layers"
    paper = "Verma et al., ICML 2019"

    def __init__(
        self,
        alpha: float | Schedule = 2.0,
        *,
        layers: str | Sequence[str] = "auto",
        union: str | Sequence[str] = (),
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
        self.union = union

    def _validate(self) -> None:
        super()._validate()
        names = [self.layers] if isinstance(self.layers, str) else self.layers
        if not isinstance(names, Sequence) or not names:
            raise ValueError(
                "layers must be 'auto', a layer name or a non-empty list of names;"
                f" got {self.layers!r}."
            )
        check_union(self.union)

    def _drawing(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        sites = self.sites(None if context is None else context.module)
        site = sites[integer(len(sites), streams.site)]
        # Only the rows count at a hidden layer, whatever the dtype of the input.
        plan = yield from super()._drawing(x, y, streams, context)
        if plan.is_identity:
            return plan
        return dataclasses.replace(
            plan,
            site=None if site == INPUT else site,
            joined=() if site == INPUT else check_union(self.union),
        )

    def _clean_plan(self, partner: Tensor, lam: Tensor) -> MixPlan:
        # Not a blend: token ids may reach a net whose embedding is mixed.
        return MixPlan(partner, lam, lam_host=1.0)

    def _batch_drawing(
        self,
        x: Any,
        first: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        for key in check_union(self.union):
            if not isinstance(x, Mapping) or key not in x:
                has = list(x) if isinstance(x, Mapping) else type(x).__name__
                raise ValueError(
                    f"union: the input has no entry {key!r}; it has {has}."
                )
        module = None if context is None else context.module
        if module is not None and self.finds_layers_in(module):
            if len(first) == 0:
                return self._identity(first)
            find_sites(module, x)
        return (yield from super()._batch_drawing(x, first, y, streams, context))

    def finds_layers_in(self, module: torch.nn.Module) -> bool:
        """Whether the layers of this net are still to be found by a trial.

        Parameters
        ----------
        module : torch.nn.Module
        """
        if not self._is_auto or hasattr(unwrapped(module), "mix_layers"):
            return False
        return known_sites(module) is None

    @property
    def _is_auto(self) -> bool:
        return self.layers == "auto" or list(self.layers) == ["auto"]

    def _auto(self, found: Sites) -> list[str]:
        """Choose among the places that a trial found."""
        return found.names

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
        if self._is_auto:
            net = None if module is None else unwrapped(module)
            named = getattr(net, "mix_layers", None)
            if named is not None:
                # Such as token ids, which have no average.
                first = [INPUT] if getattr(net, "mixes_input", True) else []
                return [*first, *named]
            tried = None if module is None else known_sites(module)
            if tried is None:
                raise ValueError(
                    "layers='auto' needs the net: give draw a"
                    " context=MixContext(module=net), or layers=[...] with names from"
                    " module.named_modules()."
                )
            return self._auto(tried)
        wanted = [self.layers] if isinstance(self.layers, str) else list(self.layers)
        if module is None:
            return wanted
        names, kind = layer_names(module), type(unwrapped(module)).__name__
        sites: list[str] = []
        for pattern in wanted:
            pattern = pattern.replace("_orig_mod.", "")
            found = (
                [pattern]
                if pattern == INPUT or pattern in names
                else _running(module, fnmatch.filter(names, pattern))
            )
            if not found:
                raise ValueError(
                    f"layers: {pattern!r} fits no layer of {kind};"
                    f" it has {names[:20]}{' ...' if len(names) > 20 else ''}."
                )
            sites += [name for name in found if name not in sites]
        return sites


def _running(module: torch.nn.Module, names: list[str]) -> list[str]:
    """Leave out lists of layers, which fit the patterns for their elements."""
    lists = (torch.nn.ModuleList, torch.nn.ModuleDict)
    return [name for name in names if not isinstance(find_layer(module, name), lists)]
