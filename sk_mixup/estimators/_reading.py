"""From what `fit` is given to encoded training and validation rows.

Targets, weights and columns are checked and encoded here, and rows held out, so that
what comes after knows tensors alone.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from sklearn.utils.validation import check_consistent_length

from sk_mixup.estimators._checks import (
    check_groups,
    check_weight,
    drop_weightless,
    normalized,
)
from sk_mixup.estimators._fold_members import (
    member_counts,
    members_method,
    takes_auto_alpha,
)
from sk_mixup.estimators._holdout import hold_out, split_problem
from sk_mixup.estimators._intake import (
    brings_targets,
    given_targets,
    new_stream,
    note_features,
    refuse_for_streams,
)
from sk_mixup.estimators._settings import SettingsMixin
from sk_mixup.estimators._target_hooks import TargetHooks
from sk_mixup.inputs import ArrayInput, TableInput, is_stream
from sk_mixup.mixing import Method
from sk_mixup.training import (
    AUTO_EARLY_STOPPING_ROWS,
    ArrayData,
    StreamData,
    TrainStreams,
)


@dataclass
class FitData:
    """What a training is made of.

    Attributes
    ----------
    X, y : object
        As they were given; for scikit-learn's callbacks.
    source, target : encoders
        Fitted.
    train, valid : ArrayData, StreamData or None
    method : Method or None
    streams : TrainStreams
    going_on : bool
        Whether the training goes on with the weights of the last one.
    partial : bool
        Whether it is one epoch of `partial_fit`.
    members : tuple of int
        Members of the net, and the folds that they leave out; zeros for none.
    """

    X: Any
    y: Any
    source: Any
    target: Any
    train: ArrayData | StreamData
    valid: ArrayData | StreamData | None
    method: Method | None
    streams: TrainStreams
    going_on: bool
    partial: bool
    members: tuple[int, int] = (0, 0)


class ReadingMixin(SettingsMixin, TargetHooks):
    """Reads and encodes the data of a fit."""

    def _read(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        groups: Any = None,
        classes: Any = None,
        partial: bool = False,
    ) -> FitData:
        """Return the data of a fit, checked and encoded."""
        going_on = hasattr(self, "net_") and (partial or self.warm_start)
        method = self._check_parameters(partial, X)
        source = self._source_ if going_on else None
        streams = copy.deepcopy(self._streams_) if going_on else self._new_streams()
        if source is None:
            source = self._new_source(streams, X)
        if isinstance(source, ArrayInput):
            source.collate = self._collate()
        train: ArrayData | StreamData
        if is_stream(X):
            refuse_for_streams(self, y=y, sample_weight=sample_weight, groups=groups)
            target, train = self._read_stream(source, X, classes, going_on)
            note_features(self, train, reset=not going_on)
            valid = self._validation(source, target, X_val, y_val, sample_weight_val)
            return FitData(
                X, y, source, target, train, valid, method, streams, going_on, partial
            )
        table = source.check(X)
        note_features(self, table, reset=not going_on)
        known = given_targets(self, table, y)
        check_consistent_length(table, known)
        weight = check_weight("sample_weight", sample_weight, len(table))
        groups = check_groups(groups, len(table))
        target = self._target_ if going_on else None
        if target is None:
            target = self._fit_target(known, weight, classes)
        elif classes is not None:
            self._check_same_classes(classes)
        labels = torch.from_numpy(target.transform(known))
        weight = self._class_weighted(target, labels, weight)
        table, labels, weight, groups = drop_weightless(table, labels, weight, groups)
        if not (going_on or partial):
            self._check_classes_left(target, labels)
        x = source.transform(table) if going_on else source.fit_transform(table)
        train = ArrayData(x, labels, normalized(weight), groups)
        valid = self._validation(source, target, X_val, y_val, sample_weight_val)
        stratified = self._stratifies(target)
        members = 0, 0
        if valid is None and not partial:
            members = member_counts(
                self, source, train, method, stratified=stratified, going_on=going_on
            )
        if members[0]:
            is_auto = takes_auto_alpha(self, True)
            method = members_method(self, method, members, is_auto=is_auto)
        elif valid is None and self._stops_early(train, stratified, partial):
            train, valid = hold_out(
                train,
                self.validation_fraction,
                seed=streams.split_seed,
                stratified=stratified,
            )
        if isinstance(source, TableInput) and not going_on:
            soft = getattr(target, "kind", None) == "soft"
            known_as = train.y.argmax(1) if soft else train.y
            source.look_at_target(train.X, known_as, train.weight)
        return FitData(
            X,
            known,
            source,
            target,
            train,
            valid,
            method,
            streams,
            going_on,
            partial,
            members,
        )

    def _read_stream(
        self, source: Any, X: Any, classes: Any, going_on: bool
    ) -> tuple[Any, StreamData]:
        """Return the target and the data of an iterable, of which little is known."""
        refuse_for_streams(self, class_weight=getattr(self, "class_weight", None))
        stream = new_stream(source, X, fits=not going_on)
        if going_on:
            target = self._target_
            if classes is not None:
                self._check_same_classes(classes)
        else:
            if self._is_classifier and classes is None:
                raise ValueError(
                    "classes must be given for an iterable data set: all labels, which"
                    " nobody can know before the last row has come."
                )
            first = classes if self._is_classifier else stream.first_targets()
            target = self._fit_target(first, None, classes)
        return target, new_stream(source, X, target, fits=False)

    def _validation(
        self,
        source: Any,
        target: Any,
        X_val: Any,
        y_val: Any,
        sample_weight_val: Any,
    ) -> ArrayData | StreamData | None:
        """Return the encoded validation data that the user gave, or None."""
        if X_val is None:
            for name, value in (
                ("y_val", y_val),
                ("sample_weight_val", sample_weight_val),
            ):
                if value is not None:
                    raise ValueError(f"{name} was given without X_val.")
            return None
        if y_val is None and not brings_targets(X_val):
            raise ValueError("X_val was given without y_val.")
        if self.early_stopping is False:
            raise ValueError(
                "X_val was given, and early_stopping=False would not use it. Say"
                " early_stopping='auto' or True, or leave X_val out."
            )
        if is_stream(X_val):
            refuse_for_streams(self, y_val=y_val, sample_weight_val=sample_weight_val)
            return new_stream(source, X_val, target, fits=False)
        table = source.check(X_val)
        note_features(self, table, reset=False)
        y_val = given_targets(self, table, y_val)
        check_consistent_length(table, y_val)
        weight = check_weight("sample_weight_val", sample_weight_val, len(table))
        labels = torch.from_numpy(target.transform(y_val))
        weight = self._class_weighted(target, labels, weight)
        table, labels, weight, _ = drop_weightless(table, labels, weight)
        return ArrayData(source.transform(table), labels, normalized(weight))

    def _stops_early(self, train: ArrayData, stratified: bool, partial: bool) -> bool:
        """Whether a validation part is held out."""
        if partial or self.early_stopping is False:
            return False
        if self.early_stopping == "auto" and len(train) < AUTO_EARLY_STOPPING_ROWS:
            return False
        problem = split_problem(train, self.validation_fraction, stratified=stratified)
        if problem is None:
            return True
        if self.early_stopping is True:
            raise ValueError(
                f"early_stopping=True needs a validation part, and {problem}. Give"
                " X_val and y_val, or say early_stopping=False."
            )
        return False
