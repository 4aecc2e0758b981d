"""AttentiveMix: paste the cells of the partner's image that a net looks at most."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._params import check_integer, check_number
from sk_mixup.mixing.draws import BetaLaw, MixStreams, Pairing, Schedule, draw_lam
from sk_mixup.mixing.looks import feature_map, module_of, running_average
from sk_mixup.mixing.methods.saliency._looking import LookingMethod
from sk_mixup.mixing.plans import MixPlan


class AttentiveMix(LookingMethod):
    r"""Paste the cells of the partner's image to which a net attends most.

    Attention is the mean, over channels, of the absolute values in a map of features,
    averaged over the cells of a grid; the `k` cells with most of it are taken from the
    partner. The label weight of the partner is the share of pixels really pasted, which
    is k / cells where the grid divides the image.

    Parameters
    ----------
    alpha : float, default=1.0
        For ``k=None``: of every batch :math:`k = (1 - \lambda)` cells, rounded, with
        :math:`\lambda \sim Beta(\alpha, \alpha)`. 0: no mixing.
    k : int or None, default=6
        Cells taken from the partner, 6 of 49 in the paper.
    grid : int, default=7
        Cells along each side; fewer for an image of fewer pixels.
    network : "training", "average" or torch.nn.Module, default="training"
        Whose attention: that of the net that trains; that of the average of its weights
        over the training so far; or that of a net of your own, called as ``network(x)``
        in evaluation mode (the paper: ResNet-50 trained on ImageNet).
    layer : str, default="auto"
        Name of the layer in that net; "auto": the last one that returns a map.
    decay : float, default=0.999
        Of the average, in [0, 1).
    p : float, default=1.0
        Probability of mixing a batch.
    every : int, default=1
        One batch in so many is looked at, drawn at random; others are mixed by CutMix.
    look_size : int or None, default=None
        Images are shrunk for the look until their longer side has so many pixels.
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    Notes
    -----
    NOTE[DIFF]: the paper adds attended cells of one image to another and names the
    other first; here the cells come from the partner, as all that is pasted does.

    The average lives beside the net, as long as that does, and is not stored with a
    training: one that is taken up from a file begins a new one.

    References
    ----------
    Walawalkar, Shen, Liu, Savvides: Attentive CutMix: An Enhanced Data Augmentation
    Approach for Deep Learning Based Image Classification, ICASSP 2020.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sk_mixup.mixing import AttentiveMix, MixContext
    >>> net = nn.Sequential(
    ...     nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 26 * 26, 10)
    ... )
    >>> images, y = torch.rand(8, 3, 28, 28), torch.randint(0, 10, (8,))
    >>> plan = AttentiveMix(k=7).draw(images, y, context=MixContext(module=net))
    >>> plan.apply(images).shape, round(float(plan.lam[0]), 3)
    (torch.Size([8, 3, 28, 28]), 0.857)
    """

    short_name = "attentive_mix"
    paper = "Walawalkar et al., ICASSP 2020"
    cost = "one forward pass"
    blends = False

    def __init__(
        self,
        alpha: float | Schedule = 1.0,
        *,
        k: int | None = 6,
        grid: int = 7,
        network: Any = "training",
        layer: str = "auto",
        decay: float = 0.999,
        p: float | Schedule = 1.0,
        every: int = 1,
        look_size: int | None = None,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        self.alpha = alpha
        self.k = k
        self.grid = grid
        self.network = network
        self.layer = layer
        self.decay = decay
        self.p = p
        self.every = every
        self.look_size = look_size
        self.pairing = pairing
        self.off_first = off_first
        self.off_last = off_last

    # A class attribute of the base, which follows from the parameters here.
    @property
    def needs_module(self) -> bool:
        """Whether the net that trains is asked for."""
        return not isinstance(self.network, nn.Module)

    def _validate(self) -> None:
        super()._validate()
        check_integer("grid", self.grid, low=1)
        if self.k is not None:
            check_integer("k", self.k, low=0)
            if self.k > self.grid**2:
                raise ValueError(
                    f"k must be at most grid * grid = {self.grid**2}; got {self.k!r}."
                )
        check_number("decay", self.decay, low=0.0, high=1.0)
        if self.decay == 1:
            raise ValueError("decay=1 would never take a new weight in; give less.")
        is_name = isinstance(self.network, str)
        if is_name and self.network in ("training", "average"):
            return
        if not isinstance(self.network, nn.Module):
            raise ValueError(
                "network must be 'training', 'average' or a torch.nn.Module; got"
                f" {self.network!r}."
            )

    def _draw_numbers(
        self, x: Tensor, streams: MixStreams, context: MixContext | None
    ) -> float:
        law = BetaLaw(self._alpha_now(context))
        return float(draw_lam(law, None, fold=False, generator=streams.lam))

    def _look(
        self,
        x: Tensor,
        y: Tensor | None,
        partner: Tensor,
        open_rows: Tensor | None,
        numbers: float,
        context: MixContext | None,
    ) -> MixPlan:
        size = tuple(x.shape[2:])
        grid = min(self.grid, size[0]), min(self.grid, size[1])
        n_cells = grid[0] * grid[1]
        if self.k is None:
            k = round((1.0 - numbers) * n_cells)
        else:
            # As large a share of a coarser grid.
            k = round(self.k * n_cells / self.grid**2)
        features = feature_map(
            context,
            self._shrunk(x),
            self.layer,
            who="AttentiveMix",
            module=self._asks(context),
        )
        attention = functional.adaptive_avg_pool2d(features.abs().mean(1), grid)
        attention = attention.flatten(1).index_select(0, partner)
        cells = torch.zeros_like(attention, dtype=torch.bool)
        cells.scatter_(1, attention.topk(k, 1).indices, True)
        rows, columns = (
            torch.arange(n, device=x.device) * m // n
            for n, m in zip(size, grid, strict=True)
        )
        mask = cells.view(-1, *grid)[:, rows][:, :, columns]
        return self._mask_plan(x, partner, mask, open_rows)

    def _asks(self, context: MixContext | None) -> nn.Module | None:
        """Return the net to be asked; None: that of the context."""
        if isinstance(self.network, nn.Module):
            return self.network
        module = module_of(context, "AttentiveMix")
        return (
            None if self.network == "training" else running_average(module, self.decay)
        )
