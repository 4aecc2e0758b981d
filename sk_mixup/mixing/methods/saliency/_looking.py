"""The base of methods that look at what the net makes of a batch before they mix it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from sk_mixup.mixing._batch import lam_dtype
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing
from sk_mixup.mixing._method import Method
from sk_mixup.mixing._params import check_choice, check_integer
from sk_mixup.mixing.draws import (
    MixStreams,
    check_schedule,
    keeps_rows,
    rows_let_in,
    self_pairs,
    uniform,
)
from sk_mixup.mixing.looks import check_images
from sk_mixup.mixing.methods._cutmix import CutMix
from sk_mixup.mixing.plans import MaskPlan, MixPlan, SoftMaskPlan, mask_lam


class LookingMethod(Method):
    """Base of methods that look at a batch, and mostly at the net, to draw.

    A subclass draws all its random numbers in `_draw_numbers` and makes its plan in
    `_look`, which is not called where nothing would be mixed: behind a closed gate,
    with ``alpha=0``, without a partner.

    Parameters
    ----------
    every : int, default=1
        One batch in so many is looked at, drawn at random, so that a training that is
        taken up again goes on alike. The others are mixed by `_unseen`.
    look_size : int or None, default=None
        Images are shrunk for the look, until their longer side has so many pixels:
        half of it is about a quarter of the price. None: as they are.

    Attributes
    ----------
    needs_module : bool
        Whether the net is asked; a method that looks at pixels alone needs none.
    looks_at : {"images", "embeddings", ...}
        What kind of input it takes.
    numbers_stay : bool
        Whether the numbers drawn are used on the host.
    """

    group = "saliency"
    # A property for the checker: it may follow from the parameters.
    if TYPE_CHECKING:

        @property
        def needs_module(self) -> bool:
            """Whether the net is asked."""
    else:
        needs_module = True
    looks_at: str = "images"
    numbers_stay: bool = False
    every: int
    look_size: int | None

    @property
    def reads_module(self) -> bool:
        """Whether a draw looks at the weights: then none is made ahead of its step."""
        return self.needs_module

    def _validate(self) -> None:
        if hasattr(self, "alpha"):
            check_schedule("alpha", self.alpha, low=0.0)
        if hasattr(self, "per"):
            check_choice("per", self.per, ("batch", "row"))
        check_integer("every", self.every, low=1)
        if self.look_size is not None:
            check_integer("look_size", self.look_size, low=2)
        if keeps_rows(self.pairing):
            raise ValueError(
                f"pairing={self.pairing!r} keeps rows of earlier batches, and"
                f" {type(self).__name__} looks at the batch alone. Use another pairing,"
                " such as 'shuffle'."
            )

    def _batch_drawing(
        self,
        x: Any,
        first: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        given, x = x, self._check_input(x)
        n_rows = len(first)
        # The first draw of all: which of the two ways is gone moves no other draw.
        if uniform(streams.site) * self.every >= 1.0:
            unseen = self._unseen()
            return (yield from unseen._batch_drawing(given, first, y, streams, context))
        per_row = getattr(self, "per", "batch") == "row"
        gate = (
            self._open_rows(n_rows, streams, context)
            if per_row
            else self._gate_is_open(streams, context)
        )
        numbers = self._draw_numbers(x, streams, context)
        if self._too_few(n_rows):
            return self._identity(first)
        # Partners are drawn without mixing too: p and alpha move no other draw.
        partner = self._pair(first, y, streams, context)
        if gate is False or self._draws_no_mixing(context):
            return self._identity(first)
        open_rows = rows_let_in(gate, self._p_now(context))
        numbers = self._to_send(x, numbers, context)
        if self.numbers_stay:
            partner, open_rows = yield partner, open_rows
        else:
            partner, open_rows, numbers = yield partner, open_rows, numbers
        if self._may_pair_selves(context):
            paired = ~self_pairs(partner)
            open_rows = paired if open_rows is None else open_rows & paired
        try:
            return self._look(x, y, partner, open_rows, numbers, context)
        except torch.cuda.OutOfMemoryError:
            raise
        except RuntimeError as error:
            if self.look_size is None:
                raise
            raise ValueError(
                f"{type(self).__name__}: the net cannot be asked about images as small"
                f" as look_size={self.look_size} makes them ({error}). Leave look_size"
                " out, or use every=4 to look less often."
            ) from error

    # -- for subclasses -------------------------------------------------------------

    def _check_input(self, x: Any) -> Any:
        """Return the batch; raise where there is nothing to look at."""
        return check_images(type(self).__name__, x)

    def _draw_numbers(
        self, x: Any, streams: MixStreams, context: MixContext | None
    ) -> Any:
        """Draw all random numbers of a batch.

        Parameters
        ----------
        x : object
            The batch as `_check_input` returns it; the number of draws depends on its
            shape alone.
        streams, context :
            As for `draw`.

        Returns
        -------
        numbers : object
            For `_look`; tensors are sent to the device of the batch.
        """
        raise NotImplementedError

    def _to_send(self, x: Any, numbers: Any, context: MixContext | None) -> Any:
        """Return the numbers of a batch that is mixed as `_look` gets them.

        Parameters
        ----------
        x : object
            The batch as `_check_input` returns it.
        numbers : object
            What `_draw_numbers` returned.
        context : MixContext or None
        """
        return numbers

    def _look(
        self,
        x: Any,
        y: Tensor | None,
        partner: Tensor,
        open_rows: Tensor | None,
        numbers: Any,
        context: MixContext | None,
    ) -> MixPlan:
        """Look at a batch, and make the plan.

        Parameters
        ----------
        x : object
            The batch as `_check_input` returns it, of two rows at least.
        y : Tensor or None
        partner : Tensor of shape (B,)
        open_rows : Tensor of shape (B,), bool, or None
            Rows that are mixed, which have another one as partner; None: all.
        numbers : object
            What `_draw_numbers`, and then `_to_send`, returned.
        context : MixContext or None
        """
        raise NotImplementedError

    def _unseen(self) -> Method:
        """Return what mixes the batches that are not looked at: CutMix."""
        return CutMix(
            getattr(self, "alpha", 1.0),
            per=getattr(self, "per", "batch"),
            p=self.p,
            pairing=self.pairing,
        )

    def _draws_no_mixing(self, context: MixContext | None) -> bool:
        return hasattr(self, "alpha") and self._alpha_now(context) == 0

    # -- help -----------------------------------------------------------------------

    def _shrunk(self, x: Tensor) -> Tensor:
        """Return the images to look at, as floats."""
        x = x if x.dtype in (torch.float32, torch.float64) else x.float()
        longer = max(x.shape[2:])
        if self.look_size is None or longer <= self.look_size:
            return x
        size = [max(1, round(n * self.look_size / longer)) for n in x.shape[2:]]
        return functional.interpolate(x, size, mode="area")

    @staticmethod
    def _mask_plan(
        x: Tensor, partner: Tensor, mask: Tensor, open_rows: Tensor | None
    ) -> MixPlan:
        """Return the plan of a mask per row, which is lifted from rows that are closed.

        Parameters
        ----------
        x : Tensor of shape (B, channels, height, width)
        partner : Tensor of shape (B,)
        mask : Tensor of shape (B or 1, height, width), bool or float
            The partner's share of every place.
        open_rows : Tensor of shape (B,), bool, or None
        """
        if open_rows is not None:
            mask = mask * open_rows.view(-1, 1, 1)
        lam = mask_lam(mask, len(x), lam_dtype(x))
        plan = MaskPlan if mask.dtype == torch.bool else SoftMaskPlan
        return plan(partner, lam, mask=mask)
