"""PuzzleMix: a mask that keeps what is salient, and blocks moved to where it shows."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from sk_mixup.mixing._batch import lam_dtype
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._params import check_integer, check_number
from sk_mixup.mixing.draws import (
    BetaLaw,
    MixStreams,
    Pairing,
    Schedule,
    draw_lam,
    integer,
)
from sk_mixup.mixing.looks import to_sum_one
from sk_mixup.mixing.methods.puzzle._borders import pixel_borders
from sk_mixup.mixing.methods.puzzle._cells import (
    largest_divisor,
    mean_of_cells,
    spread,
)
from sk_mixup.mixing.methods.puzzle._labelling import label_grids
from sk_mixup.mixing.methods.puzzle._look import look_for_saliency
from sk_mixup.mixing.methods.puzzle._objective import puzzle_energy
from sk_mixup.mixing.methods.puzzle._transport import move_to_mask
from sk_mixup.mixing.methods.saliency import LookingMethod
from sk_mixup.mixing.plans import MixPlan, PuzzlePlan, mask_lam

# Blocks are moved on a grid of at least so many along an axis, where pixels allow.
_FINE = 8
# A mask is good enough within this share of the range of its costs, or after so long.
_TOLERANCE, _PASSES, _CHECK_EVERY = 2e-3, 10, 5


class PuzzleMix(LookingMethod):
    r"""Keep of both images what the loss depends on, in one smooth mask.

    One pass of the net over the clean batch, forth and back to its input, shows the
    saliency of each place: the root of the mean squared gradient over channels. The
    image is cut into :math:`n \times n` cells, and the own share of each cell is one
    of :math:`0, \frac{1}{L - 1}, \dots, 1`. These shares minimise the saliency that is
    lost, plus `beta` times the squared differences of neighbours, plus `gamma` times
    the edges that a cut makes in the image, minus `eta` times the logarithm of a
    binomial prior around :math:`\lambda \sim Beta(\alpha, \alpha)`. Salient blocks that
    the mask would hide then change places with others that it shows, where the way is
    worth it. The label weight is the mean of the mask.

    Parameters
    ----------
    alpha : float, default=1.0
        Parameter of the Beta law of the share that the prior expects, at least 0; 0:
        no mixing.
    blocks : sequence of int, default=(2, 4, 8, 16)
        Cells along an axis, one number drawn per batch; each at least 2. Images with
        fewer pixels have a cell per pixel.
    n_labels : int, default=3
        Number of shares that a cell may have, at least 2; 2: all or nothing.
    beta : float, default=1.2
        Weight of smooth shares, at least 0. As in the paper's code, it counts as
        ``beta / (16 * n)`` beside saliencies that sum to 1.
    gamma : float, default=0.5
        Weight of smooth images, as a multiple of `beta`, at least 0.
    eta : float, default=0.2
        Weight of the prior, at least 0.
    transport : float or None, default=0.8
        Price of moving a block across the whole image, beside saliencies that sum to
        1; it grows with the square of the way. At least 0; None: no block moves.
    clean_lam : float, default=0.0
        Weight of the loss of the clean batch in the loss of the training, at least 0.
        Its gradient comes from the pass that shows the saliency, which then goes back
        to the weights as well, in training mode.
    smooth : int, default=3
        Side of the square of pixels that a saliency is averaged over, odd; 1: none.
    per : {"batch", "row"}, default="batch"
        One lambda for the batch, as in the paper's code, or one per row. Masks belong
        to rows either way.
    p : float, default=1.0
        Probability of mixing a batch or a row.
    every : int, default=1
        One batch in so many, drawn at random, is mixed this way; the others by
        `CutMix`, which costs nothing.
    look_size : int or None, default=None
        Pixels of the longer side of the images that the net is asked about; None: all
        of them. Not beside `clean_lam`.
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    Notes
    -----
    The costs of a mask are convex in ordered labels, so that tree-reweighted message
    passing can prove its mask to be best. It goes on until no mask is above its bound
    by more than 0.2 % of the range of costs, for ten passes at most; then lines of
    cells are made better one by one. Masks are found for all rows at once and on the
    CPU, where the result is the same for every device.

    Blocks move by exchanges of neighbours, each of which lowers the cost. The paper's
    code lets blocks compete for places, which can show one twice and leave a place
    black; here every block is in one place. At the default price few blocks move.

    NOTE[DIFF]: `clean_lam` is the weight of a mean over rows. The paper's code divides
    it by half the number of classes, for a loss that is summed over classes. Noise on
    the mask and adversarial steps, options of that code, are left out.

    References
    ----------
    Kim, Choo and Song: Puzzle Mix: Exploiting Saliency and Local Statistics for Optimal
    Mixup, ICML 2020.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import MixContext, PuzzleMix
    >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 64, 5))
    >>> images, y = torch.rand(6, 3, 8, 8), torch.arange(6) % 5
    >>> method, context = PuzzleMix(blocks=[4]), MixContext(module=net)
    >>> mixed, targets = method(images, y, n_classes=5, context=context)
    >>> mixed.shape, targets.shape
    (torch.Size([6, 3, 8, 8]), torch.Size([6, 5]))
    """

    short_name = "puzzle_mix"
    solves_on_host = True
    numbers_stay = True
    cost = "one forward and backward pass, and masks"
    paper = "Kim et al., ICML 2020"

    def __init__(
        self,
        alpha: float | Schedule = 1.0,
        *,
        blocks: Sequence[int] = (2, 4, 8, 16),
        n_labels: int = 3,
        beta: float = 1.2,
        gamma: float = 0.5,
        eta: float = 0.2,
        transport: float | None = 0.8,
        clean_lam: float = 0.0,
        smooth: int = 3,
        per: str = "batch",
        p: float | Schedule = 1.0,
        every: int = 1,
        look_size: int | None = None,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        self.alpha = alpha
        self.blocks = blocks
        self.n_labels = n_labels
        self.beta = beta
        self.gamma = gamma
        self.eta = eta
        self.transport = transport
        self.clean_lam = clean_lam
        self.smooth = smooth
        self.per = per
        self.p = p
        self.every = every
        self.look_size = look_size
        self.pairing = pairing
        self.off_first = off_first
        self.off_last = off_last

    def _validate(self) -> None:
        super()._validate()
        check_blocks(self.blocks)
        check_integer("n_labels", self.n_labels, low=2)
        for name in ("beta", "gamma", "eta", "clean_lam"):
            check_number(name, getattr(self, name), low=0.0)
        if self.transport is not None:
            check_number("transport", self.transport, low=0.0)
        check_smooth(self.smooth)
        check_clean(self.clean_lam, self.look_size)

    def _draw_numbers(
        self, x: Tensor, streams: MixStreams, context: MixContext | None
    ) -> _Numbers:
        size = list(self.blocks)[integer(len(self.blocks), streams.site)]
        law = BetaLaw(self._alpha_now(context))
        n_rows = len(x) if self.per == "row" else None
        lam = draw_lam(law, n_rows, fold=False, generator=streams.lam)
        return _Numbers(size, torch.as_tensor(lam).cpu().expand(len(x)))

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
            who="PuzzleMix",
            smooth=self.smooth,
            clean_lam=self.clean_lam,
        )
        height, width = x.shape[2:]
        n_rows, n_columns = (min(numbers.n_cells, n) for n in saliency.shape[1:])
        cells = to_sum_one(mean_of_cells(saliency, n_rows, n_columns))
        partner_here = partner.cpu()
        borders = None
        if self.gamma and self.beta:
            borders = pixel_borders(x, partner, n_rows, n_columns)
        energy = puzzle_energy(
            cells,
            cells.index_select(0, partner_here),
            numbers.lam,
            borders,
            n_labels=self.n_labels,
            beta=self.beta,
            gamma=self.gamma,
            eta=self.eta,
        )
        labels = label_grids(
            energy,
            n_passes=_PASSES,
            tolerance=_TOLERANCE,
            check_every=_CHECK_EVERY,
        ).labels
        share = labels.float() / (self.n_labels - 1)
        if open_rows is not None:
            share[~open_rows.cpu()] = 1.0
        shown = spread(share, height, width)
        own_blocks = partner_blocks = None
        if self.transport is not None:
            own_blocks, partner_blocks = self._moved(
                saliency, shown, partner_here, n_rows, n_columns
            )
        mask = (1.0 - shown).to(x.device)
        return PuzzlePlan(
            partner,
            mask_lam(mask, len(x), lam_dtype(x)),
            mask=mask,
            own_blocks=None if own_blocks is None else own_blocks.to(x.device),
            partner_blocks=None
            if partner_blocks is None
            else partner_blocks.to(x.device),
            extra_loss=extra_loss,
        )

    def _moved(
        self,
        saliency: Tensor,
        shown: Tensor,
        partner: Tensor,
        n_rows: int,
        n_columns: int,
    ) -> tuple[Tensor | None, Tensor | None]:
        """Return which blocks come where, in the own images and in the partners'."""
        assert self.transport is not None
        grid = [
            largest_divisor(length, min(max(n_cells, _FINE), seen))
            for length, n_cells, seen in zip(
                shown.shape[1:], (n_rows, n_columns), saliency.shape[1:], strict=True
            )
        ]
        if grid == [1, 1]:
            return None, None
        cells = to_sum_one(mean_of_cells(saliency, *grid))
        wanted = mean_of_cells(shown, *grid)
        blocks = move_to_mask(
            torch.cat((cells, cells.index_select(0, partner))),
            torch.cat((wanted, 1.0 - wanted)),
            self.transport,
        )
        return blocks[: len(shown)], blocks[len(shown) :]


class _Numbers(NamedTuple):
    """What is drawn of a batch before anything is looked at."""

    n_cells: int
    lam: Tensor


def check_blocks(blocks: Sequence[int]) -> None:
    """Check numbers of cells.

    Raises
    ------
    TypeError, ValueError
        Naming the parameter and the value received.
    """
    if isinstance(blocks, (str, numbers.Number)) or not isinstance(blocks, Sequence):
        raise TypeError(
            "blocks must be a sequence of numbers of cells along an axis, such as"
            f" (2, 4, 8, 16); got {blocks!r}."
        )
    if not len(blocks):
        raise ValueError(f"blocks must hold one number at least; got {blocks!r}.")
    for number in blocks:
        check_integer("blocks", number, low=2)


def check_smooth(smooth: int) -> None:
    """Check the side of a square of pixels around one."""
    check_integer("smooth", smooth, low=1)
    if smooth % 2 == 0:
        raise ValueError(f"smooth must be odd; got {smooth!r}. Take {smooth + 1}.")


def check_clean(clean_lam: float, look_size: int | None) -> None:
    """Refuse a clean loss of images that are shrunk."""
    if clean_lam and look_size is not None:
        raise ValueError(
            f"clean_lam={clean_lam!r} weighs a loss of the images as they are, and"
            f" look_size={look_size!r} shrinks them; leave one of them out."
        )
