"""Mixing for people who keep their own skorch net.

`MixupMixin` stands before a skorch class and adds the parameters `mix`, `alpha` and
``mix__*``; the net stays a skorch net, with its own data, loader, callbacks, history
and saved files. For an estimator that also encodes tables, weights samples and passes
scikit-learn's checks, wrap the net instead: ``MixupClassifier(module=net)``.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from sklearn.utils import check_random_state
from skorch import NeuralNet
from skorch.dataset import unpack_data
from skorch.utils import to_tensor
from torch import Tensor, nn

from sk_mixup.mixing import (
    Companion,
    Method,
    MixContext,
    MixedTargets,
    MixPlan,
    companions_of,
    mix_layer,
    mixed_loss,
    resolve_method,
    row_means,
    target_form,
    unreduced,
)
from sk_mixup.training import (
    TrainStreams,
    check_mixing,
    companion_generator,
    copy_caller,
    score_anew,
    select,
)

__all__ = ["MixupMixin"]

_PREFIX = "mix__"


if TYPE_CHECKING:
    from skorch import NeuralNet as _Base
else:
    # At run time the mixin stands before whatever net class the user chooses.
    _Base = object


class MixupMixin(_Base):
    """Train a skorch net on mixed batches, with three more parameters.

    The mixin stands before the skorch class. Training steps see mixed batches;
    validation, scoring and prediction see the data as they are. Within a training step
    every call of `infer` mixes, in the input or in a hidden layer, and every call of
    `get_loss` blends the losses of both targets, so that a `train_step_single` or
    `get_loss` of your own goes on to work. `train_loss` in the history is that of mixed
    batches; scores on training data are computed anew, on clean ones.

    Parameters
    ----------
    *args, **kwargs : object
        Those of the skorch class, and ``mix__*`` for the method's own parameters.
    mix : str, Method, list or None, default="mixup"
        How to mix: a short name, a method object, a list of these of which one is drawn
        per batch, or None for no mixing.
    alpha : float or None, default=None
        Of methods given by name; None: the method's default; 0: no mixing.
    random_state : int, RandomState or None, default=None
        Seed of partners, lambda and places; weights, batch order and dropout read
        torch's global state, as in every skorch net, and mixing never reads or moves
        it. Drawn by `initialize`; a further `partial_fit` goes on with the streams.

    Attributes
    ----------
    mix_streams_ : TrainStreams
        The random streams of mixing, after `initialize`.

    Notes
    -----
    With one lambda per batch the loss is ``lam * get_loss(y) + (1 - lam) *
    get_loss(y_partner)``, for any criterion. With one lambda per row, the criterion is
    used with ``reduction="none"`` for the moment, and must offer that.

    Where a method learns the weights of labels from the net as it runs (CutMix of
    feature maps, PatchUp), `get_loss` takes those of the last `infer` of the step.

    Batches may be tensors, or dicts, tuples and lists of them; targets are one tensor.
    Methods that need facts of the whole training set know the number of rows per class,
    where `y` is given beside `X`, and not the information of columns (FEAT-MIX).

    See Also
    --------
    sk_mixup.MixupClassifier : The estimator; takes skorch nets as `module` too.

    Examples
    --------
    A net before, five lines:

    >>> import numpy as np
    >>> from skorch import NeuralNetClassifier
    >>> from torch import nn
    >>> class MyNet(NeuralNetClassifier):
    ...     pass
    >>> net = MyNet(nn.Linear(4, 2), criterion=nn.CrossEntropyLoss, verbose=0)

    And after:

    >>> from sk_mixup.skorch import MixupMixin
    >>> class MyNet(MixupMixin, NeuralNetClassifier):
    ...     pass
    >>> net = MyNet(
    ...     nn.Linear(4, 2), criterion=nn.CrossEntropyLoss, verbose=0, alpha=0.2
    ... )

    Everything else stays as it is:

    >>> X = np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32)
    >>> net.fit(X, (X[:, 0] > 0).astype(np.int64)).predict(X).shape
    (60,)
    >>> net.set_params(mix="manifold", mix__layers="input").get_params()["mix__layers"]
    'input'
    """

    prefixes_: ClassVar[list[str]] = [*NeuralNet.prefixes_, "mix"]
    mix_run_: _Run | None = None

    def __init__(
        self,
        *args: Any,
        mix: Any = "mixup",
        alpha: float | None = None,
        random_state: Any = None,
        **kwargs: Any,
    ) -> None:
        self.mix = mix
        self.alpha = alpha
        self.random_state = random_state
        super().__init__(*args, **kwargs)

    # -- parameters -----------------------------------------------------------------

    def get_params(self, deep: bool = True, **kwargs: Any) -> dict[str, Any]:
        """Return the parameters by name; ``mix__x`` given here hides the method's."""
        params = super().get_params(deep=deep, **kwargs)
        return params | self._mix_params()

    def set_params(self, **kwargs: Any) -> Any:
        """Set parameters by name; a new `mix` drops earlier ``mix__x``."""
        own = {k: v for k, v in kwargs.items() if k == "mix" or k.startswith(_PREFIX)}
        if "mix" in own:
            for key in self._mix_params():
                delattr(self, key)
        # skorch would look for a module, a criterion or an optimizer of this name.
        self.__dict__.update(own)
        rest = {key: value for key, value in kwargs.items() if key not in own}
        super().set_params(**rest)
        return self

    def _mix_params(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if k.startswith(_PREFIX)}

    # -- training -------------------------------------------------------------------

    def initialize(self) -> Any:
        """Initialize the net, and the random streams of mixing."""
        super().initialize()
        if self.random_state is None:
            # NumPy's global state, scikit-learn's None, would move.
            self.mix_streams_ = TrainStreams(secrets.randbits(31))
        else:
            random = check_random_state(self.random_state)
            seed = int(random.randint(np.iinfo(np.int32).max))
            self.mix_streams_ = TrainStreams(seed)
        return self

    def initialize_callbacks(self) -> Any:
        """Let scores on training data be computed anew, see `score_anew`."""
        super().initialize_callbacks()
        score_anew(self.callbacks_)
        return self

    def fit_loop(
        self, X: Any, y: Any = None, epochs: int | None = None, **kwargs: Any
    ) -> Any:
        """Train for some epochs on mixed batches."""
        overrides = {k[len(_PREFIX) :]: v for k, v in self._mix_params().items()}
        method = resolve_method(self.mix, alpha=self.alpha, overrides=overrides)
        if method is not None and not method.never_mixes:
            self.mix_run_ = _Run(
                method,
                first_epoch=len(self.history),
                n_epochs=self.max_epochs if epochs is None else epochs,
                class_counts=_class_counts(y),
            )
        try:
            return super().fit_loop(X, y, epochs, **kwargs)
        finally:
            self.mix_run_ = None

    def train_step(self, batch: Any, **fit_params: Any) -> Any:
        """Take one step; the batch is mixed alike however often the optimizer asks."""
        run = self.mix_run_
        if run is None:
            return super().train_step(batch, **fit_params)
        run.plan = self._draw_plan(run, batch)
        try:
            step = super().train_step(batch, **fit_params)
        finally:
            run.plan = run.passed = None
        if run.companions:
            y = to_tensor(unpack_data(batch)[1], device=self.device)
            for companion in run.companions:
                companion.learn(y, context=run.context)
                companion.step()
        return step

    def _draw_plan(self, run: _Run, batch: Any) -> MixPlan | None:
        device = self.device
        x, y = (to_tensor(part, device=device) for part in unpack_data(batch))
        if not isinstance(y, Tensor):
            raise TypeError(
                f"{type(self).__name__} mixes targets that are one tensor; got"
                f" {type(y).__name__}. Use mix=None, or one tensor of targets."
            )
        facts = {"class_counts": run.class_counts}
        if not run.is_tried:
            rows = slice(2)
            check_mixing(
                run.method,
                self,
                select(x, rows),
                y[rows],
                facts,
                criterion=self._row_losses,
            )
            run.is_tried = True
            run.companions = companions_of(
                run.method,
                self.module_,
                select(x, rows),
                call=copy_caller(self),
                criterion=self._row_losses,
                generator=companion_generator(self.mix_streams_),
            )
        run.context = MixContext(
            epoch=len(self.history) - 1 - run.first_epoch,
            n_epochs=run.n_epochs,
            module=self.module_,
            class_counts=run.class_counts,
            call=self.infer,
            criterion=self._row_losses,
            companions=run.companions,
        )
        streams = self.mix_streams_.mix
        plan = run.method.draw(x, y, generator=streams, context=run.context)
        return None if plan.is_identity else plan

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Run the module, on a mixed batch within a training step."""
        plan = None if self.mix_run_ is None else self.mix_run_.plan
        if plan is None:
            return super().infer(x, **fit_params)
        module, run = self.module_, self.mix_run_
        if plan.site is None:
            if getattr(module, "mixes_inside", False) and not plan.pastes:
                fit_params = fit_params | {"mix": plan.apply}
            else:
                x = plan.apply(to_tensor(x, device=self.device))
        with mix_layer(module, plan) as mixed:
            output = super().infer(x, **fit_params)
        assert run is not None
        # The labels of this pass; the optimizer may ask for another one.
        run.passed = mixed.plan
        return output

    def get_loss(self, y_pred: Any, y_true: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the loss: within a training step, that of both targets of each row."""
        run = self.mix_run_
        plan = None if run is None else run.passed or run.plan
        loss = self._mixed_loss(plan, y_pred, y_true, *args, **kwargs)
        if plan is None or plan.extra_loss is None:
            return loss
        return loss + plan.extra_loss()

    def _mixed_loss(
        self, plan: MixPlan | None, y_pred: Any, y_true: Any, *args: Any, **kwargs: Any
    ) -> Any:
        criterion = getattr(self, "criterion_", None)
        form = target_form(criterion)
        if form is None and plan is None:
            return super().get_loss(y_pred, y_true, *args, **kwargs)
        y = to_tensor(y_true, device=self.device)
        if form is not None:
            return _whole_loss(criterion, form, y_pred, y, plan)
        assert plan is not None

        def plain(targets: Tensor) -> Tensor:
            loss: Tensor = super(MixupMixin, self).get_loss(
                y_pred, targets, *args, **kwargs
            )
            return loss

        if y.ndim > 2:
            pixels = plan.pixel_targets(y)
            if pixels.y_partner is None:
                return plain(pixels.y)
            _check_masks(plan, pixels.own)
        parts = plan.label_parts(y)
        if (lam := plan.label_lam_host) is not None:
            (_, own_y), (_, other_y) = parts
            return lam * plain(own_y) + (1.0 - lam) * plain(other_y)
        with self._one_loss_per_row():
            losses = [plain(targets) for _, targets in parts]
        return _joined_losses(criterion, losses, parts)

    def _row_losses(self, output: Any, y: Tensor) -> Tensor:
        """Return one loss per clean row, or their mean, for a method that looks."""
        with self._one_loss_per_row():
            loss: Tensor = self._mixed_loss(None, output, y)
        return row_means(loss) if loss.ndim else loss

    @contextmanager
    def _one_loss_per_row(self) -> Iterator[None]:
        state: dict[str, Any] = self.__dict__
        if "criterion_" not in state:
            yield
            return
        # Past skorch, which registers criteria that are set.
        criterion = state["criterion_"]
        state["criterion_"] = unreduced(criterion)
        try:
            yield
        finally:
            state["criterion_"] = criterion

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what only a running training needs."""
        state: dict[str, Any] = super().__getstate__()
        state.pop("mix_run_", None)
        return state


def _check_masks(plan: MixPlan, own: Tensor | None) -> None:
    """Refuse shares of single pixels: the loss of a net of one's own has none."""
    if own is not None and own.ndim > 1:
        raise ValueError(
            f"mix: {type(plan).__name__} gives every pixel shares of its own, and"
            " MixupMixin weighs losses of whole rows. Use a method that pastes, such as"
            " mix='cutmix', one lambda per row, such as 'mixup', or"
            " MixupClassifier(module=net)."
        )


@dataclass
class _Run:
    """What is known of a training while it runs."""

    method: Method
    first_epoch: int
    n_epochs: int
    class_counts: Tensor | None
    is_tried: bool = False
    plan: MixPlan | None = None
    #: The plan with its label weights, once the net has run.
    passed: MixPlan | None = None
    context: MixContext | None = None
    companions: tuple[Companion, ...] = ()


def _class_counts(y: Any) -> Tensor | None:
    if not isinstance(y, (np.ndarray, Tensor)) or y.ndim != 1 or not len(y):
        return None
    labels = torch.as_tensor(y)
    if labels.is_floating_point() or labels.is_complex() or int(labels.min()) < 0:
        return None
    return torch.bincount(labels.long().cpu())


def _whole_loss(
    criterion: Any, form: str, output: Tensor, y: Tensor, plan: MixPlan | None
) -> Tensor:
    """Return the loss of a criterion that takes mixed targets whole."""
    if form == "plan":
        loss: Tensor = criterion(output, y, plan)
        return loss.mean()
    if plan is None:
        return mixed_loss(
            criterion, output, MixedTargets(y, y, torch.ones(len(y), device=y.device))
        )
    pair = plan.own_rows(y), plan.partner_rows(y)
    return mixed_loss(criterion, output, MixedTargets(*pair, plan.own_share))


def _joined_losses(
    criterion: Any,
    losses: Sequence[Tensor],
    parts: Sequence[tuple[Tensor, Tensor]],
) -> Tensor:
    """Weigh the losses of every row, and reduce them as the criterion does."""
    if losses[0].ndim == 0:
        if any(bool((share != share[0]).any()) for share, _ in parts):
            raise ValueError(
                f"criterion: {type(criterion).__name__} returned a scalar, but rows"
                " differ in lambda. Give a criterion with a `reduction`, or draw one"
                " lambda per batch (mix__per='batch')."
            )
        shares = [share[0] for share, _ in parts]
        first, *others = map(torch.mul, shares, losses)
        return sum(others, first)
    shares = [share for share, _ in parts]
    first, *others = map(torch.mul, shares, map(row_means, losses))
    rows = sum(others, first)
    if getattr(criterion, "reduction", "mean") == "sum":
        return rows.sum()
    weight = getattr(criterion, "weight", None)
    if weight is None or not isinstance(criterion, (nn.CrossEntropyLoss, nn.NLLLoss)):
        return rows.mean()
    # The mean that torch takes over class weights.
    return rows.sum() / sum((share * weight[y]).sum() for share, y in parts)
