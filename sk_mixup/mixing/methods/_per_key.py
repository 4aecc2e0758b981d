"""One plan for several inputs, each of which is mixed in its own way.

A text with its attention mask, an image with its caption: partners and lambda are the
same for all parts of a row, and what "to mix" means differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing
from sk_mixup.mixing._method import Method
from sk_mixup.mixing._params import check_choice
from sk_mixup.mixing.draws import MixStreams
from sk_mixup.mixing.methods._wrapper import Wrapper
from sk_mixup.mixing.plans import MixPlan, take_rows, to_blendable, united

_CHOICES = ("mix", "blend", "majority", "union", "keep")


@dataclass(frozen=True, eq=False, repr=False)
class PerKeyPlan(MixPlan):
    """Apply one plan to each part of an input in a way of its own.

    Parameters
    ----------
    inner : MixPlan or None
        The plan of the inner method.
    how : dict of key to str, or None
        As for `PerKey`.
    """

    inner: MixPlan | None = None
    how: Mapping[Any, str] | None = None

    @property
    def n_rows(self) -> int:
        """Rows of the batch that the plan was drawn for."""
        assert self.inner is not None
        return self.inner.n_rows

    # A field of the base, which follows from the inner plan here.
    @property
    def rows(self) -> Tensor | None:  # type: ignore[override]
        """Source row of every mixed row; None: the rows of the batch in order."""
        assert self.inner is not None
        return self.inner.rows

    @property
    def pastes(self) -> bool:
        """Whether whole values move and none are blended."""
        assert self.inner is not None
        return self.inner.pastes and "blend" not in (self.how or {}).values()

    @property
    def places_size(self) -> tuple[int, ...] | None:
        """Spatial shape that the inner plan was drawn for."""
        assert self.inner is not None
        return self.inner.places_size

    def partner_places(self, shape: Sequence[int]) -> Tensor | None:
        """Return what the inner plan says of places."""
        assert self.inner is not None
        return self.inner.partner_places(shape)

    def partner_pixels(self, y: Tensor) -> Tensor:
        """Return the partners' maps as the inner plan moves them."""
        assert self.inner is not None
        return self.inner.partner_pixels(y)

    def moved_boxes(self, row: int, boxes: Tensor) -> Tensor:
        """Return the partner's boxes as the inner plan moves them."""
        assert self.inner is not None
        return self.inner.moved_boxes(row, boxes)

    def apply(self, x: Any) -> Any:
        """Mix every part of a dict, tuple or list.

        Parameters
        ----------
        x : dict, tuple or list of Tensor of shape (B, ...)
            Never changed in place.

        Returns
        -------
        mixed : like `x`

        Raises
        ------
        ValueError
            If `how` has a key that the input lacks.
        TypeError
            If the input has no keys, or integers would be blended.
        """
        assert self.inner is not None
        how = check_keys(x, self.how)
        if not how:
            return self.inner.apply(x)
        # All at once: a plan may treat the tensors of an input by their keys.
        mixed = self.inner.apply(mixed_parts(x, how))
        if isinstance(x, Mapping):
            return {k: mixed[k] if k in mixed else self._part(x[k], how[k]) for k in x}
        parts = [
            mixed[i] if i in mixed else self._part(part, how[i])
            for i, part in enumerate(x)
        ]
        return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)

    def _part(self, x: Tensor, how: str) -> Tensor:
        self._check_rows(x, "a tensor")
        own = x if self.rows is None else take_rows(x, self.rows)
        if how == "keep":
            return own
        lam = self.lam.view((-1,) + (1,) * (x.ndim - 1))
        other = take_rows(x, self.partner)
        if how == "blend":
            own = to_blendable(own)
            return to_blendable(other).lerp(own, lam.to(own.dtype))
        if how == "majority":
            return torch.where(lam >= 0.5, own, other)
        return united(own, other, self.lam)


def check_keys(x: Any, how: Mapping[Any, str] | None) -> Mapping[Any, str]:
    """Return `how`; raise where it names parts that the input lacks.

    Raises
    ------
    TypeError
        If the input is one tensor and has no parts.
    ValueError
        For an unknown key.
    """
    if not how:
        return {}
    if isinstance(x, Tensor):
        raise TypeError(
            f"PerKey: how={dict(how)!r} needs a dict, tuple or list of tensors as the"
            f" input; got one tensor of shape {tuple(x.shape)}. Leave how out."
        )
    known = list(x) if isinstance(x, Mapping) else list(range(len(x)))
    for key in how:
        if key not in known:
            raise ValueError(
                f"PerKey: how has the key {key!r}, which the input lacks; it has"
                f" {known}."
            )
    return how


def mixed_parts(x: Any, how: Mapping[Any, str]) -> dict[Any, Any]:
    """Return the parts that are left to the method, by key or position."""
    items = x.items() if isinstance(x, Mapping) else enumerate(x)
    return {key: value for key, value in items if how.get(key, "mix") == "mix"}


class PerKey(Wrapper):
    """Mix a dict or tuple of tensors by one plan, each tensor in its own way.

    Parameters
    ----------
    method : Method or None, default=None
        What draws partners, lambda and masks, and mixes the tensors that `how` does
        not name (``method__alpha`` and so on; `alpha` alone means the same). A method
        that looks at the shape of its input, such as `CutMix`, sees the first of
        these. None: `Mixup`.
    how : dict or None, default=None
        What to do with a tensor, by key of a dict or position in a tuple or list:

        - ``"mix"``: as the method does (also for keys that are left out).
        - ``"blend"``: ``lam * own + (1 - lam) * partner``, with the lambda of the plan.
        - ``"majority"``: the own rows where lambda is at least 1/2, else the partner's;
          any dtype.
        - ``"union"``: what is set in either of the two, for attention masks; the larger
          of two numbers. Rows with lambda 1 (or 0) take the own (the partner's) alone.
        - ``"keep"``: the own rows.

    Notes
    -----
    Targets are weighted by the shares of the plan, whatever `how` says: a tensor that
    is kept, or of which the majority is taken, carries no part of the mixture.

    Hidden layers hold one tensor without keys, so the method must mix the input.

    References
    ----------
    The union of attention masks: Chen, Yang, Yang: MixText, ACL 2020 (its code).

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import Mixup, PerKey
    >>> x = {"text": torch.randn(4, 7, 3), "mask": torch.rand(4, 7) < 0.5}
    >>> method = PerKey(Mixup(1.0), how={"mask": "union"})
    >>> mixed, targets = method(x, torch.arange(4), n_classes=4)
    >>> {key: value.dtype for key, value in mixed.items()}
    {'text': torch.float32, 'mask': torch.bool}
    """

    short_name = "per_key"
    cost = "that of the inner method"
    paper = "any method, for several inputs"

    def __init__(
        self, method: Method | None = None, how: Mapping[Any, str] | None = None
    ) -> None:
        super().__init__(method)
        self.how = how

    def _validate(self) -> None:
        if self.how is None:
            return
        if not isinstance(self.how, Mapping):
            raise TypeError(
                "how must be a dict such as {'mask': 'union'}; got"
                f" {self.how!r} of type {type(self.how).__name__}."
            )
        for key, value in self.how.items():
            check_choice(f"how[{key!r}]", value, _CHOICES)

    def _whole_drawing(
        self,
        x: Any,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        """Draw the inner method's plan."""
        self.validate()
        how = check_keys(x, self.how)
        seen = mixed_parts(x, how) or x if how else x
        plan = yield from self.method.drawing(seen, y, streams, context)
        # An empty box is a clean batch for its own entry; others have their own rules.
        if plan.is_identity and not how:
            return plan
        if plan.site is not None or plan.pool is not None:
            raise ValueError(
                "PerKey mixes the parts of the input within one batch; its method drew"
                + (
                    f" the hidden layer {plan.site!r}. Use that method without PerKey."
                    if plan.site is not None
                    else " partners from memory. Choose another pairing."
                )
            )
        if plan.weighs_late:
            raise ValueError(
                "PerKey needs to know the weights of labels; its method learns them"
                " from the net while it runs. Use that method without PerKey."
            )
        return PerKeyPlan(
            plan.partner,
            plan.lam,
            lam_host=plan.lam_host,
            label_lam=plan.label_lam,
            label_partner=plan.label_partner,
            extra_loss=plan.extra_loss,
            label_sources=plan.label_sources,
            inner=plan,
            how=how,
        )
