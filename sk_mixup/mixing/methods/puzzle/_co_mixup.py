"""Co-Mixup: as many images as there were, put together from cells of all of them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from sk_mixup.mixing._batch import lam_dtype
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._method import Method
from sk_mixup.mixing._params import check_integer, check_number
from sk_mixup.mixing.draws import (
    MixStreams,
    Schedule,
    effective_alpha,
    integer,
)
from sk_mixup.mixing.looks import to_sum_one
from sk_mixup.mixing.methods._cutmix import CutMix
from sk_mixup.mixing.methods.puzzle._cells import mean_of_cells, spread
from sk_mixup.mixing.methods.puzzle._joint import JointProblem, solve_jointly
from sk_mixup.mixing.methods.puzzle._look import look_for_saliency
from sk_mixup.mixing.methods.puzzle._puzzle import check_clean, check_smooth
from sk_mixup.mixing.methods.saliency import LookingMethod
from sk_mixup.mixing.plans import AssemblyPlan, MixPlan, row_groups

# The most salient region is looked for with a square of this share of the image.
_REGION = 4


class CoMixup(LookingMethod):
    r"""Make all mixed images of a batch together, salient and different.

    One pass of the net over the clean batch, forth and back to its input, shows the
    saliency of each place, as for `PuzzleMix`. Images are cut into cells, and each cell
    of each mixed image comes from one of the m images of its part of the batch. The
    choice minimises

    .. math::
        \sum_j \Bigl[ -\sum_k s_{z_{jk}, k}
        + \frac{\beta}{n} \sum_{k \sim l} [z_{jk} \ne z_{jl}]
        - \frac{\eta}{n} \sum_k \log \phi_{j, z_{jk}} \Bigr]
        + \gamma\, m \max\Bigl(\tau, \frac{1}{m} \sum_{j \ne j'} o_j^T A o_{j'} \Bigr)

    over the images z of all cells k of all mixed images j: saliency s, few borders, a
    prior :math:`\phi_j` drawn from a symmetric Dirichlet law, and a penalty on mixed
    images that are made of the same images, whose shares are :math:`o_j`. The target of
    a mixed image has the shares of all images in it.

    Parameters
    ----------
    alpha : float, default=2.0
        Parameter of the Dirichlet law, at least 0; 0: no mixing.
    blocks : int, default=4
        Cells along an axis, at least 2. Images with fewer pixels have a cell per pixel.
    together : int, default=20
        Images of a part of the batch, at least 2. Parts are drawn at random, as few and
        as equal as can be.
    beta : float, default=0.32
        Weight of borders, at least 0.
    gamma : float, default=1.0
        Weight of the penalty, at least 0.
    threshold : float, default=0.83
        Penalty per mixed image up to which there is none, at least 0.
    eta : float, default=0.05
        Weight of the prior, at least 0.
    omega : float, default=0.001
        Between 0 and 1: how much the penalty also keeps images apart whose most salient
        regions are far from each other; these then meet in one mixed image.
    n_sweeps : int, default=3
        Passes over all mixed images, at least 1.
    clean_lam : float, default=0.0
        As for `PuzzleMix`.
    smooth : int, default=3
        As for `PuzzleMix`.
    p : float, default=1.0
        Probability of mixing a batch.
    every : int, default=1
        One batch in so many, drawn at random, is mixed this way; the others by
        `CutMix`, which costs nothing.
    look_size : int or None, default=None
        Pixels of the longer side of the images that the net is asked about; None: all
        of them. Not beside `clean_lam`.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    Notes
    -----
    Mixed images are made better in turn, the others held. The penalty is then linear in
    one of them; its cells are found with none, half and all of that slope, and what is
    best by the true objective is kept, so that this never rises. Its least value is not
    known: for many labels that is a hard problem.

    A mixed row has more than two sources. `plan.targets` and `plan.label_sources` have
    them all; criteria that take a pair of labels as a pair cannot be used.

    NOTE[DIFF]: the paper's code sees to it at the end that no two mixed images have the
    same set of images; here the penalty alone does.

    References
    ----------
    Kim et al.: Co-Mixup: Saliency Guided Joint Mixup with Supermodular Diversity, ICLR
    2021.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import CoMixup, MixContext
    >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 64, 5))
    >>> images, y = torch.rand(6, 3, 8, 8), torch.arange(6) % 5
    >>> context = MixContext(module=net)
    >>> mixed, targets = CoMixup()(images, y, n_classes=5, context=context)
    >>> mixed.shape, targets.sum(1)
    (torch.Size([6, 3, 8, 8]), tensor([1., 1., 1., 1., 1., 1.]))
    """

    short_name = "co_mixup"
    solves_on_host = True
    numbers_stay = True
    cost = "one forward and backward pass, and cells"
    paper = "Kim et al., ICLR 2021"
    blends = False
    # Nobody is anybody's only partner.
    pairing = "shuffle"
    per = "batch"

    def __init__(
        self,
        alpha: float | Schedule = 2.0,
        *,
        blocks: int = 4,
        together: int = 20,
        beta: float = 0.32,
        gamma: float = 1.0,
        threshold: float = 0.83,
        eta: float = 0.05,
        omega: float = 0.001,
        n_sweeps: int = 3,
        clean_lam: float = 0.0,
        smooth: int = 3,
        p: float | Schedule = 1.0,
        every: int = 1,
        look_size: int | None = None,
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        self.alpha = alpha
        self.blocks = blocks
        self.together = together
        self.beta = beta
        self.gamma = gamma
        self.threshold = threshold
        self.eta = eta
        self.omega = omega
        self.n_sweeps = n_sweeps
        self.clean_lam = clean_lam
        self.smooth = smooth
        self.p = p
        self.every = every
        self.look_size = look_size
        self.off_first = off_first
        self.off_last = off_last

    def _validate(self) -> None:
        super()._validate()
        check_integer("blocks", self.blocks, low=2)
        check_integer("together", self.together, low=2)
        check_integer("n_sweeps", self.n_sweeps, low=1)
        for name in ("beta", "gamma", "threshold", "eta", "clean_lam"):
            check_number(name, getattr(self, name), low=0.0)
        check_number("omega", self.omega, low=0.0, high=1.0)
        check_smooth(self.smooth)
        check_clean(self.clean_lam, self.look_size)

    def _unseen(self) -> Method:
        # Its own law, but nothing where alpha says that nothing is mixed.
        alpha = self.alpha
        if callable(alpha):
            return CutMix(lambda progress: float(alpha(progress) > 0), p=self.p)
        return CutMix(1.0 if effective_alpha(alpha) > 0 else 0.0, p=self.p)

    def _draw_numbers(
        self, x: Tensor, streams: MixStreams, context: MixContext | None
    ) -> _Numbers:
        # One number, whatever alpha is: a Gamma law takes as many as it needs.
        seed = integer(2**31, streams.lam)
        generator = streams.partner
        device = "cpu" if generator is None else generator.device
        order = torch.randperm(len(x), generator=generator, device=device).cpu()
        return _Numbers(seed, self._alpha_now(context), order)

    def _look(
        self,
        x: Tensor,
        y: Tensor | None,
        partner: Tensor,
        open_rows: Tensor | None,
        numbers: _Numbers,
        context: MixContext | None,
    ) -> MixPlan:
        saliency, extra_loss = look_for_saliency(
            self._shrunk(x),
            y,
            context,
            who="CoMixup",
            smooth=self.smooth,
            clean_lam=self.clean_lam,
        )
        rows, real = parts_of(numbers.order, self.together)
        size = [min(self.blocks, n) for n in saliency.shape[1:]]
        cells = to_sum_one(mean_of_cells(saliency, *size)).double()
        problem = JointProblem(
            saliency=cells[rows],
            prior=dirichlet_cost(numbers.alpha, rows.shape, numbers.seed),
            allowed=_allowed(rows, real, row_groups(len(x), context)),
            compatible=compatibility(saliency, rows, real, self.omega),
            real=real,
            beta=self.beta,
            gamma=self.gamma,
            eta=self.eta,
            threshold=self.threshold,
        )
        labels = solve_jointly(problem, self.n_sweeps)
        found = rows.gather(1, labels.flatten(1)).view_as(labels)
        source = torch.empty((len(x), *size), dtype=torch.int64)
        source[rows[real]] = found[real]
        source = spread(source, *x.shape[2:]).to(x.device)
        return AssemblyPlan.of(source, lam_dtype(x), extra_loss=extra_loss)


class _Numbers(NamedTuple):
    """What is drawn of a batch before anything is looked at."""

    seed: int
    alpha: float
    order: Tensor


def parts_of(order: Tensor, together: int) -> tuple[Tensor, Tensor]:
    """Return the rows of each part, and which of them are there.

    Parameters
    ----------
    order : Tensor of shape (B,), int64
        A permutation.
    together : int
        The most rows of a part.

    Returns
    -------
    rows : Tensor of shape (P, m), int64
        Sizes of parts differ by one at most; what is missing is row 0.
    real : Tensor of shape (P, m), bool
    """
    n_parts = -(-len(order) // together)
    n_most = -(-len(order) // n_parts)
    rows = torch.zeros(n_parts * n_most, dtype=torch.int64)
    rows[: len(order)] = order
    real = torch.arange(len(rows)) < len(order)
    # Along columns, so that what is missing is spread over the parts.
    return rows.view(n_most, n_parts).T, real.view(n_most, n_parts).T


def dirichlet_cost(alpha: float, shape: torch.Size, seed: int) -> Tensor:
    """Return minus the logarithm of shares drawn from a symmetric Dirichlet law.

    Parameters
    ----------
    alpha : float
        Positive.
    shape : (P, m)
    seed : int

    Returns
    -------
    cost : Tensor of shape (P, m, m), float64
        Of each image (last) in each mixed image.
    """
    generator = torch.Generator().manual_seed(seed)
    wanted = torch.full((*shape, shape[1]), alpha, dtype=torch.float64)
    drawn = torch._standard_gamma(wanted, generator=generator).clamp(min=1e-30)
    return -(drawn / drawn.sum(2, keepdim=True)).clamp(min=1e-8).log()


def compatibility(saliency: Tensor, rows: Tensor, real: Tensor, omega: float) -> Tensor:
    """Return what pairs of images in different mixed images cost: (P, m, m), float64.

    Parameters
    ----------
    saliency : Tensor of shape (B, height, width)
    rows : Tensor of shape (P, m)
    real : Tensor of shape (P, m), bool
    omega : float
        Share of the distances of the most salient regions, beside the identity.
    """
    n_images = rows.shape[1]
    height, width = saliency.shape[1:]
    side = max(1, height // _REGION), max(1, width // _REGION)
    means = functional.avg_pool2d(saliency.unsqueeze(1), side, stride=1)
    place = means.flatten(1).argmax(1)
    there = torch.stack((place // means.shape[3], place % means.shape[3]), 1)
    there = there.double()[rows]
    distance = (there.unsqueeze(2) - there.unsqueeze(1)).abs().sum(3)
    pairs = real.unsqueeze(2) & real.unsqueeze(1)
    distance = distance * pairs
    mean = distance.flatten(1).sum(1) / real.sum(1).clamp(min=1)
    distance = distance / mean.clamp(min=1e-30).view(-1, 1, 1)
    return (1.0 - omega) * torch.eye(n_images, dtype=torch.float64) + omega * distance


def _allowed(rows: Tensor, real: Tensor, groups: Tensor | None) -> Tensor:
    """Return which images each mixed image may take: those there, of its group."""
    itself = torch.eye(rows.shape[1], dtype=torch.bool)
    allowed = real.unsqueeze(1).expand(-1, rows.shape[1], -1)
    if groups is not None:
        group = groups.cpu()[rows]
        allowed = allowed & (group.unsqueeze(2) == group.unsqueeze(1))
    return allowed | itself
