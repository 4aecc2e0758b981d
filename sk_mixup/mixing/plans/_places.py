"""What a plan says of targets that have places: masks, and boxes around objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from sk_mixup.mixing.plans._objects import mixed_boxes
from sk_mixup.mixing.plans._pixels import PixelTargets, mixed_masks, pixel_targets


class OfPlaces:
    """Base of all plans: masks and boxes mixed as the images are.

    A plan that knows what it does to a place says it in `partner_places`; the rest
    follows.
    """

    if TYPE_CHECKING:

        @property
        def partner(self) -> Tensor:
            """Index of each row's partner."""

        @property
        def site(self) -> str | None:
            """Name of the layer that is mixed."""

        @property
        def n_rows(self) -> int:
            """Rows of the batch."""

        @property
        def is_identity(self) -> bool:
            """Whether nothing is mixed."""

        @property
        def label_weights(self) -> tuple[Tensor, Tensor]:
            """Weights of both targets of a row."""

        def own_rows(self, t: Tensor) -> Tensor:
            """Return the own entries of targets."""

        def partner_rows(self, y: Tensor) -> Tensor:
            """Return the partners' entries of targets."""

    @property
    def places_size(self) -> tuple[int, ...] | None:
        """Spatial shape that a plan of places was drawn for; None: it knows none."""
        return None

    def partner_places(self, shape: Sequence[int]) -> Tensor | None:
        """Return the partner's share of every place of a map of targets.

        Parameters
        ----------
        shape : sequence of int
            Of the targets. Where it is not that of the mixed map, a place asks the
            nearest one.

        Returns
        -------
        places : Tensor of shape (B or 1, *size), bool or float, or None
            bool where whole values move. None: `label_weights` hold at every place.

        Raises
        ------
        ValueError
            For plans that move no places, or others than a mask has.
        """
        raise ValueError(
            f"{type(self).__name__} cannot be applied to masks or boxes: what it does"
            " to an input says nothing of single places. Use a method that blends, such"
            " as mix='mixup' or 'manifold', or one that pastes, such as 'cutmix'."
        )

    def partner_pixels(self, y: Tensor) -> Tensor:
        """Return the partners' maps of targets, as they lie in the mixed rows."""
        return self.partner_rows(y)

    def moved_boxes(self, row: int, boxes: Tensor) -> Tensor:
        """Return the partner's boxes, (k, 4), as they lie in one mixed image."""
        return boxes

    def pixel_targets(self, y: Tensor) -> PixelTargets:
        """Return the targets of every place: one, or two with their weights.

        Parameters
        ----------
        y : Tensor of shape (B, *size) or (B, channels, *size)
        """
        return pixel_targets(self, y)

    def apply_masks(
        self,
        masks: Tensor,
        n_classes: int | None = None,
        *,
        ignore_index: int | None = None,
    ) -> Tensor:
        """Mix the masks of images as the images are mixed.

        Parameters
        ----------
        masks : Tensor of shape (B, height, width) or (B, channels, height, width)
            Classes (integers), or numbers per channel, such as probabilities (floats).
            Of the size of the images, or of another.
        n_classes : int or None
            For classes that a method blends.
        ignore_index : int or None
            Class of pixels that do not count: where classes are blended, they add to no
            class, so that a cross-entropy leaves them out.

        Returns
        -------
        mixed : Tensor
            Like `masks` where places are pasted, and for floats; shares of shape (rows,
            n_classes, height, width) where classes are blended.

        Raises
        ------
        ValueError
            For plans that move no places (columns, dimensions, aligned features).
        """
        return mixed_masks(self, masks, n_classes, ignore_index)

    def apply_boxes(
        self,
        boxes: Sequence[Tensor],
        labels: Sequence[Tensor],
        *,
        min_visible: float = 0.1,
        size: tuple[int, int] | None = None,
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Mix the objects of images as the images are mixed.

        Where places are pasted, objects of both images are cut to what is seen of them,
        and dropped where that is too little. Where images are blended, all objects of
        both stay.

        Parameters
        ----------
        boxes : sequence of B Tensor of shape (k, 4)
            Corners x1, y1, x2, y2 in pixels of the image.
        labels : sequence of B Tensor of shape (k, ...)
        min_visible : float, default=0.1
            Least share of a box (of what lies in the image) that must be seen.
        size : (height, width) or None
            Of the images, at whose borders boxes are cut. Plans that paste know it.

        Returns
        -------
        boxes, labels, weights : lists of Tensor, one per mixed row
            A weight is how much of an object is there: the share seen of its box, or
            the share of its image in a blend.

        Raises
        ------
        ValueError
            If boxes do not fit the plan, or for plans that move no places.

        Examples
        --------
        >>> import torch
        >>> from sk_mixup.mixing import CutMix
        >>> images = torch.rand(2, 3, 32, 32)
        >>> boxes = [torch.tensor([[0.0, 0.0, 8.0, 8.0]]), torch.zeros(0, 4)]
        >>> labels = [torch.tensor([7]), torch.zeros(0, dtype=torch.int64)]
        >>> plan = CutMix().draw(images, generator=torch.Generator().manual_seed(1))
        >>> mixed = plan.apply(images)
        >>> boxes, labels, weights = plan.apply_boxes(boxes, labels)
        >>> len(boxes), boxes[0].shape[1]
        (2, 4)
        """
        return mixed_boxes(self, boxes, labels, min_visible, size)
